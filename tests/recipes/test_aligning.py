"""A pre-trained Adaptor over both encoders of a run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from carina.adaptors import Reads, Sequences
from carina.core import InvalidValue, Mismatch, MissingFile
from carina.features import Store
from carina.learning import ZeroShot, save_adaptor
from carina.recipes import (
    Align,
    Continual,
    Finished,
    Prepared,
    prepare,
    run,
    run_name,
)
from carina.studies import Manifest
from tests.recipes.over_an_adaptor import adaptor


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adaptor") / "adaptor"
    save_adaptor(folder, adaptor())
    return folder


@pytest.fixture(scope="module")
def aligned(folder: Path) -> Continual:
    return Continual(
        name="aligned",
        encoders=("toy-image",),
        text_encoder="minilm-l6",
        strategy=ZeroShot(),
        align=Align(adaptor=str(folder)),
        folds=2,
        draws=100,
    )


@pytest.fixture(scope="module")
def ready(aligned: Continual, manifest: Manifest, store: Store) -> Prepared:
    return prepare(aligned, manifest, store)


def test_films_and_prompts_are_in_the_adaptors_space(
    ready: Prepared, aligned: Continual, manifest: Manifest, store: Store
) -> None:
    apart = prepare(replace(aligned, align=None), manifest, store).labelled
    whole, prompts = adaptor(), ready.labelled.prompts
    assert prompts is not None
    assert apart.prompts is not None
    first = apart.prompts.positive[1]

    assert ready.setting.zero_shot
    assert (ready.setting.image_dim, ready.setting.text_dim) == (24, 24)
    assert ready.why_no_zero_shot == ""
    torch.testing.assert_close(
        ready.labelled.features, whole.embed_images(Sequences.of_vectors(apart.features))
    )
    torch.testing.assert_close(prompts.positive[1], whole.embed_texts(Sequences.of_vectors(first)))


def test_zero_shot_goes_through_it(ready: Prepared, aligned: Continual, tmp_path: Path) -> None:
    *_, done = run(aligned, ready, tmp_path)
    assert isinstance(done, Finished)
    scores = done.results.scores["auroc"][0]

    assert scores
    assert all(estimate.defined for estimate in scores.values())


def test_another_adaptor_is_another_run_and_another_place_is_not(
    ready: Prepared, aligned: Continual, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    save_adaptor(tmp_path / "moved", adaptor())
    save_adaptor(tmp_path / "other", adaptor(seed=1))
    moved = replace(aligned, align=Align(adaptor=str(tmp_path / "moved")))
    other = replace(aligned, align=Align(adaptor=str(tmp_path / "other")))

    assert run_name(moved, prepare(moved, manifest, store)) == run_name(aligned, ready)
    assert run_name(other, prepare(other, manifest, store)) != run_name(aligned, ready)


def test_an_adaptor_that_does_not_fit_is_refused(
    aligned: Continual, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    save_adaptor(tmp_path / "tokens", adaptor(reads=Reads.TOKENS))
    save_adaptor(tmp_path / "foreign", adaptor(text="toy-text"))
    for place, error, said in (
        ("tokens", Mismatch, "reads = 'vectors'"),
        ("foreign", Mismatch, "carina pretrain DATA --image-encoder toy-image"),
        ("gone", MissingFile, "no folder"),
    ):
        recipe = replace(aligned, align=Align(adaptor=str(tmp_path / place)))
        with pytest.raises(error, match=said):
            prepare(recipe, manifest, store)
    with pytest.raises(InvalidValue, match="one image encoder and one text encoder"):
        replace(aligned, text_encoder="")


def test_embedding_by_pieces_changes_nothing(ready: Prepared) -> None:
    norms = ready.labelled.features.norm(dim=1).numpy()

    np.testing.assert_allclose(norms, 1, rtol=1e-5)

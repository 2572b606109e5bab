"""A segmentation that is killed goes on where it stood, and ends with the same numbers."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from carina.adaptors import Convolutional, CrossModal, PretrainedAdaptor
from carina.core import InvalidValue, Mismatch
from carina.encoders import EncoderCard, load_image_encoder
from carina.evaluation import MaskResults
from carina.features import Store, encode
from carina.learning import Segmenting, load_adaptor, save_adaptor
from carina.phantoms import write_phantoms
from carina.recipes import PreparedMasks, Segmentation, Segmented, prepare_masks, segment
from carina.studies import Manifest, Marks, find_marks, read_folder

RECIPE = Segmentation(
    name="lungs",
    encoder="toy-image",
    structure="lungs",
    teaching=Segmenting(decoder=Convolutional(widths=(4,)), steps=3),
    shares=(0.4, 1.0),
    repeats=2,
    draws=100,
)


Ground = tuple[Manifest, Marks, Store, EncoderCard]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    data, store = tmp_path_factory.mktemp("data"), Store(tmp_path_factory.mktemp("store"))
    list(write_phantoms(data, patients=14, seed=3, size=64, masks=True))
    manifest, toy = read_folder(data), load_image_encoder("toy-image")
    list(encode(manifest, toy, store, outputs=("pooled", "tokens"), workers=1))
    return manifest, find_marks(manifest, "lungs", data / "masks"), store, toy.card


@pytest.fixture(scope="module")
def prepared(ground: Ground) -> Iterator[PreparedMasks]:
    ready = prepare_masks(RECIPE, *ground)
    with ready.table:
        yield ready


def ended(recipe: Segmentation, prepared: PreparedMasks, out: Path) -> tuple[Path, MaskResults]:
    *_, last = segment(recipe, prepared, out)
    assert isinstance(last, Segmented)
    return last.folder, replace(last.results, seconds=0.0)


@pytest.mark.parametrize("killed_after", [2, 5, 8])
def test_killed_and_given_again_it_ends_with_the_same_numbers_and_weights(
    prepared: PreparedMasks, tmp_path: Path, killed_after: int
) -> None:
    folder, whole = ended(RECIPE, prepared, tmp_path / "whole")
    events = segment(RECIPE, prepared, tmp_path / "cut")
    list(islice(events, killed_after))
    events.close()  # type: ignore[attr-defined]
    again, resumed = ended(RECIPE, prepared, tmp_path / "cut")
    weights = [load_file(one / "decoder.safetensors") for one in (folder, again)]

    assert resumed == whole
    assert weights[0].keys() == weights[1].keys()
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert [path.name for path in (tmp_path / "cut").iterdir()] == [again.name]


def test_another_seed_or_another_form_is_another_run(
    prepared: PreparedMasks, tmp_path: Path
) -> None:
    names = {
        ended(recipe, prepared, tmp_path)[0].name
        for recipe in (
            RECIPE,
            replace(RECIPE, seed=1),
            replace(RECIPE, teaching=replace(RECIPE.teaching, steps=2)),
        )
    }

    assert len(names) == 3
    assert ended(replace(RECIPE, name="by another name"), prepared, tmp_path)[0].name in names


def an_adaptor(card: EncoderCard, folder: Path, *, encoder: str = "") -> Path:
    """Drawn and never taught, over the toy's cells or those of another encoder."""
    form = CrossModal(width=12, heads=2, hidden=8)
    adaptor = PretrainedAdaptor(
        config=form,
        module=form.build(image_dim=card.dim, text_dim=7, generator=torch.Generator()),
        image_dim=card.dim,
        text_dim=7,
        image_encoder=encoder or card.fingerprint,
        text_encoder="",
        data="pairs",
        pairs=3,
        patients=2,
    )
    save_adaptor(folder, adaptor)
    return folder


def test_through_a_frozen_adaptor_it_is_another_run_and_the_adaptor_stays_what_it_was(
    ground: Ground, prepared: PreparedMasks, tmp_path: Path
) -> None:
    place = an_adaptor(ground[3], tmp_path / "adaptor")
    before = load_adaptor(place).fingerprint
    through = replace(RECIPE, adaptor=str(place))
    ready = prepare_masks(through, *ground)
    with ready.table:
        folder, results = ended(through, ready, tmp_path / "runs")
        assert ready.adaptor is not None
        assert ready.adaptor.fingerprint == before
    plain, without = ended(RECIPE, prepared, tmp_path / "runs")

    assert folder != plain
    assert results.trainable < without.trainable  # 12 wide where the toy is 32
    assert "3 pairs of 2 patients" in results.adaptor
    assert without.adaptor == ""
    moved = replace(through, adaptor=str(place.rename(tmp_path / "moved")))
    with (again := prepare_masks(moved, *ground)).table:
        assert ended(moved, again, tmp_path / "runs")[0] == folder


def test_an_adaptor_over_another_encoder_is_refused(ground: Ground, tmp_path: Path) -> None:
    place = an_adaptor(ground[3], tmp_path / "adaptor", encoder="another")

    with pytest.raises(Mismatch, match="stands on other encoders than toy-image"):
        prepare_masks(replace(RECIPE, adaptor=str(place)), *ground)


def test_films_that_were_not_encoded_are_told_with_the_next_step(
    prepared: PreparedMasks, tmp_path: Path
) -> None:
    data, store = tmp_path / "data", Store(tmp_path / "store")
    list(write_phantoms(data, patients=14, seed=3, size=64, masks=True))
    manifest, toy = read_folder(data), load_image_encoder("toy-image")
    list(encode(manifest, toy, store, workers=1))  # pooled features alone
    marks = find_marks(manifest, "lungs", data / "masks")

    with pytest.raises(Mismatch, match=r"Encode them: carina encode DATA"):
        prepare_masks(RECIPE, manifest, marks, store, toy.card)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"shares": ()}, "Shares lie above 0"),
        ({"repeats": 0}, "one repeat or more"),
        ({"draws": 5}, "100 draws or more"),
    ],
)
def test_a_recipe_nobody_can_run_is_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidValue, match=told):
        replace(RECIPE, **wrong)  # type: ignore[arg-type]

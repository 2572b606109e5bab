"""A pre-training from a folder of films and reports to an Adaptor on disk."""

import json
import re
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from carina.adaptors import CrossModal, Projections, Reads, Sequences, ValueOnly
from carina.core import InvalidValue, Mismatch, UnknownName
from carina.encoders import load_image_encoder, load_text_encoder
from carina.features import Store, encode, encode_reports
from carina.learning import Canonical, Pretraining, load_adaptor
from carina.recipes import (
    PRETRAININGS,
    Pretrain,
    PretrainingDone,
    SharedReports,
    find_pretraining,
    prepare_pairs,
    run_pretraining,
)
from carina.studies import Manifest, ReportText, Split, reports_as

SHORT = Pretraining(
    adaptor=CrossModal(reads=Reads.VECTORS, width=16, heads=2, hidden=32, layers=1),
    rate=1e-2,
    batch=32,
    epochs=3,
)
SMALL = Pretrain(
    name="small",
    image_encoder="toy-image",
    text_encoder="toy-text",
    training=SHORT,
    learn=(Split.PRETRAIN, Split.TRAIN),
    draws=100,
)


@pytest.fixture(scope="module")
def told(manifest: Manifest) -> Manifest:
    """The hospital with reports of its own for every film: else most stand in two splits."""
    reports = tuple(f"{text}; film {row}" for row, text in enumerate(manifest.report))
    return replace(manifest, report=reports)


@pytest.fixture(scope="module")
def store(manifest: Manifest, told: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Patches of the films and words of the reports, of both tellings."""
    kept = ("pooled", "tokens")
    store = Store(tmp_path_factory.mktemp("pairs") / "store")
    for _ in encode(manifest, load_image_encoder("toy-image"), store, outputs=kept):
        pass
    for each in (manifest, told):
        for _ in encode_reports(each, load_text_encoder("toy-text"), store, outputs=kept):
            pass
    return store


def ended(recipe: Pretrain, manifest: Manifest, store: Store, out: Path) -> PretrainingDone:
    with prepare_pairs(recipe, manifest, store) as prepared:
        *_, last = run_pretraining(recipe, prepared, out)
    assert isinstance(last, PretrainingDone)
    return last


def test_patches_and_words_are_read_from_the_store(
    told: Manifest, store: Store, tmp_path: Path
) -> None:
    form = CrossModal(width=16, heads=2, hidden=32, layers=1)
    recipe = replace(SMALL, training=replace(SHORT, adaptor=form, piece=16))
    done = ended(recipe, told, store, tmp_path)
    with prepare_pairs(recipe, told, store) as prepared:
        images, texts = prepared.learn.read(np.arange(3))

    assert images.values.shape == (3, 16, 32)
    assert texts.there.sum(dim=1).tolist() == [
        1 + len(re.findall(r"\w+", told.report[row]))
        for row in told.rows(Split.PRETRAIN, Split.TRAIN)[:3]
    ]
    assert np.isfinite([epoch.held_out for epoch in done.results.epochs]).all()


def test_what_the_store_lacks_is_told_with_the_command_that_makes_it(
    told: Manifest, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    for _ in encode(told, load_image_encoder("toy-image"), store):
        pass
    with pytest.raises(UnknownName, match="carina encode DATA --encoder toy-text"):
        prepare_pairs(SMALL, told, store)
    for _ in encode_reports(told, load_text_encoder("toy-text"), store):
        pass
    tokens = replace(SMALL, training=Pretraining())
    wanted = "carina encode DATA --encoder toy-image --store STORE --outputs pooled,tokens"
    with pytest.raises(Mismatch, match=wanted):
        prepare_pairs(tokens, told, store)
    for _ in encode(told, load_image_encoder("toy-image"), store, outputs=("pooled", "tokens")):
        pass
    wanted = "reports have no tokens .* --encoder toy-text --store STORE --outputs pooled,tokens"
    with pytest.raises(Mismatch, match=wanted):
        prepare_pairs(tokens, told, store)


def test_it_leaves_an_adaptor_that_embeds_both_sides(
    told: Manifest, store: Store, tmp_path: Path
) -> None:
    done = ended(SMALL, told, store, tmp_path)
    adaptor = load_adaptor(done.folder / "adaptor")
    images = adaptor.embed_images(Sequences.of_vectors(torch.ones(3, 32)))
    texts = adaptor.embed_texts(Sequences.of_vectors(torch.ones(2, 32)))

    assert images.shape == (3, 16)
    assert texts.shape == (2, 16)
    torch.testing.assert_close(images.norm(dim=1), torch.ones(3))
    assert adaptor.pairs == done.results.pairs[0]
    assert adaptor.learned == done.results.learned
    assert (adaptor.image_encoder, adaptor.text_encoder) == (
        store.card("toy-image").fingerprint,
        store.card("toy-text").fingerprint,
    )
    with pytest.raises(Mismatch, match="images 32 wide; got 5"):
        adaptor.embed_images(Sequences.of_vectors(torch.ones(3, 5)))


def test_a_closed_form_leaves_an_adaptor_as_wide_as_there_are_directions(
    told: Manifest, store: Store, tmp_path: Path
) -> None:
    recipe = replace(SMALL, training=Canonical(width=12))
    done = ended(recipe, told, store, tmp_path)
    adaptor = load_adaptor(done.folder / "adaptor")

    assert adaptor.config == Projections(width=len(done.results.correlations))
    assert 1 <= len(done.results.correlations) <= 12
    assert adaptor.learned == done.results.learned
    assert done.results.epochs == ()
    assert ended(replace(recipe, seed=3), told, store, tmp_path).folder != done.folder


def test_what_it_leaves_holds_no_name_and_nothing_that_runs(
    told: Manifest, store: Store, tmp_path: Path
) -> None:
    folder = ended(SMALL, told, store, tmp_path).folder
    files = [path for path in folder.rglob("*") if path.is_file()]

    assert {path.suffix for path in files} == {".json", ".safetensors"}
    assert not any(b"Plantagenet" in path.read_bytes() for path in files)
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["packages"]["torch"] == version("torch")
    assert {"toy-image", "toy-text"} >= environment["self_checks"].keys()
    with safe_open(folder / "adaptor" / "adaptor.safetensors", "pt") as tensors:
        assert "logit_scale" in tensors.keys()  # noqa: SIM118 - no mapping
    assert list(tmp_path.iterdir()) == [folder]


def test_the_same_again_is_shown_and_not_done_again(
    told: Manifest, store: Store, tmp_path: Path
) -> None:
    first = ended(SMALL, told, store, tmp_path)
    again = ended(replace(SMALL, name="other"), told, store, tmp_path)
    other = ended(replace(SMALL, seed=2), told, store, tmp_path)

    assert again.folder == first.folder
    assert again.results == first.results
    assert other.folder != first.folder


def test_cut_off_it_goes_on_to_the_same_numbers(
    told: Manifest, store: Store, tmp_path: Path
) -> None:
    whole = ended(SMALL, told, store, tmp_path / "whole")
    with prepare_pairs(SMALL, told, store) as prepared:
        for event in run_pretraining(SMALL, prepared, tmp_path / "cut"):
            assert not isinstance(event, PretrainingDone)
            if event.done == 8:
                break
    resumed = ended(SMALL, told, store, tmp_path / "cut")
    one, two = (load_adaptor(done.folder / "adaptor") for done in (whole, resumed))

    assert resumed.results.epochs == whole.results.epochs
    assert one.fingerprint == two.fingerprint


def test_pairs_that_are_none_are_left_out_and_counted(manifest: Manifest, store: Store) -> None:
    reports = list(manifest.report)
    held = manifest.rows(Split.TEST)[0]
    first, second = manifest.rows(Split.TRAIN)[:2]
    reports = [f"{text}; film {row}" for row, text in enumerate(reports)]
    reports[first] = "  "
    reports[second] = reports[held]
    with prepare_pairs(SMALL, replace(manifest, report=tuple(reports)), store) as prepared:
        assert dict(prepared.left_out) == {
            "without a report": 1,
            "whose film or report also stands in a split that is held back": 1,
        }
        of_all = len(manifest.rows(Split.PRETRAIN, Split.TRAIN))
        assert len(prepared.learn) == of_all - 2


def test_films_of_other_views_are_left_out_and_counted(told: Manifest, store: Store) -> None:
    views = tuple(("PA", "AP", "LATERAL", "")[row % 4] for row in range(len(told)))
    with prepare_pairs(SMALL, replace(told, view=views), store) as every:
        whole = len(every.learn)
    frontal = replace(SMALL, views=("PA", "AP"))
    with prepare_pairs(frontal, replace(told, view=views), store) as prepared:
        learned = told.rows(Split.PRETRAIN, Split.TRAIN)
        assert len(prepared.learn) == sum(row % 4 < 2 for row in learned) < whole
        assert dict(prepared.left_out) == {
            "of another view than the recipe's": sum(row % 4 > 1 for row in range(len(told)))
        }
    with pytest.raises(InvalidValue, match="Views are PA, AP, LATERAL; got 'FRONTAL'"):
        replace(SMALL, views=("FRONTAL",))


def test_captions_are_read_where_the_recipe_wants_them(manifest: Manifest, tmp_path: Path) -> None:
    """A film without a caption is counted; who encoded whole reports hears what is wanted."""
    reports = [f"HISTORY: Cough. IMPRESSION: Film {row} is seen." for row in range(len(manifest))]
    reports[manifest.rows(Split.TRAIN)[0]] = "IMPRESSION: Normal."
    headed, store = replace(manifest, report=tuple(reports)), Store(tmp_path / "store")
    recipe, texts = replace(SMALL, reports=ReportText.CAPTION), load_text_encoder("toy-text")
    for _ in encode(headed, load_image_encoder("toy-image"), store):
        pass
    for _ in encode_reports(headed, texts, store):
        pass
    with pytest.raises(Mismatch, match=r"--encoder toy-text .*The recipe reads: --reports caption"):
        prepare_pairs(recipe, headed, store)
    for _ in encode_reports(reports_as(headed, ReportText.CAPTION), texts, store):
        pass
    with prepare_pairs(recipe, headed, store) as prepared:
        _, read = prepared.learn.read(np.array([0]))
        row = headed.rows(Split.PRETRAIN, Split.TRAIN)[1]

        assert dict(prepared.left_out) == {
            "whose report has no findings or impression of three words": 1
        }
        assert torch.equal(read.values[0, 0], texts.encode((f"film {row} is seen",)).pooled[0])


def test_a_repeated_report_is_asked_once(manifest: Manifest, store: Store) -> None:
    kept = replace(SMALL, shared_reports=SharedReports.KEPT)
    with prepare_pairs(kept, manifest, store) as prepared:
        judged = prepared.judged
        assert not prepared.left_out

    assert len(judged.texts) == len(set(judged.texts.tolist())) == 8
    assert judged.belongs.sum() == len(judged.images) == len(manifest.rows(Split.TEST))
    assert np.array_equal(judged.belongs.sum(axis=0), np.ones(len(judged.images)))


def test_where_every_report_is_shared_it_is_told_how_to_keep_them(
    manifest: Manifest, store: Store
) -> None:
    with pytest.raises(InvalidValue, match=r"also stands in a split.*shared_reports = 'kept'"):
        prepare_pairs(SMALL, manifest, store)


def test_too_few_pairs_are_told_with_what_was_left_out(manifest: Manifest, store: Store) -> None:
    none = replace(manifest, report=("",) * len(manifest))
    with pytest.raises(InvalidValue, match=r"learn from, in the split .*there are 0.*a report"):
        prepare_pairs(SMALL, none, store)


def test_recipes_are_found_by_name_and_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\nimage_encoder = "toy-image"\ntext_encoder = "toy-text"\n'
        '[training]\nkind = "Pretraining"\n[training.adaptor]\nkind = "ValueOnly"\nwidth = 24\n'
    )
    mine = find_pretraining(str(tmp_path / "mine.toml"))

    assert mine.training.adaptor == ValueOnly(width=24)
    assert all(find_pretraining(name).name == name for name in PRETRAININGS)
    with pytest.raises(UnknownName, match="adaptor-paper"):
        find_pretraining("adaptor-papr")
    with pytest.raises(InvalidValue, match="a third"):
        replace(SMALL, stop=Split.TRAIN)
    with pytest.raises(InvalidValue, match="an image encoder"):
        replace(SMALL, image_encoder="")


def test_the_published_recipe_has_the_authors_sizes() -> None:
    paper = find_pretraining("adaptor-paper").training
    module = paper.adaptor.build(image_dim=384, text_dim=768, generator=torch.Generator())

    assert isinstance(paper, Pretraining)
    assert sum(weight.numel() for weight in module.parameters()) == 11_912_705
    assert (paper.rate, paper.decay, paper.warm_up, paper.batch) == (2e-5, 0.01, 0.02, 1024)
    assert paper.loss.of(torch.eye(2), torch.eye(2)) > 0

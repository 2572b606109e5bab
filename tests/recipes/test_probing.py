"""A frozen encoder probed on shares of the labels."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from carina.adaptors import CrossModal, PretrainedAdaptor, ProbeHead, Reads, Sequences
from carina.core import InvalidValue, Mismatch
from carina.evaluation import ProbeResults, read_scores
from carina.features import Store
from carina.learning import Heads, HeadTraining, Ridge, load_adaptor, save_adaptor
from carina.recipes import Prepared, Probe, Probed, prepare_probe, probe
from carina.studies import Manifest

QUICK = HeadTraining(head=ProbeHead(hidden=16), rate=1e-2, epochs=20)


@pytest.fixture(scope="module")
def recipe() -> Probe:
    return Probe(
        name="small", encoders=("toy-image",), by=QUICK, shares=(0.3, 1.0), draws=2, resamples=100
    )


@pytest.fixture(scope="module")
def ready(recipe: Probe, manifest: Manifest, store: Store) -> Prepared:
    """Features so noisy that labels are worth something."""
    read = prepare_probe(recipe, manifest, store)
    features = read.labelled.features
    noise = torch.randn(features.shape, generator=torch.Generator().manual_seed(0))
    noisy = features + 1.5 * features.std(dim=0) * noise
    return replace(read, labelled=replace(read.labelled, features=noisy))


def probed(recipe: Probe, ready: Prepared, out: Path) -> Probed:
    *_, last = probe(recipe, ready, out)
    assert isinstance(last, Probed)
    return last


def numbers(results: ProbeResults) -> ProbeResults:
    return replace(results, seconds=0.0)


@pytest.mark.parametrize("by", [QUICK, Heads(balanced=True), Ridge(betas=(0.0,))])
def test_more_labels_answer_better_whatever_the_head(
    by: HeadTraining | Heads | Ridge, recipe: Probe, ready: Prepared, tmp_path: Path
) -> None:
    results = probed(replace(recipe, by=by), ready, tmp_path).results
    few, whole = (share.means["auroc"].value for share in results.shares)

    assert few is not None
    assert whole is not None
    assert 0.5 < few < whole
    assert [share.share for share in results.shares] == [0.3, 1.0]
    assert results.shares[1].draws == (2 if isinstance(by, HeadTraining) else 1)


def test_val_is_not_learned_from_and_no_patient_of_test_is(
    recipe: Probe, ready: Prepared, tmp_path: Path
) -> None:
    results = probed(recipe, ready, tmp_path).results
    whose = ready.labelled.patients

    assert results.shares[1].films == len(ready.learn)
    assert results.validation_films == len(ready.apart) > 0
    assert not set(whose[ready.learn]) & set(whose[np.concatenate([ready.apart, ready.test])])


def test_a_probe_that_was_cut_goes_on_to_the_same_numbers(
    recipe: Probe, ready: Prepared, tmp_path: Path
) -> None:
    whole = probed(recipe, ready, tmp_path / "whole")
    events: Iterator[object] = probe(recipe, ready, tmp_path / "cut")
    for _ in range(3):
        next(events)
    events.close()  # type: ignore[attr-defined]
    left = sorted((tmp_path / "cut").glob("*.unfinished/*.npy"))
    made = [path.stat().st_mtime_ns for path in left]
    cut = probed(recipe, ready, tmp_path / "cut")

    assert len(made) == 2
    assert numbers(cut.results) == numbers(whole.results)
    assert (cut.folder / "scores.parquet").read_bytes() == (
        whole.folder / "scores.parquet"
    ).read_bytes()
    assert [path.name for path in (tmp_path / "cut").iterdir()] == [cut.folder.name]


def test_a_finding_that_a_draw_does_not_show_is_undefined(
    recipe: Probe, ready: Prepared, tmp_path: Path
) -> None:
    """Shown by one patient of train alone, it is in few of the small draws."""
    target = ready.labelled.target.copy()
    target[ready.learn, 0] = False
    target[ready.learn[0], 0] = True
    rare = replace(ready, labelled=replace(ready.labelled, target=target), manifest_digest="rare")
    few = probed(recipe, rare, tmp_path).results.shares[0]
    first = next(iter(few.findings))

    assert few.positives[first] < 1
    assert few.findings[first].value is None
    assert few.findings[first].why_undefined == "a draw shows but one class of it"
    assert few.means["auroc"].defined


def test_a_mean_over_findings_none_of_which_every_draw_shows_is_undefined(
    recipe: Probe, ready: Prepared, tmp_path: Path
) -> None:
    target = np.zeros_like(ready.labelled.target)
    target[ready.learn[0]] = True
    rare = replace(ready, labelled=replace(ready.labelled, target=target), manifest_digest="rarest")
    few = probed(recipe, rare, tmp_path).results.shares[0]

    assert {estimate.value for estimate in few.means.values()} == {None}
    assert {estimate.value for estimate in few.findings.values()} == {None}


def test_scores_of_every_draw_are_kept(recipe: Probe, ready: Prepared, tmp_path: Path) -> None:
    done = probed(recipe, ready, tmp_path)
    tables = read_scores(done.folder / "scores.parquet", ("all",), ready.labelled.space)

    assert sorted(tables) == [
        f"{share} of the labels, draw {draw}" for share in ("0.3", "1") for draw in range(2)
    ]
    assert json.loads((done.folder / "probe.json").read_text())["run"] == done.folder.name


def test_a_share_of_nobody_is_refused(recipe: Probe, ready: Prepared, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="is nobody; the smallest"):
        probed(replace(recipe, shares=(0.001,)), ready, tmp_path)


def test_one_draw_has_no_interval(recipe: Probe) -> None:
    with pytest.raises(InvalidValue, match="2 draws and 100 resamples or more"):
        replace(recipe, draws=1)


def over(manifest: Manifest, store: Store, folder: Path, *, image: str = "") -> Path:
    """An Adaptor with drawn weights over the hospital's encoder, or over another."""
    config = CrossModal(reads=Reads.VECTORS, width=24, layers=1, heads=2, hidden=32)
    card = store.card("toy-image")
    module = config.build(
        image_dim=card.dim, text_dim=8, generator=torch.Generator().manual_seed(0)
    )
    adaptor = PretrainedAdaptor(
        config=config,
        module=module.eval(),
        image_dim=card.dim,
        text_dim=8,
        image_encoder=image or card.fingerprint,
        text_encoder="any",
        data=manifest.digest,
        pairs=1,
        patients=1,
    )
    save_adaptor(folder, adaptor)
    return folder


def test_heads_stand_on_what_an_adaptor_makes_of_the_features(
    recipe: Probe, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    folder = over(manifest, store, tmp_path / "adaptor")
    through = replace(recipe, by=Ridge(betas=(0.0,)), adaptor=str(folder))
    ready = prepare_probe(through, manifest, store)
    plain = prepare_probe(recipe, manifest, store)
    wanted = load_adaptor(folder).embed_images(Sequences.of_vectors(plain.labelled.features))
    done, other = probed(through, ready, tmp_path), probed(recipe, plain, tmp_path)

    torch.testing.assert_close(ready.labelled.features, wanted)
    assert done.results.dim == 24
    assert done.results.adaptor == load_adaptor(folder).fingerprint
    assert done.results.shares[1].means["auroc"].defined
    assert done.folder != other.folder


def test_the_place_of_an_adaptor_is_no_part_of_a_probe(
    recipe: Probe, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    one, two = (
        replace(recipe, by=Ridge(betas=(0.0,)), adaptor=str(over(manifest, store, tmp_path / name)))
        for name in ("here", "there")
    )
    first = probed(one, prepare_probe(one, manifest, store), tmp_path / "out")
    second = probed(two, prepare_probe(two, manifest, store), tmp_path / "out")

    assert first.folder == second.folder


def test_an_adaptor_over_another_encoder_is_refused(
    recipe: Probe, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    foreign = over(manifest, store, tmp_path / "foreign", image="of another")

    with pytest.raises(Mismatch, match="stands on other encoders than toy-image"):
        prepare_probe(replace(recipe, adaptor=str(foreign)), manifest, store)
    with pytest.raises(InvalidValue, match="over one image encoder; the probe names 2"):
        replace(recipe, encoders=("toy-image", "other"), adaptor=str(foreign))

"""Patients who do not exist: the same for a seed, apart between splits, whole on disk."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carina.core import InvalidValue, generator
from carina.phantoms import (
    FINDINGS,
    PLANTED,
    Phantom,
    Written,
    draw,
    split_of,
    studies_of,
    write_phantoms,
)
from carina.phantoms import population as population_module
from carina.studies import Presence, Split, read_folder, read_image

SEED, PATIENTS, SIZE = 5, 60, 64


@pytest.fixture(scope="module")
def population() -> list[Phantom]:
    return [
        draw(SEED, patient, study, size=SIZE)
        for patient in range(PATIENTS)
        for study in range(studies_of(SEED, patient))
    ]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Written]]:
    folder = tmp_path_factory.mktemp("drawn")
    events = list(write_phantoms(folder, patients=12, seed=SEED, size=SIZE, masks=True))
    return folder, events


def test_a_study_depends_on_seed_patient_and_study_alone() -> None:
    first, between, again = draw(1, 4, size=64), draw(1, 5, size=64), draw(1, 4, size=64)

    assert np.array_equal(first.pixels, again.pixels)
    assert (first.report, first.findings, first.identity) == (
        again.report,
        again.findings,
        again.identity,
    )
    assert not np.array_equal(first.pixels, between.pixels)
    assert not np.array_equal(first.pixels, draw(2, 4, size=64).pixels)
    assert not np.array_equal(first.pixels, draw(1, 4, 1, size=64).pixels)


def test_the_findings_do_not_depend_on_the_size() -> None:
    assert draw(1, 4, size=64).findings == draw(1, 4, size=128).findings


def test_two_studies_of_a_patient_share_split_sex_and_name(population: list[Phantom]) -> None:
    by_patient: dict[str, list[Phantom]] = {}
    for phantom in population:
        by_patient.setdefault(phantom.patient, []).append(phantom)
    pairs = [studies for studies in by_patient.values() if len(studies) == 2]

    assert {len(studies) for studies in by_patient.values()} == {1, 2}
    for first, second in pairs:
        assert (first.split, first.sex, first.site) == (second.split, second.sex, second.site)
        assert first.identity.name == second.identity.name
        assert first.study != second.study
        assert first.date < second.date


def test_splits_hold_their_shares_and_stay_when_patients_join() -> None:
    splits = [split_of(SEED, patient) for patient in range(2000)]

    for split, share in ((Split.PRETRAIN, 0.40), (Split.TRAIN, 0.32), (Split.TEST, 0.18)):
        assert splits.count(split) / 2000 == pytest.approx(share, abs=0.04)
    assert [split_of(SEED, patient) for patient in range(10)] == splits[:10]


def test_no_two_patients_share_the_state_of_a_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    states: dict[str, set[int]] = {}
    patient = ""

    def watched(seed: int, *purpose: str | int) -> np.random.Generator:
        rng = generator(seed, *purpose)
        states.setdefault(patient, set()).add(rng.bit_generator.state["state"]["state"])
        return rng

    monkeypatch.setattr(population_module, "generator", watched)
    for number in range(40):
        patient = str(number)
        draw(SEED, number, size=64)

    everything = [state for own in states.values() for state in own]
    assert len(everything) == len(set(everything)) > 40 * 10


def test_findings_come_together_and_some_films_have_none(population: list[Phantom]) -> None:
    counts = np.array([list(phantom.findings.values()) for phantom in population])

    assert ((counts.mean(axis=0) > 0.12) & (counts.mean(axis=0) < 0.42)).all()
    assert 0.15 < (counts.sum(axis=1) == 0).mean() < 0.5
    assert (counts.sum(axis=1) >= 2).mean() > 0.2


def test_views_sites_and_sexes_vary(population: list[Phantom]) -> None:
    assert {phantom.view for phantom in population} == {"PA", "AP"}
    assert len({phantom.site for phantom in population}) == 4
    assert {phantom.sex for phantom in population} == {"F", "M"}
    assert all(19 <= phantom.age <= 93 for phantom in population)


def test_a_lesion_is_drawn_exactly_where_there_is_a_finding(population: list[Phantom]) -> None:
    for phantom in population:
        assert set(phantom.lesions) == {name for name, on in phantom.findings.items() if on}
        assert all(mask.any() for mask in phantom.lesions.values())


def test_what_a_report_says_agrees_with_what_was_drawn(population: list[Phantom]) -> None:
    for phantom in population:
        for finding in FINDINGS:
            told = phantom.said[finding] in (Presence.PRESENT, Presence.UNCERTAIN)
            assert told == phantom.findings[finding]


def test_pixels_reach_from_black_to_white(population: list[Phantom]) -> None:
    for phantom in population:
        assert phantom.pixels.dtype == np.float32
        assert phantom.pixels.shape == (SIZE, SIZE)
        assert (phantom.pixels.min(), phantom.pixels.max()) == (0, 1)


def test_an_enlarged_heart_is_wider_than_half_the_chest(population: list[Phantom]) -> None:
    def ratio(phantom: Phantom) -> float:
        lungs = np.flatnonzero(phantom.lungs.any(axis=0))
        heart = np.flatnonzero(phantom.heart.any(axis=0))
        return float(np.ptp(heart) + 1) / float(np.ptp(lungs) + 1)

    large = [ratio(one) for one in population if one.findings["Cardiomegaly"]]
    usual = [ratio(one) for one in population if not one.findings["Cardiomegaly"]]
    assert np.median(large) > 0.52 > np.median(usual)


@pytest.mark.parametrize(("seed", "patient", "study"), [(-1, 0, 0), (0, -1, 0), (0, 0, -1)])
def test_numbers_count_from_0(seed: int, patient: int, study: int) -> None:
    with pytest.raises(InvalidValue, match="count from 0"):
        draw(seed, patient, study, size=64)


def test_a_population_of_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="at least one patient; 0"):
        next(write_phantoms(tmp_path, patients=0, seed=1))
    assert not any(tmp_path.iterdir())


def test_the_folder_source_reads_what_was_written(written: tuple[Path, list[Written]]) -> None:
    folder, events = written
    manifest = read_folder(folder)

    assert manifest.labels.shape == (events[-1].images, len(FINDINGS))
    assert manifest.space.names == FINDINGS
    for row, image in enumerate(manifest.image):
        patient, study = image.removesuffix(".dcm").rsplit("PHX-")[-1].split("-")
        phantom = draw(SEED, int(patient), int(study) - 1, size=SIZE)
        drawn = [Presence.PRESENT if on else Presence.ABSENT for on in phantom.findings.values()]
        assert manifest.labels[row].tolist() == drawn
        assert manifest.report[row] == phantom.report
        assert manifest.split[row] == phantom.split
        np.testing.assert_allclose(
            read_image(manifest.root / image).pixels, phantom.pixels, atol=1 / 2**11
        )


def test_the_table_tells_what_the_reports_say_beside_the_truth(
    written: tuple[Path, list[Written]],
) -> None:
    table = (written[0] / "phantoms.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(table.splitlines()))
    cells = [(row["edema"], row["truth_edema"]) for row in rows]

    assert {said for said, _ in cells} <= {"1", "0", "-1", ""}
    for said, truth in cells:
        assert truth == ("1" if said in ("1", "-1") else "0")


def test_masks_are_written_beside_where_asked_for(written: tuple[Path, list[Written]]) -> None:
    folder, events = written
    phantom = draw(SEED, 0, size=SIZE)
    with Image.open(folder / "masks" / f"{phantom.study}-lungs.png") as mask:
        assert np.array_equal(np.asarray(mask) == 255, phantom.lungs)

    names = {path.name for path in (folder / "masks").iterdir()}
    assert len([name for name in names if name.endswith("-heart.png")]) == events[-1].images


def test_events_count_and_name_nobody(written: tuple[Path, list[Written]]) -> None:
    folder, events = written

    assert [event.done for event in events] == list(range(1, 13))
    assert events[-1].images == len(list((folder / "images").iterdir()))
    assert not any(word in repr(events) for word in PLANTED)


def test_the_table_comes_last(tmp_path: Path) -> None:
    writing = write_phantoms(tmp_path, patients=2, seed=SEED, size=SIZE)
    next(writing)

    assert not (tmp_path / "phantoms.csv").exists()
    list(writing)
    assert (tmp_path / "phantoms.csv").exists()
    assert not list(tmp_path.rglob(".partial-*"))

"""The real subsets, counted by another reading of their tables."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from carina.studies import Manifest, Presence, Split, read_data

SPLITS = (Split.TRAIN, Split.VAL, Split.TEST)


def rows(shared: Path, name: str) -> list[dict[str, str]]:
    with (shared / "data" / "cxr" / name / "labels.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def said(manifest: Manifest, finding: str) -> dict[str, int]:
    column = manifest.labels[:, manifest.space.index(finding)].tolist()
    return {i: int(c) for i, c in zip(manifest.image, column, strict=True)}


def test_the_paediatric_subset_is_read_whole(shared: Path) -> None:
    manifest = read_data(shared / "data" / "cxr" / "paediatric")
    table = rows(shared, "paediatric")

    assert [len(manifest.rows(split)) for split in SPLITS] == [517, 120, 136]  # of its README
    assert manifest.patient == tuple(row["patient_key"] for row in table)
    for finding, column in {
        "No Finding": "Normal",
        "Pneumonia": "Pneumonia",
        "Bacterial Pneumonia": "Bacterial_Pneumonia",
        "Viral Pneumonia": "Viral_Pneumonia",
    }.items():
        assert said(manifest, finding) == {row["image"]: int(row[column]) for row in table}


COVID = {
    "COVID-19": "COVID19",
    "ARDS": "ARDS",
    "SARS": "SARS",
    "Bacterial Pneumonia": "Bacterial",
    "Pneumocystis Pneumonia": "Pneumocystis",
    "No Finding": "No_Finding",
}


@pytest.fixture(scope="module")
def covid(shared: Path) -> Manifest:
    return read_data(shared / "data" / "cxr" / "covid")


def test_five_covid_films_listed_under_two_patients_each_are_read_once(
    shared: Path, covid: Manifest
) -> None:
    table = rows(shared, "covid")
    twice = [image for image, times in Counter(r["image"] for r in table).items() if times > 1]
    whose = {image: [r["patient_id"] for r in table if r["image"] == image] for image in twice}

    assert (len(table), len({row["patient_id"] for row in table})) == (480, 263)  # of its README
    assert sorted(map(tuple, whose.values())) == [("285", "339")] * 3 + [("287", "340")] * 2
    assert (len(covid), len(set(covid.patient))) == (475, 261)
    assert [len(covid.rows(split)) for split in SPLITS] == [345 - 5, 41, 94]
    assert not {"339", "340"} & set(covid.patient)


def test_every_covid_label_is_the_tables_and_films_to_do_are_unmentioned(
    shared: Path, covid: Manifest
) -> None:
    table = rows(shared, "covid")

    assert sum(row["finding_known"] == "0" for row in table) == 68
    for finding, column in COVID.items():
        assert said(covid, finding) == {
            row["image"]: int(row[column])
            if row["finding_known"] == "1"
            else int(Presence.UNMENTIONED)
            for row in table
        }


def test_covid_views_and_notes_are_kept(shared: Path, covid: Manifest) -> None:
    table = {row["image"]: row for row in rows(shared, "covid")}
    words = {"PA": "PA", "AP": "AP", "AP Supine": "AP", "L": "LATERAL", "?": "", "": ""}

    for image, view, note in zip(covid.image, covid.view, covid.report, strict=True):
        assert view == words[table[image]["view"]]
        assert note == table[image]["clinical_notes"].strip()
    assert Counter(covid.view)["LATERAL"] == 45


@pytest.mark.parametrize("name", ["paediatric", "covid"])
def test_the_films_are_there_and_their_patients_in_one_split(shared: Path, name: str) -> None:
    manifest = read_data(shared / "data" / "cxr" / name)

    assert all((manifest.root / image).is_file() for image in manifest.image)
    assert not manifest.patients_in_two_splits()

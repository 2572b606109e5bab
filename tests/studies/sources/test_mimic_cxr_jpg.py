"""MIMIC-CXR-JPG, read as published."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from carina.core import ManifestError, MissingFile, UnreadableFile
from carina.studies import SOURCES, Presence, Reading, read_data

Mini = Callable[[str], Path]
MIMIC = SOURCES["mimic-cxr-jpg"]


def test_films_studies_views_and_dates_are_read_from_the_metadata(mini: Mini) -> None:
    manifest = read_data(mini("mimic-cxr-jpg"))

    assert manifest.image[0] == (
        "files/p10/p10000032/s50414267/02aa804e-bde0afdd-112c0b34-7bc16630-4e384014.jpg"
    )
    assert manifest.patient[:3] == ("10000032",) * 3
    assert manifest.study[:3] == ("50414267", "50414267", "53189527")
    assert manifest.view == ("PA", "LATERAL", "AP", "LATERAL", "", "", "AP")
    assert manifest.date[0] == "21800506"


def test_the_official_split_is_joined_by_film_whatever_the_order(mini: Mini) -> None:
    assert read_data(mini("mimic-cxr-jpg")).split == (*["train"] * 4, "val", "test", "test")


def test_films_of_a_study_share_its_labels_and_a_study_without_any_is_unmentioned(
    mini: Mini,
) -> None:
    manifest = read_data(mini("mimic-cxr-jpg"))
    none = manifest.space.index("No Finding")

    assert manifest.labels[0, none] == manifest.labels[1, none] == Presence.PRESENT
    assert (manifest.labels[3] == Presence.UNMENTIONED).all()
    assert manifest.labels[2, manifest.space.index("Cardiomegaly")] == Presence.UNCERTAIN
    assert manifest.labels[2, manifest.space.index("Pleural Effusion")] == Presence.ABSENT


def test_negbio_is_another_table(mini: Mini) -> None:
    manifest = MIMIC.manifest(mini("mimic-cxr-jpg"), Reading(reader="", labels="negbio"))

    assert manifest.labels[2, manifest.space.index("Cardiomegaly")] == Presence.PRESENT


def test_the_radiologist_speaks_for_test_films_alone(mini: Mini) -> None:
    root = mini("mimic-cxr-jpg")
    machine = read_data(root)
    read = MIMIC.manifest(root, Reading(reader="", labels="radiologists"))

    assert (read.labels[:5] == machine.labels[:5]).all()
    assert (read.labels[5] == Presence.UNMENTIONED).all()
    said = {name: read.labels[6, read.space.index(name)] for name in read.space.names}
    assert said["Lung Opacity"] == said["Edema"] == Presence.PRESENT
    assert said["Cardiomegaly"] == Presence.UNCERTAIN
    assert said["Pneumothorax"] == Presence.ABSENT
    assert said["No Finding"] == Presence.UNMENTIONED


def test_reports_are_joined_by_study_and_damage_in_a_letter_is_no_harm(mini: Mini) -> None:
    manifest = read_data(mini("mimic-cxr-jpg"))

    assert manifest.report[0] == manifest.report[1]
    assert "Clear." in manifest.report[0]
    assert manifest.report[2:6] == ("",) * 4
    assert "Edema of degree 2" in manifest.report[6]


def test_tables_may_be_unpacked_and_reports_absent(mini: Mini) -> None:
    root = mini("mimic-cxr-jpg")
    digest = read_data(root).digest
    for path in root.glob("*.csv.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert read_data(root).digest == digest

    (root / "mimic-cxr-reports").rename(root / "elsewhere")
    assert set(read_data(root).report) == {""}
    assert MIMIC.manifest(root, Reading(reader="", reports="elsewhere")).digest == digest


@pytest.mark.parametrize("reports", ["nowhere", "files"])
def test_a_folder_without_the_reports_is_told(mini: Mini, reports: str) -> None:
    with pytest.raises(MissingFile, match="folder of reports"):
        MIMIC.manifest(mini("mimic-cxr-jpg"), Reading(reader="", reports=reports))


def test_a_report_beyond_reason_is_refused(mini: Mini) -> None:
    root = mini("mimic-cxr-jpg")
    next(root.rglob("s*.txt")).write_bytes(b"x" * ((1 << 20) + 1))

    with pytest.raises(UnreadableFile, match="no report"):
        read_data(root)


@pytest.mark.parametrize("which", ["metadata", "split", "chexpert"])
def test_each_table_is_asked_for_by_name(mini: Mini, which: str) -> None:
    root = mini("mimic-cxr-jpg")
    (root / f"mimic-cxr-2.0.0-{which}.csv.gz").unlink()

    with pytest.raises(MissingFile, match=f"no mimic-cxr-2.0.0-{which}.csv.gz"):
        MIMIC.manifest(root, Reading(reader=""))


def test_a_film_without_a_split_and_a_study_labelled_twice_are_counted(mini: Mini) -> None:
    root = mini("mimic-cxr-jpg")
    split = root / "mimic-cxr-2.0.0-split.csv.gz"
    whole = split.read_bytes()
    text = gzip.decompress(whole).decode().replace(",validate", ",valid")
    split.write_bytes(gzip.compress(text.encode()))
    with pytest.raises(ManifestError, match=r"1 film\(s\) have none of the splits"):
        read_data(root)

    split.write_bytes(whole)
    labels = root / "mimic-cxr-2.0.0-chexpert.csv.gz"
    text = gzip.decompress(labels.read_bytes()).decode()
    labels.write_bytes(gzip.compress((text + text.splitlines()[1] + "\n").encode()))
    with pytest.raises(ManifestError, match=r"1 study\(s\) twice"):
        read_data(root)

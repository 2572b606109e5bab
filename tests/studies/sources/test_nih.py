"""NIH ChestX-ray14, read as published."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from carina.core import ManifestError, MissingFile
from carina.studies import SOURCES, Box, Presence, Reading, read_data

Mini = Callable[[str], Path]
NIH = SOURCES["nih-chestxray14"]
TABLE = "Data_Entry_2017.csv"


def test_findings_of_a_list_are_present_and_all_others_absent(mini: Mini) -> None:
    manifest = read_data(mini("nih-chestxray14"))
    said = {
        study.image.name: {name for name, cell in study.labels.items() if cell == Presence.PRESENT}
        for study in manifest
    }

    assert set(manifest.labels.ravel().tolist()) == {Presence.ABSENT, Presence.PRESENT}
    assert said["00000001_001.png"] == {"Cardiomegaly", "Emphysema"}
    assert said["00000003_000.png"] == {"Hernia", "Pleural Thickening"}
    assert said["00000013_000.png"] == {"Pleural Effusion"}
    assert said["00000002_000.png"] == {"No Finding"}


def test_bracketed_headers_and_a_last_comma_move_no_column(mini: Mini) -> None:
    manifest = read_data(mini("nih-chestxray14"))

    assert manifest.view == ("PA",) * 4 + ("AP",) * 4
    assert manifest.sex == ("M", "M", "M", "F", "M", "F", "M", "M")
    assert manifest.patient == ("1", "1", "2", "3", "4", "5", "13", "13")


def test_ages_may_be_in_months_and_one_beyond_belief_is_unknown(mini: Mini) -> None:
    ages = read_data(mini("nih-chestxray14")).age

    assert ages[:3] == (58.0, 58.0, 81.0)
    assert np.isnan(ages[3])
    assert ages[4] == pytest.approx(11 / 12)


def test_the_official_test_films_are_those_of_the_list(mini: Mini) -> None:
    manifest = read_data(mini("nih-chestxray14"))
    test = {study.image.name for study in manifest if study.split == "test"}

    assert test == {"00000013_000.png", "00000013_005.png", "00000003_000.png"}


def test_validation_is_hashed_by_patient_out_of_training(mini: Mini) -> None:
    choice = Reading(reader=NIH.name, fractions={"train": 0.01, "val": 0.98, "test": 0.01})

    manifest = NIH.manifest(mini("nih-chestxray14"), choice)

    assert manifest.split.count("val") > manifest.split.count("train")
    assert manifest.split.count("test") == 3


def test_without_the_lists_the_hashed_split_is_named(mini: Mini) -> None:
    root = mini("nih-chestxray14")
    (root / "test_list.txt").unlink()

    with pytest.raises(MissingFile, match='split = "hashed"'):
        read_data(root)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["00000013_000.png"], r"2 film\(s\) are on neither"),
        (["00000001_000.png"], r"1 film\(s\) are on both"),
    ],
)
def test_lists_that_do_not_fit_the_table_are_refused(
    mini: Mini, lines: list[str], message: str
) -> None:
    root = mini("nih-chestxray14")
    (root / "test_list.txt").write_text("\n".join(lines))

    with pytest.raises(ManifestError, match=message):
        read_data(root)


def test_the_newer_table_is_taken_before_the_older(mini: Mini) -> None:
    root = mini("nih-chestxray14")
    (root / "Data_Entry_2017_v2020.csv").write_text(
        (root / TABLE).read_text().replace(",M,PA", ",F,PA").replace(",M,AP", ",F,AP")
    )

    assert set(read_data(root).sex) == {"F"}


def test_films_may_all_lie_in_one_folder_or_not_be_there(mini: Mini, tmp_path: Path) -> None:
    root = mini("nih-chestxray14")
    assert read_data(root).image[:2] == (
        "images_001/images/00000001_000.png",
        "images_002/images/00000001_001.png",
    )
    for path in sorted(root.glob("images_00*/images/*.png")):
        path.unlink()

    assert read_data(root).image[0] == "images/00000001_000.png"


def test_a_finding_that_is_none_of_the_fourteen_is_counted_and_not_quoted(mini: Mini) -> None:
    root = mini("nih-chestxray14")
    text = (root / TABLE).read_text().replace("|Emphysema", "|Plantagenet")
    (root / TABLE).write_text(text)

    with pytest.raises(ManifestError, match=r"1 row\(s\)") as refused:
        read_data(root)

    assert "Plantagenet" not in str(refused.value)


def test_boxes_are_on_films_as_the_manifest_names_them(mini: Mini) -> None:
    root = mini("nih-chestxray14")
    assert NIH.regions is not None

    first, second = NIH.regions(root)

    assert first == Box(
        image="images_002/images/00000013_005.png",
        finding="Infiltration",
        x=225.084745762712,
        y=547.019216763771,
        width=86.779661,
        height=79.18644,
    )
    assert {first.image, second.image} <= set(read_data(root).image)

"""RSNA Pneumonia, read as published."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from carina.core import ManifestError, UnreadableFile
from carina.studies import SOURCES, Presence, Reading, read_data

Mini = Callable[[str], Path]
RSNA = SOURCES["rsna-pneumonia"]
MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
CLASSES = "stage_2_detailed_class_info.csv"
FILM = "stage_2_train_images/{}.dcm"


def said(root: Path, finding: str, labels: str = "") -> list[int]:
    manifest = RSNA.manifest(root, Reading(reader=RSNA.name, labels=labels))
    return [int(cell) for cell in manifest.labels[:, manifest.space.index(finding)]]


def test_a_film_of_several_boxes_is_one_row(mini: Mini) -> None:
    manifest = read_data(mini("rsna-pneumonia"))

    assert len(manifest) == 5
    assert said(manifest.root, "Lung Opacity") == [0, 0, 1, 1, 0]


def test_the_same_target_goes_by_either_name(mini: Mini) -> None:
    root = mini("rsna-pneumonia")

    assert said(root, "Pneumonia", "pneumonia") == said(root, "Lung Opacity", "lung-opacity")


def test_only_a_normal_film_has_no_finding(mini: Mini) -> None:
    assert said(mini("rsna-pneumonia"), "No Finding") == [0, 1, 0, 0, 1]


def test_without_the_classes_nobody_says_which_films_are_normal(mini: Mini) -> None:
    root = mini("rsna-pneumonia")
    (root / CLASSES).unlink()

    assert said(root, "No Finding") == [
        Presence.UNMENTIONED,
        Presence.UNMENTIONED,
        Presence.ABSENT,
        Presence.ABSENT,
        Presence.UNMENTIONED,
    ]


def test_the_mapping_tells_whose_a_film_is_as_chestxray14_does(mini: Mini) -> None:
    manifest = read_data(mini("rsna-pneumonia"))

    assert manifest.patient == ("13", "28730", "13", "28730", "150")
    assert manifest.extra["nih_image"][0] == "00000013_004.png"
    assert manifest.leaks == ""


def test_without_the_mapping_any_split_says_that_it_leaks(mini: Mini) -> None:
    root = mini("rsna-pneumonia")
    (root / MAPPING).unlink()

    manifest = read_data(root)

    assert len(set(manifest.patient)) == len(manifest) == 5
    assert "NIH patient" in manifest.leaks
    assert not manifest.extra


@pytest.mark.parametrize(
    "text", ["{", "[]]", '{"a": 1}', '[{"img_id": "x"}]', "[1]", "[" * 100_000]
)
def test_a_mapping_that_is_none_is_refused(mini: Mini, text: str) -> None:
    root = mini("rsna-pneumonia")
    (root / MAPPING).write_text(text)

    with pytest.raises(UnreadableFile, match="not as it was published"):
        read_data(root)


def test_a_name_in_the_mapping_is_in_no_message(mini: Mini) -> None:
    root = mini("rsna-pneumonia")
    (root / MAPPING).write_text((root / MAPPING).read_text().replace("00000013_004", "Edward"))

    with pytest.raises(ManifestError, match=r"1 film\(s\)") as refused:
        read_data(root)

    assert "Edward" not in str(refused.value)


def test_a_mapping_that_leaves_films_out_is_refused(mini: Mini) -> None:
    root = mini("rsna-pneumonia")
    (root / MAPPING).write_text("[]")

    with pytest.raises(ManifestError, match=r"no entry for 5 film\(s\)"):
        read_data(root)


def test_headers_are_read_when_asked_for(mini: Mini) -> None:
    root = mini("rsna-pneumonia")
    asked = Reading(reader=RSNA.name, headers=True)

    plain, full = read_data(root), RSNA.manifest(root, asked)

    assert set(plain.view) == set(plain.sex) == {""}
    assert full.view == ("AP", "AP", "PA", "PA", "AP")
    assert full.sex == ("F", "F", "M", "M", "F")
    assert np.array_equal(full.age, [61.0, 90.0, np.nan, np.nan, 3.0], equal_nan=True)
    assert replace(full, view=plain.view, sex=plain.sex, age=plain.age).digest == plain.digest


def test_a_damaged_header_or_none_leaves_its_film_without(mini: Mini) -> None:
    root = mini("rsna-pneumonia")
    films = sorted((root / "stage_2_train_images").iterdir())
    films[0].unlink()
    films[1].write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 200)

    manifest = RSNA.manifest(root, Reading(reader=RSNA.name, headers=True))

    assert manifest.view == ("", "", "PA", "PA", "AP")


def test_the_legacy_split_is_the_one_published_code_draws(tmp_path: Path) -> None:
    films = [f"film-{n:03d}" for n in range(107)]
    rows = [f"{film},,,,,0" for film in reversed(films)]
    (tmp_path / "stage_2_train_labels.csv").write_text(
        "\n".join(["patientId,x,y,width,height,Target", *rows]) + "\n"
    )
    train, held = train_test_split(films, test_size=0.3, random_state=0)
    test, val = train_test_split(held, test_size=0.5, random_state=0)

    manifest = RSNA.manifest(tmp_path, Reading(reader=RSNA.name, split="legacy-by-image"))

    for name, drawn in {"train": train, "val": val, "test": test}.items():
        mine = {i for i, s in zip(manifest.image, manifest.split, strict=True) if s == name}
        assert mine == {FILM.format(film) for film in drawn}
    assert "one by one" in manifest.leaks


def test_boxes_are_those_of_films_with_an_opacity(mini: Mini) -> None:
    root = mini("rsna-pneumonia")
    assert RSNA.regions is not None

    regions = RSNA.regions(root)

    assert len(regions) == 3
    assert {region.finding for region in regions} == {"Lung Opacity"}
    assert {region.image for region in regions} <= set(read_data(root).image)

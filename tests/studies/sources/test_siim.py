"""SIIM-ACR Pneumothorax, read as published."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.model_selection import train_test_split

from carina.core import ManifestError
from carina.studies import SOURCES, Mask, Reading, read_data

Mini = Callable[[str], Path]
SIIM = SOURCES["siim-acr"]
HEADER = "ImageId, EncodedPixels\n"


def test_a_film_is_one_row_however_many_masks_it_has(mini: Mini) -> None:
    manifest = read_data(mini("siim-acr"))

    assert len(manifest) == 8
    assert manifest.labels[:, 0].tolist() == [0, 1, 1, 0, 0, 1, 0, 0]


def test_films_are_found_in_folders_of_their_study_and_series(mini: Mini) -> None:
    manifest = read_data(mini("siim-acr"))

    assert all(image.count("/") == 3 for image in manifest.image)


def test_without_headers_any_split_says_that_it_leaks(mini: Mini) -> None:
    assert "NIH patient" in read_data(mini("siim-acr")).leaks


def test_headers_tell_patient_study_view_sex_and_age(mini: Mini) -> None:
    manifest = SIIM.manifest(mini("siim-acr"), Reading(reader=SIIM.name, headers=True))

    assert len(set(manifest.patient)) == 5
    assert manifest.patient[1] == manifest.patient[2] == "17c2ac4b-501"
    assert manifest.study[0] == "1.2.276.0.7230010.3.1.2.8323329.1001"
    assert set(manifest.age) == {51.0}
    assert set(manifest.view) == {"PA"}
    assert set(manifest.sex) == {"F"}
    assert manifest.leaks == ""


def test_headers_that_give_every_film_its_own_patient_tell_nothing(tmp_path: Path) -> None:
    (tmp_path / "train-rle.csv").write_text(HEADER + "a, -1\nb,1 2\n")

    assert SIIM.manifest(tmp_path, Reading(reader=SIIM.name, headers=True)).leaks


def test_the_legacy_split_is_drawn_by_row_and_tells_where_else_a_film_was(tmp_path: Path) -> None:
    rows = [f"film-{n // 2 if n < 60 else n}" for n in range(107)]
    (tmp_path / "train-rle.csv").write_text(HEADER + "".join(f"{film},3 4\n" for film in rows))
    numbers = list(range(len(rows)))
    train, held = train_test_split(numbers, test_size=0.3, random_state=0)
    test, val = train_test_split(held, test_size=0.5, random_state=0)
    drawn = {
        row: name for name, of in (("train", train), ("val", val), ("test", test)) for row in of
    }

    manifest = SIIM.manifest(tmp_path, Reading(reader=SIIM.name, split="legacy-by-row"))

    for at, image in enumerate(manifest.image):
        film = Path(image).stem
        places = [drawn[row] for row in numbers if rows[row] == film]
        assert manifest.split[at] == places[0]
        assert manifest.extra["also_in"][at].split() == sorted({*places} - {places[0]})
    assert any(manifest.extra["also_in"])
    assert "rows were drawn" in manifest.leaks


@pytest.mark.parametrize("cell", ["", "Plantagenet", "12", "1 2 3", "-1 -1", "1.5 2"])
def test_a_cell_that_is_no_mask_is_counted_and_not_quoted(tmp_path: Path, cell: str) -> None:
    (tmp_path / "train-rle.csv").write_text(HEADER + f"a, -1\nb,{cell}\n")

    with pytest.raises(ManifestError, match=r"1 row\(s\)") as refused:
        read_data(tmp_path)

    assert "Plantagenet" not in str(refused.value)


def test_a_film_with_a_mask_and_without_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train-rle.csv").write_text(HEADER + "a, -1\na,1 2\n")

    with pytest.raises(ManifestError, match=r"1 film\(s\)"):
        read_data(tmp_path)


def test_masks_are_one_a_row_on_films_as_the_manifest_names_them(mini: Mini) -> None:
    root = mini("siim-acr")
    assert SIIM.regions is not None

    masks = [region for region in SIIM.regions(root) if isinstance(region, Mask)]

    assert len(masks) == 6
    assert {mask.image for mask in masks} <= set(read_data(root).image)
    assert masks[0].runs == (
        (557374, 2),
        (557374 + 2 + 1015, 8),
        (557374 + 2 + 1015 + 8 + 1009, 14),
    )
    pixels = masks[0].decode(1024, 1024)
    assert pixels.sum() == 24
    assert pixels[557374 % 1024, 557374 // 1024]

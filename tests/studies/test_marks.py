"""Masks as data: whose they are, and which are refused with the next step."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carina.core import ConfigError, ManifestError, Mismatch, MissingFile, UnknownName
from carina.studies import LabelSpace, Manifest, Presence, find_marks, read_data

ROWS, COLS = 6, 5


def manifest(
    root: Path,
    images: Sequence[str] = ("a.png", "b.png", "c.png"),
    *,
    view: Sequence[str] = (),
    pneumonia: Sequence[Presence] = (),
    source: str = "",
) -> Manifest:
    many = len(images)
    said = pneumonia or [Presence.UNMENTIONED] * many
    return Manifest(
        root=root,
        image=tuple(images),
        study=tuple(images),
        patient=tuple(images),
        view=tuple(view) or ("PA",) * many,
        sex=("",) * many,
        age=(float("nan"),) * many,
        site=("",) * many,
        date=("",) * many,
        split=("train",) * many,
        report=("",) * many,
        labels=np.array([[int(one)] for one in said], dtype=np.int8),
        space=LabelSpace(names=("Pneumonia",)),
        source=source,
    )


@pytest.fixture
def drawn() -> np.ndarray:
    mask = np.zeros((ROWS, COLS), dtype=bool)
    mask[1:4, 2:] = True
    return mask


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str, np.ndarray], Path]:
    folder = tmp_path / "masks"
    folder.mkdir()

    def write(name: str, mask: np.ndarray) -> Path:
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / name)
        return folder

    return write


Save = Callable[[str, np.ndarray], Path]


def test_pictures_named_as_films_are_their_masks(
    tmp_path: Path, drawn: np.ndarray, save: Save
) -> None:
    marks = find_marks(manifest(tmp_path), "lungs", save("b.png", drawn))

    assert marks.rows.tolist() == [1]
    assert np.array_equal(marks.mask(1, ROWS, COLS), drawn)


def test_pictures_named_as_film_and_structure_come_before_the_film_alone(
    tmp_path: Path, drawn: np.ndarray, save: Save
) -> None:
    save("a.png", ~drawn)
    folder = save("a-left_lung.png", drawn)

    assert np.array_equal(
        find_marks(manifest(tmp_path), "Left Lung", folder).mask(0, ROWS, COLS), drawn
    )


def test_a_film_said_to_be_without_has_an_empty_mask_and_a_silent_one_none(
    tmp_path: Path, drawn: np.ndarray, save: Save
) -> None:
    said = (Presence.PRESENT, Presence.ABSENT, Presence.UNMENTIONED)
    marks = find_marks(manifest(tmp_path, pneumonia=said), "pneumonia", save("a.png", drawn))

    assert marks.rows.tolist() == [0, 1]
    assert not marks.mask(1, ROWS, COLS).any()


def test_boxes_of_one_film_are_one_filled_mask(tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text(
        "image,label,x,y,w,h\na.png,Pneumonia,0,0,2,1\na.png,Pneumonia,3,4,2,2\nb.png,Edema,0,0,1,1\n"
    )
    marks = find_marks(manifest(tmp_path), "Pneumonia", table)
    wanted = np.zeros((ROWS, COLS), dtype=bool)
    wanted[0, :2] = wanted[4:, 3:] = True

    assert marks.rows.tolist() == [0]
    assert np.array_equal(marks.mask(0, ROWS, COLS), wanted)
    with pytest.raises(UnknownName, match="Did you mean 'Pneumonia'"):
        find_marks(manifest(tmp_path), "Pneumonias", table)


def test_a_mask_of_another_size_is_refused_with_the_next_step(
    tmp_path: Path, drawn: np.ndarray, save: Save
) -> None:
    marks = find_marks(manifest(tmp_path), "lungs", save("a.png", drawn))

    with pytest.raises(Mismatch, match=r"6 x 5 pixels and its film has 12 x 10\. Export the mask"):
        marks.mask(0, 12, 10)


def test_a_mask_of_a_lateral_view_is_set_aside_with_the_next_step(
    tmp_path: Path, drawn: np.ndarray, save: Save
) -> None:
    save("b.png", drawn)
    marks = find_marks(
        manifest(tmp_path, view=("LATERAL", "PA", "")), "lungs", save("a.png", drawn)
    )

    assert marks.rows.tolist() == [1]
    assert list(marks.set_aside) == [0]
    assert "lateral view" in marks.set_aside[0]
    assert "mend the view" in marks.set_aside[0]


def test_a_folder_without_a_film_of_the_data_is_refused(tmp_path: Path, save: Save) -> None:
    with pytest.raises(MissingFile, match=r"wanted FILM.png or FILM-lungs.png"):
        find_marks(manifest(tmp_path), "lungs", save("z.png", np.ones((2, 2), dtype=bool)))


def test_films_of_one_name_in_two_folders_are_refused(tmp_path: Path, save: Save) -> None:
    folder = save("a.png", np.ones((2, 2), dtype=bool))

    with pytest.raises(ManifestError, match="1 film"):
        find_marks(manifest(tmp_path, ("x/a.png", "y/a.png")), "lungs", folder)


def test_data_without_masks_of_their_own_ask_for_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--masks PATH"):
        find_marks(manifest(tmp_path), "lungs")


def test_run_lengths_of_siim_are_masks_of_the_published_size_alone(tmp_path: Path) -> None:
    (tmp_path / "train-rle.csv").write_text(
        "ImageId, EncodedPixels\nf1,1025 2 1022 1\nf2,-1\nf3,0 1\n"
    )
    read = read_data(tmp_path)
    marks = find_marks(read, "Pneumothorax")
    mask = marks.mask(0, 1024, 1024)

    assert marks.rows.tolist() == [0, 1, 2]
    assert np.argwhere(mask).tolist() == [[1, 1], [1, 2], [2, 1]]  # down the columns
    assert not marks.mask(1, 512, 512).any()
    with pytest.raises(Mismatch, match="drawn on 1024 x 1024 pixels and its film has 512 x 512"):
        marks.mask(0, 512, 512)


def test_boxes_of_rsna_are_filled_and_films_without_are_empty(tmp_path: Path) -> None:
    (tmp_path / "stage_2_train_labels.csv").write_text(
        "patientId,x,y,width,height,Target\nf1,10,20,30,40,1\nf1,500,500,2,2,1\nf2,,,,,0\n"
    )
    (tmp_path / "stage_2_detailed_class_info.csv").write_text(
        "patientId,class\nf1,Lung Opacity\nf1,Lung Opacity\nf2,Normal\n"
    )
    marks = find_marks(read_data(tmp_path), "Lung Opacity")

    assert marks.rows.tolist() == [0, 1]
    assert marks.mask(0, 1024, 1024).sum() == 30 * 40 + 4
    assert not marks.mask(1, 1024, 1024).any()


def test_the_lungs_of_the_shared_films_are_marked(shared: Path) -> None:
    folder = shared / "data" / "cxr" / "covid"
    marks = find_marks(read_data(folder), "lungs", folder / "masks_v7")

    assert len(marks.rows) == 288
    assert not marks.set_aside

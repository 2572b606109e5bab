"""From what is named on a command line to image files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from carina.core import MissingFile
from carina.serving import by_folder, images_in

Film = Callable[..., Path]


def test_a_folder_means_all_images_in_it_and_nothing_else(
    tmp_path: Path, film: Film, dicom_film: Film
) -> None:
    wanted = [dicom_film("IM0001"), film("deep/er/b.png"), film("z.PNG".lower())]
    film(".hidden/x.png")
    film(".y.png")
    (tmp_path / "films.csv").write_text("image")

    assert images_in([tmp_path]) == tuple(wanted)


def test_a_named_file_is_taken_as_it_is_and_each_once(tmp_path: Path, film: Film) -> None:
    one, other = film("a.png"), tmp_path / "gone.txt"

    assert images_in([other, one, tmp_path, one]) == (other, one)


def test_a_folder_without_an_image_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="holds no PNG, JPEG or DICOM"):
        images_in([tmp_path])


def test_the_folder_of_an_image_names_its_study() -> None:
    assert by_folder(Path("p1/s1/a.png")) == by_folder(Path("p1/s1/b.png")) != by_folder(Path("p1"))

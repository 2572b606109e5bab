"""PadChest, read as published."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from carina.core import ManifestError
from carina.studies import SOURCES, Presence, Reading, read_data, read_image

Mini = Callable[[str], Path]
PADCHEST = SOURCES["padchest"]
TABLE = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz"
P, U, A, N = Presence.PRESENT, Presence.UNCERTAIN, Presence.ABSENT, Presence.UNMENTIONED


def said(root: Path, film: str) -> dict[str, Presence]:
    return next(study.labels for study in read_data(root) if study.image.name.startswith(film))


def present(root: Path, film: str) -> set[str]:
    return {name for name, cell in said(root, film).items() if cell == P}


def test_a_narrower_label_says_the_wider_finding(mini: Mini) -> None:
    root = mini("padchest")

    assert present(root, "a2") == {"Fibrosis", "Kyphosis"}
    assert present(root, "a3") == {"Atelectasis", "Pleural Effusion"}
    assert present(root, "a10") == {"Fracture", "Rib Fracture", "Pneumonia", "Support Devices"}


def test_what_a_list_does_not_name_is_absent(mini: Mini) -> None:
    root = mini("padchest")

    assert set(said(root, "a2").values()) == {P, A}
    assert present(root, "a1") == {"No Finding"}


@pytest.mark.parametrize("film", ["a4", "a5", "a6"])
def test_a_list_that_says_nothing_of_findings_leaves_them_unmentioned(
    mini: Mini, film: str
) -> None:
    assert set(said(mini("padchest"), film).values()) == {N}


def test_a_wider_label_or_remains_make_a_finding_uncertain(mini: Mini) -> None:
    labels = said(mini("padchest"), "a7")

    assert {name for name, cell in labels.items() if cell == U} == {
        "Mass",
        "Tuberculosis",
        "No Finding",
    }


def test_broken_films_and_films_of_no_chest_are_left_out(mini: Mini) -> None:
    names = {study.image.name for study in read_data(mini("padchest"))}

    assert len(names) == 8
    assert not any(name.startswith(("216840", "a9")) for name in names)


def test_the_label_set_of_physicians_leaves_the_networks_films_out(mini: Mini) -> None:
    manifest = PADCHEST.manifest(mini("padchest"), Reading(reader="padchest", labels="physicians"))

    assert set(manifest.extra["labelled_by"]) == {"Physician"}
    assert len(manifest) == 4


def test_views_ages_sexes_and_reports_are_read(mini: Mini) -> None:
    manifest = read_data(mini("padchest"))

    assert manifest.view == ("PA", "LATERAL", "AP", "", "", "AP", "PA", "PA")
    assert manifest.age[:3] == (84.0, 85.0, 60.0)
    assert np.isnan(manifest.age[3:5]).all()
    assert manifest.sex[2:5] == ("M", "", "")
    assert manifest.report[0] == "sin hallazg patolog edad pacient ."
    assert manifest.report[3] == manifest.report[4] == ""
    assert manifest.date[0] == "20140915"


def test_films_may_all_lie_in_one_folder(mini: Mini) -> None:
    root = mini("padchest")
    (root / "images").mkdir()
    for folder in ("0", "1"):
        for path in sorted((root / folder).iterdir()):
            path.rename(root / "images" / path.name)
        (root / folder).rmdir()

    manifest = read_data(root)

    assert manifest.image[:3] == ("images/a1_k6ga29.png", "images/a2_fzis7d.png", "54/a3.png")
    assert all((root / image).is_file() for image in manifest.image)


def test_sixteen_bit_films_keep_their_steps(mini: Mini) -> None:
    manifest = read_data(mini("padchest"))

    picture = read_image(manifest.root / manifest.image[0])

    assert len(np.unique(picture.pixels)) == 64


@pytest.mark.parametrize(
    "cell", ["Plantagenet", "{'a': 1}", "['a', 1]", "'abc'", "['a'", "__import__('os')"]
)
def test_a_cell_that_is_no_list_is_counted_and_never_run_or_quoted(mini: Mini, cell: str) -> None:
    root = mini("padchest")
    text = gzip.decompress((root / TABLE).read_bytes()).decode()
    quoted = '"' + cell + '"'
    assert "['normal']" in text
    (root / TABLE).write_bytes(gzip.compress(text.replace("['normal']", quoted, 1).encode()))

    with pytest.raises(ManifestError, match=r"1 row\(s\) of column 'Labels'") as refused:
        read_data(root)

    assert cell not in str(refused.value)

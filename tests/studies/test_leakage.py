"""What one split, or one data set, tells of another."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from carina.core import dump
from carina.phantoms import draw
from carina.studies import CheckReport, LabelSpace, Manifest, Remark, Severity, check

SPLITS = ("train", "train", "val", "val", "test", "test")
LONG = "Heart size is normal. The lungs are clear of consolidation, effusion, or pneumothorax; no acute bony abnormality."


@cache
def film(patient: int) -> Image.Image:
    grey = np.round(255 * np.asarray(draw(3, patient, size=128).pixels)).astype(np.uint8)
    return Image.fromarray(grey)


def films(root: Path, first: int = 0, **columns: Any) -> Manifest:
    """Six films of six people, two a split."""
    root.mkdir(exist_ok=True)
    names = tuple(f"film-{first + row:06d}.png" for row in range(6))
    for row, name in enumerate(names):
        film(first + row).save(root / name)
    none = ("",) * 6
    sound = Manifest(
        root=root,
        image=names,
        study=names,
        patient=tuple(f"p{first + row}" for row in range(6)),
        **dict.fromkeys(("view", "sex", "site", "date", "report"), none),  # type: ignore[arg-type]
        age=(float("nan"),) * 6,
        split=SPLITS,
        labels=np.array([[0], [1]] * 3, dtype=np.int8),
        space=LabelSpace(names=("Mass",)),
        source="drawn",
    )
    return replace(sound, **columns)


def leaks(manifest: Manifest, against: Manifest | None = None) -> dict[str, Remark]:
    *_, report = check(manifest, against=against)
    assert isinstance(report, CheckReport)
    return {one.topic: one for one in report.remarks if one.section == "leakage"}


def smaller(root: Path, name: str, of: int) -> None:
    """A film in the place of another, smaller and brighter."""
    film(of).resize((100, 100)).point(lambda v: min(255, v + 10)).save(root / name)


def test_films_of_different_people_leak_nothing(tmp_path: Path) -> None:
    assert leaks(films(tmp_path)) == {}


@pytest.mark.parametrize(
    ("twin", "patient", "topic", "severity"),
    [
        (4, "p4", "near-duplicates-across-splits", Severity.WARNING),
        (1, "p1", "near-duplicates-across-patients", Severity.WARNING),
        (1, "p0", "near-duplicates", Severity.NOTE),
    ],
)
def test_near_duplicates_weigh_by_what_they_leak(
    twin: int, patient: str, topic: str, severity: Severity, tmp_path: Path
) -> None:
    manifest = films(tmp_path)
    patients = list(manifest.patient)
    patients[twin] = patient
    smaller(tmp_path, manifest.image[twin], of=0)
    found = leaks(replace(manifest, patient=tuple(patients)))

    assert list(found) == [topic]
    assert (found[topic].severity, found[topic].rows) == (severity, (0, twin))


def test_a_copy_equal_to_the_pixel_is_no_near_duplicate_and_an_error_across_splits(
    tmp_path: Path,
) -> None:
    manifest = films(tmp_path)
    film(0).save(tmp_path / manifest.image[4], compress_level=0)
    found = leaks(manifest)

    assert list(found) == ["duplicates-across-splits"]
    assert found["duplicates-across-splits"].severity is Severity.ERROR


def test_a_chain_of_copies_is_told_whole(tmp_path: Path) -> None:
    manifest = films(tmp_path)
    film(0).save(tmp_path / manifest.image[1])
    smaller(tmp_path, manifest.image[4], of=0)

    assert leaks(manifest)["near-duplicates-across-splits"].rows == (0, 1, 4)


def test_patients_in_two_splits_are_counted_where_a_published_split_has_them(
    tmp_path: Path,
) -> None:
    manifest = films(tmp_path)
    patients = ("p0", "p1", "p0", "p3", "p1", "p5")
    found = leaks(replace(manifest, leaks="films were drawn, not patients", patient=patients))

    assert found["patients-in-two-splits"].rows == (0, 1, 2, 4)
    assert "2 patient(s)" in found["patients-in-two-splits"].text
    assert "films were drawn, not patients" in found["published-split-leaks"].text
    assert {one.severity for one in found.values()} == {Severity.WARNING}


def test_repeated_reports_are_told_by_their_length_and_not_where_the_patient_is_the_same(
    tmp_path: Path,
) -> None:
    reports = (
        LONG,
        "No acute disease.",
        "",
        "",
        LONG.upper().replace(",", "\n"),
        "no acute disease",
    )
    found = leaks(films(tmp_path, report=reports))

    assert found["reports-across-splits"].rows == (4,)
    assert "1 of 2 test images with a report (50.0%)" in found["reports-across-splits"].text
    assert found["stock-reports-across-splits"].rows == (5,)
    assert found["stock-reports-across-splits"].severity is Severity.NOTE
    own = films(tmp_path, report=reports, patient=("a", "b", "c", "d", "a", "b"), leaks="so")
    assert not {"reports-across-splits", "stock-reports-across-splits"} & set(leaks(own))


def test_two_sets_without_a_common_film_share_nothing(tmp_path: Path) -> None:
    assert leaks(films(tmp_path / "a"), films(tmp_path / "b", first=6)) == {}


def test_two_sets_share_films_by_pixels_by_likeness_and_by_report(tmp_path: Path) -> None:
    here = films(tmp_path / "a", report=(LONG, *("",) * 5))
    there = films(tmp_path / "b", first=6, report=(*("",) * 5, LONG))
    film(4).save(there.root / there.image[0])
    smaller(there.root, there.image[3], of=1)
    found = leaks(here, there)

    assert set(found) == {"shared-images", "shared-near-duplicates", "shared-reports"}
    assert found["shared-images"].rows == (4,)
    assert "(split here/there: test/train 1)" in found["shared-images"].text
    assert found["shared-near-duplicates"].rows == (1,)
    assert found["shared-reports"].rows == (0,)


def test_rsna_films_are_told_by_the_nih_names_they_have(tmp_path: Path) -> None:
    nih = films(
        tmp_path / "nih",
        image=tuple(f"images/0000000{row}_000.png" for row in range(6)),
        patient=tuple("123456"),
    )
    rsna = films(
        tmp_path / "rsna",
        first=6,
        patient=tuple("456789"),
        extra={"nih_image": ("00000003_000.png", "00000004_000.png", *("00000009_001.png",) * 4)},
    )
    found = leaks(rsna, nih)

    assert found["shared-names"].rows == (0, 1)
    assert found["shared-patients"].rows == (0, 1, 2)
    assert set(leaks(nih, rsna)) == {"shared-names", "shared-patients"}


def test_patients_of_two_sets_are_not_compared_where_nothing_says_their_numbers_mean_the_same(
    tmp_path: Path,
) -> None:
    here, there = films(tmp_path / "a"), films(tmp_path / "b", first=6)

    assert leaks(here, replace(there, patient=here.patient)) == {}
    strange = replace(there, image=here.image, patient=tuple("uvwxyz"), root=there.root)
    assert "shared-patients" not in leaks(here, strange)


def test_names_that_every_study_has_tell_nothing(tmp_path: Path) -> None:
    here, there = (
        replace(
            films(tmp_path / name, first=first),
            image=tuple(f"{name}{row}/view1_frontal.png" for row in range(6)),
        )
        for name, first in (("a", 0), ("b", 6))
    )

    assert leaks(here, there) == {}


def test_no_leak_names_a_patient_a_file_or_a_report(tmp_path: Path) -> None:
    people = tuple(f"secret-{row}" for row in range(6))
    here = films(tmp_path / "a", patient=people, report=(LONG,) * 6)
    there = films(tmp_path / "b", patient=people, report=(LONG,) * 6)
    smaller(tmp_path / "a", here.image[4], of=0)
    said = str(dump([one.text for one in leaks(here, there).values()]))

    assert len(leaks(here, there)) >= 5
    for secret in ("secret", "film-0", "Heart", "heart", str(tmp_path)):
        assert secret not in said


def test_the_command_line_has_a_section_for_leaks_and_a_table_for_policies(
    carina: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    for name, first in (("a", 0), ("b", 4)):
        made = films(tmp_path / name, first=first)
        rows = [
            f"{image},{who},{split},{cell}"
            for image, who, split, cell in zip(
                made.image, made.patient, made.split, ("1", "-1", "0", "-1", "1", "0"), strict=True
            )
        ]
        (tmp_path / name / "films.csv").write_text(
            "\n".join(["image,patient,split,Mass", *rows]) + "\n"
        )
        (tmp_path / name / "mapping.toml").write_text(
            'table = "films.csv"\nsource = "drawn"\n[columns]\nimage = "image"\n'
            'patient = "patient"\nsplit = "split"\n[labels.columns]\nMass = "Mass"\n'
        )
    status, out, err = carina("check", tmp_path / "a", "--against", tmp_path / "b", "--policies")

    assert status == 0
    assert err.index("Leakage") < err.index("2 of 6 images are there too, equal to the pixel")
    assert "asserted" in out
    assert "50.0% of 2" in out  # zeros, in train
    _, plain, quiet = carina("check", tmp_path / "a")
    assert "Leakage" not in quiet
    assert "asserted" not in plain
    _, machine, _ = carina("check", tmp_path / "a", "--policies", "--json")
    assert '"ones"' in machine

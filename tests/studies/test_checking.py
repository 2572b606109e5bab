"""What a look over a data set finds."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from carina.core import dump, load
from carina.phantoms import draw
from carina.studies import (
    Checked,
    CheckReport,
    LabelSpace,
    Manifest,
    PresenceCounts,
    Remark,
    Severity,
    SplitCounts,
    check,
)


def films(root: Path, rows: int = 6, **columns: Any) -> Manifest:
    """A sound manifest, one patient an image, and its files, all different."""
    names = tuple(f"{row}.png" for row in range(rows))
    for row, name in enumerate(names):
        noise = np.random.default_rng(row).integers(0, 256, (8 + row, 9), dtype=np.uint8)
        Image.fromarray(noise).save(root / name)
    blank = ("",) * rows
    sound = Manifest(
        root=root,
        image=names,
        study=names,
        patient=tuple(f"p{row}" for row in range(rows)),
        view=blank,
        sex=blank,
        age=(float("nan"),) * rows,
        site=blank,
        date=blank,
        split=("train", "val", "test") * (rows // 3),
        report=blank,
        labels=np.repeat(np.array([0, 1], dtype=np.int8), [3, rows - 3])[:, None],
        space=LabelSpace(names=("Mass",)),
        source="made-up",
    )
    return replace(sound, **columns)


def report_of(manifest: Manifest, *, read: bool = True) -> CheckReport:
    *_, last = check(manifest, read=read)
    assert isinstance(last, CheckReport)
    noise = "guard-"  # these films are no chests, and look like whatever comes next to it
    return replace(
        last, remarks=tuple(one for one in last.remarks if not one.topic.startswith(noise))
    )


def remarks(manifest: Manifest) -> dict[str, Remark]:
    return {remark.topic: remark for remark in report_of(manifest).remarks}


def test_a_sound_data_set_draws_no_remark(tmp_path: Path) -> None:
    report = report_of(films(tmp_path))

    assert report.remarks == ()
    assert report.sound
    assert (report.images, report.patients, report.studies, report.readable) == (6, 6, 6, 6)
    assert report.splits == {s: SplitCounts(images=2, patients=2) for s in ("train", "val", "test")}
    assert report.findings["Mass"]["val"] == PresenceCounts(
        present=1, absent=1, uncertain=0, unmentioned=0
    )
    assert report.forms == {"PNG": 6}
    assert (report.smallest, report.largest) == ((8, 9), (13, 9))


def test_every_image_is_an_event_and_the_report_is_the_last(tmp_path: Path) -> None:
    *events, _ = check(films(tmp_path))

    assert events == [Checked(done=row, of=6) for row in range(1, 7)]


def test_a_report_goes_through_json(tmp_path: Path) -> None:
    report = report_of(films(tmp_path, report=("same",) * 6))

    assert load(dump(report), CheckReport) == report


@pytest.mark.parametrize("read", [True, False])
def test_missing_images_are_set_aside_and_counted(tmp_path: Path, read: bool) -> None:
    manifest = films(tmp_path)
    (tmp_path / "2.png").unlink()

    report = report_of(manifest, read=read)

    assert (report.missing, report.readable) == (1, 5)
    (remark,) = report.remarks
    assert (remark.topic, remark.severity, remark.rows) == ("missing", Severity.WARNING, (2,))
    assert report.sound


def test_no_image_at_all_is_an_error(tmp_path: Path) -> None:
    report = report_of(replace(films(tmp_path), root=tmp_path / "nowhere"))

    assert not report.sound
    assert report.smallest == (0, 0)


def test_unreadable_images_are_counted_by_their_reason(
    tmp_path: Path, dicom: Callable[..., bytes]
) -> None:
    manifest = films(tmp_path)
    for name in ("0.png", "1.png"):
        short = dicom(np.zeros((8, 8), dtype=np.uint16), Rows=9 + int(name[0]))
        (tmp_path / name).write_bytes(short)
    (tmp_path / "2.png").write_bytes(b"")

    report = report_of(manifest)

    assert report.unreadable == {"Truncated": 2, "The file is empty": 1}
    assert report.readable == 3
    assert {remark.severity for remark in report.remarks} == {Severity.WARNING}


@pytest.mark.parametrize(
    ("twin", "patient", "topic", "severity"),
    [
        (1, "p1", "duplicates-across-splits", Severity.ERROR),
        (3, "p3", "duplicates-across-patients", Severity.WARNING),
        (3, "p0", "duplicates", Severity.NOTE),
    ],
)
def test_duplicates_weigh_by_what_they_leak(
    tmp_path: Path, twin: int, patient: str, topic: str, severity: Severity
) -> None:
    patients = [f"p{row}" for row in range(6)]
    patients[twin] = patient
    manifest = films(
        tmp_path, patient=tuple(patients), labels=np.array([[0], [0], [1], [0], [1], [1]], np.int8)
    )
    (tmp_path / f"{twin}.png").write_bytes((tmp_path / "0.png").read_bytes())

    found = {t: r for t, r in remarks(manifest).items() if t.startswith("duplicates")}

    assert list(found) == [topic]
    assert (found[topic].severity, found[topic].rows) == (severity, (0, twin))


def test_duplicates_are_the_same_pixels_whatever_the_file(tmp_path: Path) -> None:
    manifest = films(tmp_path)
    with Image.open(tmp_path / "0.png") as image:
        image.convert("RGB").save(tmp_path / "1.png")

    assert remarks(manifest)["duplicates-across-splits"].rows == (0, 1)


def test_duplicates_with_other_labels_disagree(tmp_path: Path) -> None:
    manifest = films(tmp_path)
    (tmp_path / "3.png").write_bytes((tmp_path / "0.png").read_bytes())

    assert remarks(manifest)["duplicates-disagree"].rows == (0, 3)


def test_a_finding_without_positives_or_negatives_is_said_with_its_split(tmp_path: Path) -> None:
    labels = np.array([[1], [0], [0], [1], [0], [1]], dtype=np.int8)

    found = remarks(films(tmp_path, labels=labels))

    assert "Mass is never present in val" in found["none-present"].text
    assert "Mass is never absent in train" in found["none-absent"].text


def test_unmentioned_and_uncertain_cells_are_counted_apart(tmp_path: Path) -> None:
    labels = np.array([[-2, 1], [-2, 0], [-1, 1], [0, 0], [1, 0], [1, 1]], dtype=np.int8)

    found = remarks(films(tmp_path, labels=labels, space=LabelSpace(names=("Mass", "Nodule"))))

    assert (found["unmentioned"].count, found["uncertain"].count) == (2, 1)


def test_an_unregistered_finding_meets_its_neighbour(tmp_path: Path) -> None:
    found = remarks(films(tmp_path, space=LabelSpace(names=("Cardiomegally",))))

    assert "Did you mean 'Cardiomegaly'" in found["unregistered-finding"].text


def test_reports_repeated_under_other_patients_are_noted(tmp_path: Path) -> None:
    manifest = films(tmp_path, report=("same", "", "own", "same", "", "other"))

    assert remarks(manifest)["repeated-reports"].rows == (0, 3)


def test_a_study_of_two_patients_is_noted(tmp_path: Path) -> None:
    manifest = films(tmp_path, study=("a", "b", "c", "a", "d", "e"))

    assert remarks(manifest)["study-of-two-patients"].rows == (0, 3)


def test_an_empty_split_is_noted(tmp_path: Path) -> None:
    manifest = films(tmp_path, split=("train",) * 4 + ("val", "val"))

    assert "split test" in remarks(manifest)["empty-split"].text


def test_what_dicom_files_say_of_themselves_is_counted(
    tmp_path: Path, dicom: Callable[..., bytes]
) -> None:
    manifest = films(tmp_path)
    stored = np.arange(64, dtype=np.uint16).reshape(8, 8)
    (tmp_path / "0.png").write_bytes(dicom(stored, PhotometricInterpretation="MONOCHROME1"))
    (tmp_path / "1.png").write_bytes(
        dicom(stored**2, BurnedInAnnotation="YES", WindowCenter=5, WindowWidth=0)
    )
    (tmp_path / "2.png").write_bytes(dicom(stored * 0, PresentationIntentType="FOR PROCESSING"))

    found = remarks(manifest)

    assert report_of(manifest).photometric == {"MONOCHROME1": 1, "MONOCHROME2": 5}
    assert found["inverted"].rows == (0,)
    assert "17%" in found["inverted"].text
    assert found["burned_in"].rows == found["window_ignored"].rows == (1,)
    assert found["unprocessed"].rows == found["blank"].rows == (2,)


def test_errors_come_before_warnings_before_notes(tmp_path: Path) -> None:
    manifest = films(tmp_path, report=("same",) * 6)
    (tmp_path / "1.png").write_bytes((tmp_path / "0.png").read_bytes())
    (tmp_path / "5.png").unlink()

    severities = [remark.severity for remark in report_of(manifest).remarks]

    assert list(dict.fromkeys(severities)) == [Severity.ERROR, Severity.WARNING, Severity.NOTE]
    assert severities == sorted(severities, key=list(Severity).index)


def test_no_remark_names_a_patient_or_a_file(tmp_path: Path) -> None:
    manifest = films(tmp_path, patient=tuple(f"secret-{row}" for row in range(6)))
    (tmp_path / "1.png").write_bytes((tmp_path / "0.png").read_bytes())
    (tmp_path / "2.png").unlink()
    (tmp_path / "3.png").write_bytes(b"no image")

    said = str(dump(report_of(manifest)))

    assert "secret" not in said
    assert ".png" not in said


def test_pictures_the_guard_would_stop_are_counted_by_their_problem(tmp_path: Path) -> None:
    manifest = films(tmp_path, view=("PA",) * 6)
    upright = np.round(255 * np.asarray(draw(3, 5, size=96).pixels)).astype(np.uint8)
    for row, pixels in enumerate((upright, 255 - upright, np.rot90(upright, 2), 255 - upright)):
        Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / f"{row}.png")
    *_, last = check(manifest)
    assert isinstance(last, CheckReport)

    found = {one.topic: one.rows for one in last.remarks if one.topic.startswith("guard-")}

    assert found == {
        "guard-inverted": (1, 3),
        "guard-rotated": (2,),
        "guard-not-a-chest": (4, 5),
    }


def test_views_of_table_and_header_that_disagree_are_told(
    tmp_path: Path, dicom: Callable[..., bytes]
) -> None:
    manifest = films(tmp_path, view=("PA", "AP", "", "PA", "PA", "PA"))
    stored = np.arange(400, dtype=np.uint16).reshape(20, 20)
    for row in range(3):
        (tmp_path / f"{row}.png").write_bytes(dicom(stored + row, ViewPosition="PA"))

    assert remarks(manifest)["views-disagree"].rows == (1,)

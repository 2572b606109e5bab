"""CheXpert and CheXpert Plus, read as published."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from carina.core import ConfigError, ManifestError, MissingFile, UnreadableFile
from carina.studies import SOURCES, Manifest, Presence, Reading, read_data

Mini = Callable[[str], Path]
HEADER = (
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,"
    "Lung Opacity,Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,"
    "Pleural Effusion,Pleural Other,Fracture,Support Devices"
)


def cell(manifest: Manifest, image: str, finding: str) -> Presence:
    row = next(at for at, name in enumerate(manifest.image) if name.endswith(image))
    return Presence(int(manifest.labels[row, manifest.space.index(finding)]))


def test_patient_study_view_sex_and_age_are_read_from_a_row(mini: Mini) -> None:
    manifest = read_data(mini("chexpert"))

    assert manifest.image[0] == "train/patient00001/study1/view1_frontal.jpg"
    assert manifest.patient[1:4] == ("patient00002",) * 3
    assert manifest.study[1:4] == ("patient00002/study2", *["patient00002/study1"] * 2)
    assert manifest.view[:6] == ("AP", "AP", "AP", "LATERAL", "PA", "LATERAL")
    assert manifest.sex[:6] == ("F", "F", "F", "F", "M", "")
    assert manifest.age[:6] == (68, 87, 83, 83, 41, 0)


def test_blank_absent_uncertain_and_present_stay_apart(mini: Mini) -> None:
    manifest = read_data(mini("chexpert"))
    second = "patient00002/study2/view1_frontal.jpg"

    assert cell(manifest, second, "Cardiomegaly") is Presence.UNCERTAIN
    assert cell(manifest, second, "Lung Opacity") is Presence.PRESENT
    assert cell(manifest, second, "Pneumonia") is Presence.UNMENTIONED
    assert (
        cell(manifest, "patient00003/study1/view1_frontal.jpg", "Pneumothorax") is Presence.ABSENT
    )


def test_radiologists_label_validation_and_test_by_study_whatever_the_order_of_columns(
    mini: Mini,
) -> None:
    manifest = read_data(mini("chexpert"))

    assert Counter(manifest.split) == {"train": 6, "val": 2, "test": 2}
    for view in ("view1_frontal.jpg", "view2_lateral.jpg"):
        film = f"test/patient64741/study1/{view}"
        assert cell(manifest, film, "Support Devices") is Presence.PRESENT
        assert cell(manifest, film, "Lung Opacity") is Presence.PRESENT
        assert cell(manifest, film, "No Finding") is Presence.ABSENT
    assert manifest.view[-2:] == ("", "LATERAL")


def test_labels_of_studies_whose_films_are_not_there_are_refused(mini: Mini) -> None:
    root = mini("chexpert")
    for film in (root / "test").rglob("*.jpg"):
        film.unlink()

    with pytest.raises(MissingFile, match="labels studies"):
        read_data(root)


def test_test_films_may_be_listed_one_by_one_and_without_them_there_are_none(mini: Mini) -> None:
    root = mini("chexpert")
    (root / "groundtruth.csv").unlink()
    assert set(read_data(root).split) == {"train", "val"}

    (root / "test_labels.csv").write_text(
        HEADER.replace("Sex,Age,Frontal/Lateral,AP/PA,", "")
        + "\ntest/patient64742/study1/view1_frontal.jpg"
        + ",0" * 13
        + ",1\n"
    )
    manifest = read_data(root)
    assert manifest.split[-1] == "test"
    assert np.isnan(manifest.age[-1])


def test_visualchexbert_labels_training_films_and_leaves_the_radiologists_theirs(
    mini: Mini,
) -> None:
    root = mini("chexpert")
    plain = read_data(root)
    visual = SOURCES["chexpert"].manifest(root, Reading(reader="chexpert", labels="visualchexbert"))
    train = [row for row, split in enumerate(plain.split) if split == "train"]
    others = [row for row, split in enumerate(plain.split) if split != "train"]

    assert set(np.unique(visual.labels[train])) == {Presence.ABSENT, Presence.PRESENT}
    assert (visual.labels[others] == plain.labels[others]).all()


def test_a_film_another_labeller_lacks_is_unmentioned(mini: Mini) -> None:
    root = mini("chexpert")
    manifest = SOURCES["chexpert"].manifest(root, Reading(reader="chexpert", labels="chexbert"))

    assert (manifest.labels[4:6] == Presence.UNMENTIONED).all()
    assert (manifest.labels[:4] == read_data(root).labels[:4]).all()


def test_labels_that_are_not_there_are_asked_for(mini: Mini) -> None:
    root = mini("chexpert")
    (root / "train_visualCheXbert.csv").unlink()

    with pytest.raises(MissingFile, match="read from train_visualCheXbert"):
        SOURCES["chexpert"].manifest(root, Reading(reader="chexpert", labels="visualchexbert"))


def test_reports_come_from_chexpert_plus_by_film(mini: Mini) -> None:
    manifest = read_data(mini("chexpert"))

    assert manifest.report[0] == "NARRATIVE:\nOne, two.\nIMPRESSION:\nClear."
    assert set(manifest.report[1:]) == {""}


def test_valid_may_stand_for_test_with_validation_by_patient(mini: Mini) -> None:
    manifest = SOURCES["chexpert"].manifest(
        mini("chexpert"), Reading(reader="chexpert", split="valid-as-test")
    )

    assert [i for i, s in zip(manifest.image, manifest.split, strict=True) if s == "test"] == [
        image for image in manifest.image if image.startswith("valid/")
    ]
    assert not any(image.startswith("test/") for image in manifest.image)


def test_mgcas_split_is_the_one_its_code_draws(tmp_path: Path) -> None:
    alone = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
    findings = HEADER.split(",")[5:]
    rows = []
    for at in range(1300):  # each of the five alone 220 times, and once uncertain beside another
        cells = dict.fromkeys(findings, "")
        cells[alone[at % 5]] = "1.0" if at < 1100 else "-1.0"
        rows.append(
            f"CheXpert-v1.0/train/patient{at // 2:05d}/study1/view{at % 2}_frontal.jpg,Male,60,"
            "Frontal,AP," + ",".join(cells.values())
        )
    (tmp_path / "train.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    valid = rows[0].replace("train/patient00000", "valid/patient64541")
    (tmp_path / "valid.csv").write_text(f"{HEADER}\n{valid}\n")

    manifest = SOURCES["chexpert"].manifest(
        tmp_path, Reading(reader="chexpert", split="legacy-mgca")
    )

    # What the code does, over again: 200 of each, then validation from the rest, old generator.
    aside: set[int] = set()
    for which in range(5):
        shown = [at for at in range(1100) if at % 5 == which]
        aside |= {shown[i] for i in np.random.RandomState(0).choice(220, 200, replace=False)}
    rest = [at for at in range(1300) if at not in aside]
    drawn = np.random.RandomState(0).choice(300, 150, replace=False)  # half, of so small a table
    wanted = {
        f"train/patient{rest[i] // 2:05d}/study1/view{rest[i] % 2}_frontal.jpg" for i in drawn
    }
    got = {i for i, s in zip(manifest.image, manifest.split, strict=True) if s == "val"}
    assert got == wanted
    assert Counter(manifest.split) == {"train": 150, "val": 150, "test": 1}
    assert manifest.leaks
    assert manifest.patients_in_two_splits()


def test_a_path_of_another_form_is_refused_and_not_quoted(mini: Mini) -> None:
    root = mini("chexpert")
    text = (root / "train.csv").read_text()
    (root / "train.csv").write_text(text.replace("patient00003/study1", "secret-77"))

    with pytest.raises(ManifestError, match=r"A path in train\.csv does not end in") as refused:
        read_data(root)
    assert "secret" not in str(refused.value)


def test_a_table_of_ones_own_called_train_is_not_taken_for_chexpert(tmp_path: Path) -> None:
    for name in ("train.csv", "valid.csv"):
        (tmp_path / name).write_text("image,id,Mass\na.png,p,1\n")

    with pytest.raises(ConfigError, match="No mapping"):
        read_data(tmp_path)


def test_plus_reads_reports_over_lines_and_png_films(mini: Mini) -> None:
    root = mini("chexpert-plus")
    manifest = read_data(root)

    assert manifest.root == root / "PNG"
    assert manifest.image[0] == "train/patient42142/study5/view1_frontal.png"
    assert manifest.report[0] == 'NARRATIVE:\nStudy 5, chest.\n\nIMPRESSION:\n1. "Clear".'
    assert manifest.extra["order"] == ("5", "4", "4", "1", "1")
    assert manifest.view == ("AP", "PA", "LATERAL", "AP", "AP")
    assert Counter(manifest.split) == {"train": 4, "val": 1}


@pytest.mark.parametrize(
    ("labels", "edema"),
    [
        ("impression", Presence.UNMENTIONED),
        ("findings", Presence.UNCERTAIN),
        ("report", Presence.PRESENT),
        ("none", Presence.UNMENTIONED),
    ],
)
def test_plus_labels_are_of_the_part_of_the_report_that_was_chosen(
    mini: Mini, labels: str, edema: Presence
) -> None:
    manifest = SOURCES["chexpert-plus"].manifest(
        mini("chexpert-plus"), Reading(reader="chexpert-plus", labels=labels)
    )
    column = manifest.labels[:, manifest.space.index("Edema")]

    assert column.tolist() == [edema] * 4 + [Presence.UNMENTIONED]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("secret-77", UnreadableFile),
        ('["secret-77"]', UnreadableFile),
        ("[" * 60_000, UnreadableFile),
        (json.dumps({"path_to_image": "secret-77"}), ConfigError),
        (
            json.dumps(
                {"path_to_image": "x", **dict.fromkeys(HEADER.split(",")[5:]), "Edema": "secret-77"}
            ),
            ManifestError,
        ),
    ],
)
def test_damaged_lines_of_labels_are_refused_and_not_quoted(
    mini: Mini, line: str, kind: type[Exception]
) -> None:
    root = mini("chexpert-plus")
    (root / "chexbert_labels" / "impression_fixed.json").write_text(line + "\n")

    with pytest.raises(kind) as refused:
        read_data(root)
    assert "secret" not in str(refused.value)

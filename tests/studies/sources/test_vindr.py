"""VinDr-CXR in both of its published forms."""

from collections.abc import Callable
from pathlib import Path

import pytest

from carina.core import ConfigError, ManifestError
from carina.studies import SOURCES, Box, Presence, Reading, read_data

Mini = Callable[[str], Path]
VINDR, KAGGLE = SOURCES["vindr-cxr"], SOURCES["vindr-cxr-kaggle"]
P, U, A = Presence.PRESENT, Presence.UNCERTAIN, Presence.ABSENT


def said(root: Path, finding: str, labels: str, source: str = "vindr-cxr") -> list[int]:
    manifest = SOURCES[source].manifest(root, Reading(reader=source, labels=labels))
    return [int(cell) for cell in manifest.labels[:, manifest.space.index(finding)]]


@pytest.mark.parametrize(
    ("labels", "ild", "copd", "nodule"),
    [("majority", P, A, A), ("any", P, P, P), ("unanimous", U, U, U)],
)
def test_three_readers_become_one_label_by_the_rule_chosen(
    mini: Mini, labels: str, ild: Presence, copd: Presence, nodule: Presence
) -> None:
    root = mini("vindr-cxr")

    assert said(root, "Interstitial Lung Disease", labels) == [A, ild, A, A, A, A, A]
    assert said(root, "COPD", labels)[1] == copd
    assert said(root, "Nodule or Mass", labels)[2] == nodule


@pytest.mark.parametrize("labels", ["majority", "any", "unanimous"])
def test_what_all_readers_say_and_what_the_consensus_says_stands(mini: Mini, labels: str) -> None:
    root = mini("vindr-cxr")

    assert said(root, "Edema", labels) == [A, A, A, P, A, A, A]
    assert said(root, "Pneumothorax", labels) == [A, A, A, A, A, P, A]


def test_a_label_spelt_in_two_ways_is_one_finding(mini: Mini) -> None:
    manifest = read_data(mini("vindr-cxr"))

    assert len(manifest.space) == 28
    assert said(manifest.root, "Other Disease", "any") == [A, A, A, P, A, P, A]


def test_the_official_test_films_are_those_of_the_test_table(mini: Mini) -> None:
    manifest = read_data(mini("vindr-cxr"))

    assert all(
        (split == "test") == image.startswith("test/")
        for image, split in zip(manifest.image, manifest.split, strict=True)
    )


def test_sex_and_age_are_in_headers_alone(mini: Mini) -> None:
    root = mini("vindr-cxr")

    full = VINDR.manifest(root, Reading(reader="vindr-cxr", headers=True))

    assert set(read_data(root).sex) == {""}
    assert full.sex == ("M",) * 5 + ("",) * 2
    assert set(full.age) == {47.0}


def test_a_column_that_is_missing_is_named(mini: Mini) -> None:
    root = mini("vindr-cxr")
    path = root / "annotations" / "image_labels_train.csv"
    path.write_text(path.read_text().replace("Tuberculosis", "Tuberculosi"))

    with pytest.raises(ConfigError, match=r"'Tuberculosis'.*Did you mean 'Tuberculosi'"):
        read_data(root)


def test_a_film_in_both_tables_is_refused(mini: Mini) -> None:
    root = mini("vindr-cxr")
    path = root / "annotations" / "image_labels_test.csv"
    path.write_text(
        path.read_text().replace(
            "002a34c58c5b758217ed1f584ccbcfe9", "000434271f63a053c4128a0ba6352c7f"
        )
    )

    with pytest.raises(ManifestError, match=r"1 film\(s\) are in both"):
        read_data(root)


def test_corners_become_boxes_and_rows_without_are_passed_over(mini: Mini) -> None:
    root = mini("vindr-cxr")
    assert VINDR.regions is not None

    ild, pneumothorax = VINDR.regions(root)

    assert ild == Box(
        image="train/00053190460d56c53cc3e57321387478.dicom",
        finding="Interstitial Lung Disease",
        x=691.5,
        y=1375.25,
        width=962.0,
        height=456.25,
        reader="R1",
    )
    assert isinstance(pneumothorax, Box)
    assert (pneumothorax.width, pneumothorax.height, pneumothorax.reader) == (20.0, 40.0, "")


@pytest.mark.parametrize(
    ("labels", "cardiomegaly", "thickening", "nothing"),
    [
        ("majority", [A, A, A, P], [A, A, A, A], [A, P, P, A]),
        ("any", [A, A, A, P], [A, A, A, P], [P, P, P, A]),
        ("unanimous", [A, A, A, P], [A, A, A, U], [U, P, P, A]),
    ],
)
def test_a_reader_of_the_other_form_counts_once_however_many_boxes(
    mini: Mini,
    labels: str,
    cardiomegaly: list[Presence],
    thickening: list[Presence],
    nothing: list[Presence],
) -> None:
    root = mini("vindr-cxr-kaggle")
    films = [Path(image).stem[0] for image in read_data(root).image]
    order = [films.index(first) for first in "0259"]

    def column(finding: str) -> list[int]:
        cells = said(root, finding, labels, "vindr-cxr-kaggle")
        return [cells[row] for row in order]

    assert column("Cardiomegaly") == cardiomegaly
    assert column("Pleural Thickening") == thickening
    assert column("No Finding") == nothing


def test_a_class_that_is_none_is_counted_and_not_quoted(mini: Mini) -> None:
    root = mini("vindr-cxr-kaggle")
    (root / "train.csv").write_text(
        (root / "train.csv").read_text().replace("Nodule/Mass", "Plantagenet")
    )

    with pytest.raises(ManifestError, match=r"1 row\(s\)") as refused:
        read_data(root)

    assert "Plantagenet" not in str(refused.value)


def test_boxes_of_the_other_form_keep_their_reader(mini: Mini) -> None:
    root = mini("vindr-cxr-kaggle")
    assert KAGGLE.regions is not None

    regions = KAGGLE.regions(root)

    assert len(regions) == 7
    assert {region.reader for region in regions} == {"R8", "R9", "R10"}
    assert {region.image for region in regions} <= set(read_data(root).image)

"""Several data sets read as one: nothing of one is taken for something of another."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from carina.core import CarinaError, ConfigError, MissingFile
from carina.studies import (
    FINDINGS,
    POLICIES,
    CheckReport,
    Films,
    LabelPolicy,
    Manifest,
    Presence,
    Split,
    Unmentioned,
    check,
    joined,
    read_data,
)

TWO = """
[parts.stanford]
data = "chexpert"
reading = { reader = "chexpert", split = "hashed", fractions = { train = 0.5, test = 0.5 } }

[parts.nih]
data = "nih"
"""


@pytest.fixture
def collected(minis: dict[str, Path], tmp_path: Path) -> Callable[..., Path]:
    """A maker of collections of miniatures: text of the file, then source by folder."""

    def make(text: str = TWO, **sources: str) -> Path:
        for folder, source in (
            sources or {"chexpert": "chexpert", "nih": "nih-chestxray14"}
        ).items():
            shutil.copytree(minis[source], tmp_path / folder)
        (tmp_path / "both.toml").write_text(text)
        return tmp_path / "both.toml"

    return make


@pytest.fixture
def both(collected: Callable[..., Path]) -> Manifest:
    return read_data(collected())


def test_rows_come_part_by_part_under_the_names_of_the_parts(both: Manifest) -> None:
    parts = [name.partition("/")[0] for name in both.image]

    assert parts == sorted(parts, reverse=True)  # stanford, then nih
    for column in (both.image, both.study, both.patient):
        assert [cell.partition("/")[0] for cell in column] == parts
    assert set(both.sources) == {"chexpert", "nih-chestxray14"}
    assert both.source == "chexpert+nih-chestxray14"
    assert both.listed_patient[0] == "patient00001"


def test_images_are_found_in_the_folder_of_their_part(both: Manifest) -> None:
    assert all(both.place(image).is_file() for image in both.image)
    assert both.study_at(len(both) - 1).image.is_file()


def test_the_site_is_the_data_set_unless_it_has_sites_of_its_own(
    both: Manifest, collected: Callable[..., Path]
) -> None:
    assert both.site == both.sources
    here = replace(both.take(np.arange(3)), roots={}, site=("north", "", "south"))
    there = replace(here, site=("",) * 3, source="")
    two = joined({"one": here, "two": there}, Path())

    assert two.site == ("north", "", "south", "two", "two", "two")


def test_a_finding_a_source_never_labels_is_known_under_no_policy(both: Manifest) -> None:
    ours = np.array([source == "chexpert" for source in both.sources])
    hernia, opacity = both.space.indices(("Hernia", "Lung Opacity"))
    shared = both.space.index("Edema")

    assert (both.labels[ours, hernia] == Presence.UNANNOTATED).all()
    assert (both.labels[~ours, opacity] == Presence.UNANNOTATED).all()
    assert (both.labels[:, shared] != Presence.UNANNOTATED).all()
    assert (both.labels[ours] == Presence.UNMENTIONED).any()
    everything = LabelPolicy(unmentioned=Unmentioned.ABSENT)
    for policy in (*POLICIES.values(), everything):
        read = policy.apply(both.labels, both.space)
        assert not read.known[ours, hernia].any()
        assert not read.certain[ours, hernia].any()
        assert read.soft is None or np.isnan(read.soft[ours, hernia]).all()
    assert everything.apply(both.labels, both.space).known[ours, shared].any()


def test_findings_are_the_registrys_each_once(both: Manifest) -> None:
    assert set(both.space.names) <= {finding.name for finding in FINDINGS}
    assert both.space.names.count("Pleural Effusion") == 1
    assert len(both.space) == 14 + 15 - 8  # seven findings and No Finding are of both


def test_splits_stay_as_each_part_has_them(both: Manifest, collected: Callable[..., Path]) -> None:
    ours = [
        split
        for split, source in zip(both.split, both.sources, strict=True)
        if source == "chexpert"
    ]

    assert set(ours) <= {"train", "test"}
    assert {"train", "test"} <= set(both.split)
    assert not both.patients_in_two_splits()


def test_patients_of_one_number_in_two_parts_are_two(minis: dict[str, Path]) -> None:
    one = read_data(minis["nih-chestxray14"])
    moved = replace(one, split=tuple(str(Split.VAL) for _ in one.split), source="other")
    both = joined({"a": one, "b": moved}, Path())

    assert len(set(both.patient)) == 2 * len(set(one.patient))
    assert both.leaks == ""


def test_the_digest_is_of_the_parts_and_not_of_where_they_lie(
    collected: Callable[..., Path], minis: dict[str, Path], tmp_path: Path
) -> None:
    file = collected()
    before = read_data(file).digest
    apart = tmp_path / "apart"
    shutil.copytree(tmp_path / "nih", apart / "deep" / "nih")
    shutil.copytree(tmp_path / "chexpert", apart / "x")
    (apart / "all.toml").write_text(
        TWO.replace('data = "nih"', 'data = "deep/nih"').replace('data = "chexpert"', 'data = "x"')
    )

    assert read_data(apart / "all.toml").digest == before
    table = apart / "deep" / "nih" / "Data_Entry_2017.csv"
    table.write_text(table.read_text().replace("Mass|Nodule", "Mass"))
    assert read_data(apart / "all.toml").digest != before


def test_one_film_a_patient_is_the_first_that_is_no_lateral(
    collected: Callable[..., Path],
) -> None:
    file = collected('films = "first-frontal"\n' + TWO)
    manifest = read_data(file)
    sides = dict(zip(manifest.patient, manifest.view, strict=True))

    assert len(set(manifest.patient)) == len(manifest)
    assert "stanford/train/patient00002/study2/view1_frontal.jpg" in manifest.image
    assert "stanford/train/patient00002/study1/view2_lateral.jpg" not in manifest.image
    assert sides["stanford/patient64542"] == "LATERAL"  # who has nothing else


@pytest.mark.parametrize("films", Films)
def test_laterals_come_last_whatever_the_order_of_the_table(
    minis: dict[str, Path], films: Films
) -> None:
    one = read_data(minis["chexpert"])
    turned = one.take(np.arange(len(one))[::-1])
    read = joined({"a": turned, "b": one}, Path(), films=films)
    views = {
        view
        for who, view in zip(read.patient, read.view, strict=True)
        if who in ("a/patient00002", "b/patient00002")
    }

    assert views == ({"AP"} if films is Films.FIRST_FRONTAL else {"AP", "LATERAL"})


def test_parts_that_share_films_say_so(minis: dict[str, Path], both: Manifest) -> None:
    nih, rsna = (read_data(minis[name]) for name in ("nih-chestxray14", "rsna-pneumonia"))
    shared = joined({"one": nih, "two": rsna}, Path())
    again = joined({"one": nih, "two": nih}, Path())

    assert both.leaks == ""
    assert "'one' and 'two' share films" in shared.leaks
    assert "the same data set" in again.leaks


def test_a_part_that_leaks_makes_all_of_it_leak(minis: dict[str, Path]) -> None:
    nih = read_data(minis["nih-chestxray14"])
    leaky = replace(read_data(minis["chexpert"]), leaks="rows were drawn")

    assert joined({"a": nih, "b": leaky}, Path()).leaks == "part 'b': rows were drawn"


def test_further_columns_are_kept_blank_where_a_part_lacks_them(minis: dict[str, Path]) -> None:
    rsna, nih = (read_data(minis[name]) for name in ("rsna-pneumonia", "nih-chestxray14"))
    both = joined({"r": rsna, "n": nih}, Path())

    assert rsna.extra
    for name, column in rsna.extra.items():
        assert both.extra[name] == (*column, *[""] * len(nih))


def test_a_collection_is_checked_as_one_data_set(both: Manifest) -> None:
    *_, report = check(both)
    assert isinstance(report, CheckReport)
    told = {remark.topic: remark.text for remark in report.remarks}

    assert report.missing == 0
    assert "no policy knows them" in told["unannotated"]
    assert report.findings["Hernia"]["train"].unannotated
    assert not report.findings["Edema"]["train"].unannotated


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("[parts.one]\ndata = 'nih'\n", ConfigError, "two parts or more; got 1"),
        (TWO.replace("parts.nih", "parts.'n/h'"), ConfigError, "got 'n/h'"),
        (TWO.replace('data = "nih"', 'dat = "nih"'), ConfigError, "Did you mean 'data'"),
        (TWO.replace('data = "nih"', 'data = "nihh"'), MissingFile, "nihh"),
        (TWO.replace('"hashed"', '"hash"'), CarinaError, "Did you mean 'hashed'"),
        (
            TWO.replace(
                "[parts.nih]",
                "[parts.nih]\nmapping = 'x.toml'\nreading = { reader = 'nih-chestxray14' }",
            ),
            ConfigError,
            "not both",
        ),
        ("films = 'first'\n" + TWO, ConfigError, "first-frontal"),
        (
            TWO.replace('data = "nih"', 'data = "both.toml"'),
            ConfigError,
            "a collection itself|parts",
        ),
    ],
)
def test_a_faulty_collection_says_what_is_wrong(
    collected: Callable[..., Path], text: str, error: type[Exception], says: str
) -> None:
    if "both.toml" in text:
        text = text.replace("both.toml", "inner.toml")
        file = collected(text)
        (file.parent / "inner.toml").write_text(TWO)
    else:
        file = collected(text)
    with pytest.raises(error, match=says):
        read_data(file)


def test_a_collection_takes_no_mapping_beside_its_own(collected: Callable[..., Path]) -> None:
    file = collected()
    with pytest.raises(ConfigError, match="leave --mapping out"):
        read_data(file, Path("chexpert"))
    with pytest.raises(MissingFile, match="no collection"):
        read_data(file.with_name("none.toml"))

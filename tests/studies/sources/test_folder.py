"""Tables and mappings to manifests; every fault says what to do."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from carina.core import CarinaError, ConfigError, ManifestError, MissingFile, UnreadableFile
from carina.studies import Presence, Split, read_folder

Make = Callable[..., Path]
TABLE = """image,id,Sex,age,view,when,where,part,text,Effusion,Mass
a.png,p1,F,61,PA,2001,x,train,all well,1,0
sub/b.png,p1,Female,061Y,lateral,2001,x,train,"one, two",-1,
c.png,p2,?,018M,AP Supine,,y,valid,,0.0,1.0
d.png,p3,M,,odd,,y,test,,,-1.0
"""
MAPPING = """
source = "made-up"
[columns]
image = "image"
patient = "id"
sex = "Sex"
age = "age"
view = "view"
date = "when"
site = "where"
split = "part"
report = "text"
[labels.columns]
Effusion = "Effusion"
Mass = "Mass"
[split]
rename = { valid = "val" }
"""
PLAIN = """
[columns]
image = "image"
patient = "id"
[labels.columns]
Mass = "Mass"
"""


def test_every_column_is_read_as_the_mapping_says(folder: Make) -> None:
    manifest = read_folder(folder(TABLE, MAPPING))

    assert manifest.image == ("a.png", "sub/b.png", "c.png", "d.png")
    assert manifest.study == manifest.image
    assert manifest.patient == ("p1", "p1", "p2", "p3")
    assert manifest.sex == ("F", "F", "", "M")
    assert manifest.age[:3] == (61.0, 61.0, 1.5)
    assert np.isnan(manifest.age[3])
    assert manifest.view == ("PA", "LATERAL", "AP", "")
    assert manifest.date == ("2001", "2001", "", "")
    assert manifest.site == ("x", "x", "y", "y")
    assert manifest.split == ("train", "train", "val", "test")
    assert manifest.report == ("all well", "one, two", "", "")
    assert manifest.source == "made-up"


def test_four_presences_are_told_apart_and_names_are_canonical(folder: Make) -> None:
    manifest = read_folder(folder(TABLE, MAPPING))

    assert manifest.space.names == ("Pleural Effusion", "Mass")
    assert manifest.labels.tolist() == [
        [Presence.PRESENT, Presence.ABSENT],
        [Presence.UNCERTAIN, Presence.UNMENTIONED],
        [Presence.ABSENT, Presence.PRESENT],
        [Presence.UNMENTIONED, Presence.UNCERTAIN],
    ]


def test_blank_may_mean_absent(folder: Make) -> None:
    manifest = read_folder(folder(TABLE, MAPPING + '\n[labels]\nblank = "absent"\n'))

    assert manifest.labels[1, 1] == Presence.ABSENT


def test_rows_nobody_labelled_are_unmentioned(folder: Make) -> None:
    rule = '\n[labels.unknown_where]\ncolumn = "where"\nequals = "x"\n'

    manifest = read_folder(folder(TABLE, MAPPING + rule))

    assert (manifest.labels[:2] == Presence.UNMENTIONED).all()
    assert manifest.labels[2, 1] == Presence.PRESENT


def test_without_a_split_column_patients_are_split_by_hash(folder: Make) -> None:
    rows = "".join(f"{n}.png,p{n // 2},1\n" for n in range(400))

    manifest = read_folder(folder("image,id,Mass\n" + rows, PLAIN))

    assert set(manifest.split) == {Split.TRAIN, Split.VAL, Split.TEST}
    assert manifest.split.count("train") / 400 == pytest.approx(0.7, abs=0.1)


def test_shares_and_salt_of_the_hashed_split_are_the_mappings(folder: Make) -> None:
    rows = "".join(f"{n}.png,p{n},1\n" for n in range(200))
    rule = '\n[split]\nsalt = "b"\nfractions = { train = 0.5, test = 0.5 }\n'

    manifest = read_folder(folder("image,id,Mass\n" + rows, PLAIN + rule))

    assert set(manifest.split) == {"train", "test"}


def test_the_table_itself_may_be_named(folder: Make) -> None:
    root = folder(TABLE, MAPPING)
    (root / "labels.csv").rename(root / "other.csv")

    assert len(read_folder(root / "other.csv")) == 4


@pytest.mark.parametrize(
    "row",
    ["a.png,Plantagenet,1", "a,Plantagenet,20010203", "a,Plantagenet,2001-02-03", "film,P01234,x"],
)
@pytest.mark.parametrize("mapping", [PLAIN, None])
def test_a_first_line_that_is_a_row_is_never_quoted(
    folder: Make, row: str, mapping: str | None
) -> None:
    data = folder(f"{row}\nb.png,Tudor,0\n", mapping)
    with pytest.raises(ConfigError, match=r"3 column.*does not look like a header") as refused:
        read_folder(data)

    assert row.split(",")[1] not in str(refused.value)


def test_the_mapping_may_lie_elsewhere(
    folder: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mapping = tmp_path_factory.mktemp("elsewhere") / "mine.toml"
    mapping.write_text(MAPPING)

    assert len(read_folder(folder(TABLE), mapping)) == 4


def test_images_lie_below_the_folder_the_mapping_names(folder: Make) -> None:
    root = folder(TABLE, 'images = "films"\n' + MAPPING)

    assert read_folder(root).study_at(1).image == root / "films" / "sub" / "b.png"


def test_tabs_byte_order_marks_and_padded_cells_are_no_trouble(folder: Make) -> None:
    root = folder("", 'table = "labels.tsv"\n' + PLAIN)
    (root / "labels.tsv").write_text(
        "\ufeffimage\tid\tMass\n a.png \t p1 \t 1 \n", encoding="utf-8"
    )

    manifest = read_folder(root)

    assert (manifest.image, manifest.patient) == (("a.png",), ("p1",))
    assert manifest.labels.tolist() == [[Presence.PRESENT]]


@pytest.mark.parametrize(
    ("table", "mapping", "kind", "message"),
    [
        (TABLE, PLAIN.replace('"id"', '"ID"'), ConfigError, "'ID'. Did you mean 'id'"),
        (TABLE, PLAIN.replace('Mass = "Mass"', 'Mass = "Mas"'), ConfigError, "labels.columns.Mass"),
        (TABLE, PLAIN.replace("[columns]", "[colums]"), ConfigError, "Did you mean 'columns'"),
        (TABLE, PLAIN + "[labels]\nblank = 'unmentoned'", ConfigError, "'unmentioned'"),
        (TABLE, PLAIN + "[labels]\npresent = '1'", ConfigError, "wanted a list"),
        (TABLE, PLAIN + "[labels]\nabsent = ['1']", ConfigError, "'1' cannot say two things"),
        (TABLE, PLAIN + "[labels]\nabsent = ['']", ConfigError, "'' cannot say two things"),
        (TABLE, MAPPING + "fractions = { train = 1.0 }", ConfigError, "keep one of them"),
        (TABLE, PLAIN + "[split]\nrename = { a = 'val' }", ConfigError, "name the column"),
        (
            TABLE,
            PLAIN.replace("Mass = ", "Effusion = 'Effusion'\n'pleural effusion' = "),
            ConfigError,
            "both 'Pleural Effusion'",
        ),
        (TABLE.replace("-1,\n", "-1,2\n"), PLAIN, ManifestError, "'Mass': 1 row.* such as '2'"),
        (TABLE, MAPPING.replace("valid", "other"), ManifestError, "no split, such as 'valid'"),
        (TABLE.replace("c.png", "a.png"), PLAIN, ManifestError, "1 of them under another patient"),
        (TABLE.replace("c.png", "../c.png"), PLAIN, ManifestError, "leaves the image folder"),
        (TABLE.replace("c.png", "/c.png"), PLAIN, ManifestError, "leaves the image folder"),
        (TABLE.replace("c.png,p2", "c.png,"), PLAIN, ManifestError, "1 row.s. .* no patient"),
        (TABLE.replace("c.png", ""), PLAIN, ManifestError, "no image"),
        (TABLE.replace("018M", "old"), MAPPING, ManifestError, "'age' hold no age"),
        (TABLE.replace("valid", "train").replace("p3", "p2"), MAPPING, ManifestError, "two splits"),
        ("image,id,Mass\n", PLAIN, ManifestError, "no rows"),
        ("", PLAIN, UnreadableFile, "labels.csv is empty"),
        ("image,id,Mass\na,b,1,2,3\n", PLAIN, UnreadableFile, "equally long rows"),
    ],
)
def test_a_fault_says_what_came_and_what_to_do(
    folder: Make, table: str, mapping: str, kind: type[CarinaError], message: str
) -> None:
    root = folder(table, mapping)

    with pytest.raises(kind, match=message) as caught:
        read_folder(root)

    assert str(root) not in str(caught.value)


@pytest.mark.parametrize("cell", ["Miller^Jane", "Miller", "00012345", "4711"])
def test_a_cell_that_may_name_somebody_is_not_quoted(folder: Make, cell: str) -> None:
    split = PLAIN.replace('patient = "id"', 'patient = "id"\nsplit = "part"')
    for table, mapping in (
        (f"image,id,Mass\na,1,{cell}\n", PLAIN),
        (f"image,id,part,Mass\na,1,{cell},1\n", split),
    ):
        with pytest.raises(ManifestError, match=r"1 row\(s\)") as caught:
            read_folder(folder(table, mapping))

        assert cell not in str(caught.value)


def test_all_missing_columns_are_told_at_once(folder: Make) -> None:
    with pytest.raises(ConfigError) as caught:
        read_folder(folder(TABLE, PLAIN.replace('"id"', '"pid"').replace('"Mass"', '"Masse"')))

    assert "'pid'" in str(caught.value)
    assert "'Masse'. Did you mean 'Mass'?" in str(caught.value)


def test_a_patient_in_two_splits_is_counted_and_not_named(folder: Make) -> None:
    table = "image,id,part,Mass\na,secret-77,train,1\nb,secret-77,test,1\n"
    mapping = PLAIN.replace('patient = "id"', 'patient = "id"\nsplit = "part"')

    with pytest.raises(ManifestError, match=r"1 patient\(s\)") as caught:
        read_folder(folder(table, mapping))

    assert "secret" not in str(caught.value)


def test_a_table_that_is_no_text_is_refused_without_quoting_it(folder: Make) -> None:
    root = folder("", PLAIN)
    (root / "labels.csv").write_bytes(b"image,id,Mass\nsecret-77\xff\xfe,p,1\n")

    with pytest.raises(UnreadableFile) as caught:
        read_folder(root)

    assert "secret" not in str(caught.value)


def test_a_table_without_mapping_says_how_to_write_one(folder: Make) -> None:
    with pytest.raises(ConfigError, match="it has image, id, Sex") as caught:
        read_folder(folder(TABLE))

    assert "[labels.columns]" in str(caught.value)


def test_images_without_a_table_say_so(folder: Make) -> None:
    root = folder("", None, {"films/a.png": np.zeros((4, 4), dtype=np.uint8)})
    (root / "labels.csv").unlink()

    with pytest.raises(MissingFile, match=r"holds 1 image\(s\) and no table"):
        read_folder(root)


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="is empty"):
        read_folder(tmp_path)


def test_a_folder_of_other_things_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()

    with pytest.raises(MissingFile, match="neither a table nor images"):
        read_folder(tmp_path)


def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="no folder or table 'nowhere'"):
        read_folder(tmp_path / "nowhere")


def test_a_table_the_mapping_names_and_nobody_finds_lists_those_there(folder: Make) -> None:
    with pytest.raises(MissingFile, match=r"Tables there: labels\.csv"):
        read_folder(folder(TABLE, 'table = "lables.csv"\n' + PLAIN))


NIH_POSITIVES = {
    "No Finding": (347, 45, 97),
    "Atelectasis": (109, 20, 29),
    "Cardiomegaly": (42, 5, 7),
    "Consolidation": (64, 9, 17),
    "Edema": (76, 4, 12),
    "Pleural Effusion": (102, 15, 20),
    "Emphysema": (30, 5, 11),
    "Fibrosis": (36, 4, 10),
    "Hernia": (13, 1, 5),
    "Infiltration": (200, 16, 37),
    "Mass": (47, 13, 15),
    "Nodule": (67, 7, 14),
    "Pleural Thickening": (59, 9, 8),
    "Pneumonia": (329, 39, 60),
    "Pneumothorax": (30, 7, 6),
}


def test_the_nih_subset_is_recognised_and_counted_as_its_readme_does(shared: Path) -> None:
    manifest = read_folder(shared / "data" / "cxr" / "nih")

    assert len(manifest) == 1310
    assert len(set(manifest.patient)) == 1037
    assert manifest.source == "nih-chestxray14-subset"
    assert set(manifest.site) == {"starter", "pneumonia_nofinding"}
    splits = [manifest.labels[manifest.rows(s)] for s in (Split.TRAIN, Split.VAL, Split.TEST)]
    assert [len(split) for split in splits] == [958, 122, 230]
    counted = {
        name: tuple(int((split[:, at] == Presence.PRESENT).sum()) for split in splits)
        for at, name in enumerate(manifest.space.names)
    }
    assert counted == NIH_POSITIVES


def test_a_mapping_that_ships_takes_no_table_it_does_not_know(folder: Make) -> None:
    with pytest.raises(ConfigError, match="No mapping"):
        read_folder(folder("image,patient_id,No_Finding\na,b,1\n"))

"""COVIDx, read from its lists."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.model_selection import train_test_split

from carina.core import ConfigError, ManifestError, MissingFile
from carina.studies import SOURCES, Presence, Reading, read_data

Mini = Callable[[str], Path]
COVIDX = SOURCES["covidx"]


def lists(root: Path, train: str, test: str, version: str = "8B") -> Path:
    (root / f"train_COVIDx{version}.txt").write_text(train)
    (root / f"test_COVIDx{version}.txt").write_text(test)
    return root


def test_three_classes_exclude_each_other(mini: Mini) -> None:
    manifest = read_data(mini("covidx"))

    assert manifest.space.names == ("No Finding", "Non-COVID-19 Pneumonia", "COVID-19")
    assert (manifest.labels.sum(axis=1) == Presence.PRESENT).all()
    assert set(manifest.labels.ravel().tolist()) == {Presence.ABSENT, Presence.PRESENT}


def test_two_classes_speak_of_covid_alone(tmp_path: Path) -> None:
    manifest = read_data(lists(tmp_path, "1 a.png positive cohen\n", "2 b.png negative rsna\n"))

    assert manifest.space.names == ("COVID-19",)
    assert manifest.labels.tolist() == [[Presence.ABSENT], [Presence.PRESENT]]


def test_a_patient_is_told_by_source_and_id_and_a_file_may_hold_spaces(mini: Mini) -> None:
    manifest = read_data(mini("covidx"))
    eight = {
        manifest.image[row]: manifest.patient[row]
        for row in range(len(manifest))
        if manifest.patient[row].endswith("/8")
    }

    assert eight == {
        "train/SARS-10.1148rg.242035193-g04mr34g05x-Fig5-day9.jpeg": "cohen/8",
        "train/COVID 19 (8).png": "sirm/8",
    }
    assert set(manifest.site) == {"cohen", "sirm", "rsna", "ricord", "fig1", "actmed"}


def test_training_films_of_a_patient_listed_for_test_are_left_out(mini: Mini) -> None:
    root = mini("covidx")
    official = read_data(root)
    as_listed = COVIDX.manifest(root, Reading(reader="", split="legacy-lists"))

    assert set(as_listed.image) - set(official.image) == {
        "train/MIDRC-RICORD-1C-419639-003251-46647-1.png"
    }
    assert as_listed.patients_in_two_splits() == ["ricord/419639-003251"]
    assert Counter(official.split)["test"] == 2


def test_a_film_listed_twice_to_the_same_effect_is_read_once(mini: Mini) -> None:
    images = read_data(mini("covidx")).image

    assert images.count("train/ANON24.jpg") == 1


def test_the_first_lists_have_no_source(tmp_path: Path) -> None:
    manifest = read_data(lists(tmp_path, "8 SARS day9.jpeg pneumonia\n", "9 b.png normal\n", "2"))

    assert manifest.image == ("test/b.png", "train/SARS day9.jpeg")
    assert manifest.patient == ("9", "8")


def test_of_several_versions_one_is_chosen_by_name(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    lists(tmp_path / "labels", "1 a.png positive cohen\n", "2 b.png negative rsna\n", "8B")
    lists(tmp_path / "labels", "1 a.png COVID-19 cohen\n", "2 b.png normal rsna\n", "_CXR-3A")

    with pytest.raises(ConfigError, match=r"there are 2 .train_COVIDx8B.txt, train_COVIDx_CXR-3A"):
        COVIDX.manifest(tmp_path, Reading(reader=""))
    assert len(COVIDX.manifest(tmp_path, Reading(reader="", labels="8B")).space) == 1
    assert len(COVIDX.manifest(tmp_path, Reading(reader="", labels="CXR-3A")).space) == 3
    with pytest.raises(MissingFile, match="no list train_COVIDx9A"):
        COVIDX.manifest(tmp_path, Reading(reader="", labels="9A"))


def test_plain_lists_with_validation_are_read_where_the_source_is_named(tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        (tmp_path / f"{part}.txt").write_text(f"{part} {part}.png positive bimcv\n")

    manifest = read_data(tmp_path, Path("covidx"))

    assert dict(zip(manifest.image, manifest.split, strict=True)) == {
        "test/test.png": "test",
        "train/val.png": "val",
        "train/train.png": "train",
    }


def test_nihs_lists_are_not_taken_for_it(tmp_path: Path) -> None:
    for name in ("train_val_list.txt", "test_list.txt"):
        (tmp_path / name).write_text("00000001_000.png\n")

    assert not COVIDX.recognises(tmp_path)


def test_mgcas_validation_is_scikit_learns_draw(tmp_path: Path) -> None:
    films = [f"{at}.png" for at in range(97)]
    train = "".join(f"{at // 2} {film} positive bimcv\n" for at, film in enumerate(films))

    manifest = COVIDX.manifest(
        lists(tmp_path, train, "x y.png negative rsna\n"), Reading(reader="", split="legacy-mgca")
    )

    kept, held = train_test_split(films, train_size=0.8, random_state=0)
    split = {
        name: {
            Path(i).name for i, s in zip(manifest.image, manifest.split, strict=True) if s == name
        }
        for name in ("train", "val", "test")
    }
    assert split == {"train": set(kept), "val": set(held), "test": {"y.png"}}


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("1 secret-77.png\n", "Line 1 of train_COVIDx8B.txt"),
        ("1 a.png positive cohen\n1 secret-77.png maybe cohen\n", "Line 2"),
        ("1 a.png positive cohen\n1 secret-77.png normal cohen\n", "mix three classes"),
        ("1 secret-77.png positive cohen\n2 secret-77.png positive cohen\n", "listed twice"),
        ("1 ../secret-77.png positive cohen\n", "leaves the image folder"),
    ],
)
def test_damaged_lists_are_refused_and_not_quoted(tmp_path: Path, train: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message) as refused:
        read_data(lists(tmp_path, train, "2 b.png negative rsna\n"))
    assert "secret" not in str(refused.value)


def test_without_a_list_for_validation_whole_patients_are_taken_from_training(
    tmp_path: Path,
) -> None:
    train = "".join(f"{at // 3} {at}.png positive bimcv\n" for at in range(300))

    manifest = read_data(lists(tmp_path, train, "x y.png negative rsna\n"))

    assert manifest.split.count("val") == pytest.approx(300 / 8, abs=15)
    assert manifest.split.count("test") == 1
    assert not manifest.patients_in_two_splits()


def test_a_folder_called_like_its_source_does_not_hide_the_source(
    mini: Mini, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mini("covidx")
    (tmp_path / "covidx").mkdir()
    monkeypatch.chdir(tmp_path)

    assert read_data(tmp_path, Path("covidx")).source == "covidx"

"""``carina update``, ``carina rollback`` and ``carina forget`` of a reader, from the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Told = Callable[..., tuple[int, str, str]]
RECIPE = """name = "small"
encoders = ["toy-image"]
text_encoder = ""
folds = 2
draws = 100
[strategy]
kind = "Ridge"
[plan]
kind = "AllAtOnce"
"""


def draw(folder: Path, patients: range, *, wrong: bool = False, split: bool = False) -> Path:
    """Films whose halves are bright where a finding is present, one a patient."""
    folder.mkdir()
    lines = ["file,who,split,e,m"]
    for patient in patients:
        rng = np.random.default_rng(patient)
        present = rng.random(2) < 0.5
        pixels = rng.normal(90, 25, (32, 32))
        pixels[:16] += 25 * present[0]
        pixels[16:] += 25 * present[1]
        name = f"film-{patient}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name)
        edema = rng.random() < 0.5 if wrong else present[0]
        part = "test" if split and patient % 4 == 3 else "train"
        lines.append(f"{name},Plantagenet-{patient},{part},{int(edema)},{int(present[1])}")
    (folder / "films.csv").write_text("\n".join(lines) + "\n")
    (folder / "mapping.toml").write_text(
        'table = "films.csv"\n[columns]\nimage = "file"\npatient = "who"\nsplit = "split"\n'
        '[labels.columns]\nEdema = "e"\nMass = "m"\n'
    )
    return folder


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, carina: Told) -> Path:
    """A run, and new data of several kinds."""
    root = tmp_path_factory.mktemp("house")
    draw(root / "hospital", range(160), split=True)
    draw(root / "new", range(200, 280))
    draw(root / "wrong", range(300, 400), wrong=True)
    draw(root / "few", range(500, 508))
    draw(root / "locked", range(600, 720))
    (root / "small.toml").write_text(RECIPE)
    data = ("--data", root / "hospital", "--store", root / "store")
    carina("encode", root / "hospital", "--encoder", "toy-image", "--store", root / "store")
    assert carina("run", root / "small.toml", *data, "--out", root / "runs")[0] == 0
    return root


@pytest.fixture
def reader(house: Path, tmp_path: Path, carina: Told) -> Path:
    """A reader in service."""
    assert carina("bundle", house / "runs", "--out", tmp_path / "reader", "--updatable")[0] == 0
    return tmp_path / "reader"


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def answers(carina: Told, reader: Path, film: Path) -> Any:
    said = json.loads(carina("predict", reader, film, "--json", "--trust-input")[1])
    return said["images"][0]["findings"]


def test_an_update_that_passes_changes_what_is_predicted_and_is_rolled_back(
    reader: Path, house: Path, carina: Told
) -> None:
    film, before = house / "hospital" / "film-0.png", files(reader)
    old = answers(carina, reader, film)
    status, out, err = carina("update", reader, "--data", house / "new", "--trust-input", "--json")
    dossier = json.loads(out)

    assert status == 0
    assert (dossier["outcome"], dossier["replaced"], dossier["version"]) == ("passed", True, 2)
    assert "Dossier:" in err
    assert answers(carina, reader, film) != old

    status, _, err = carina("rollback", reader)

    assert (status, err) == (0, f"Version 1 is in service: {reader}\n")
    assert files(reader) == before
    assert answers(carina, reader, film) == old


def test_the_exit_status_tells_why_the_old_reader_stays(
    reader: Path, house: Path, tmp_path: Path, carina: Told
) -> None:
    before = files(reader)
    locked = ("--locked", house / "locked", "--trust-input")
    failed = carina("update", reader, "--data", house / "wrong", *locked)
    waits = carina("update", reader, "--data", house / "few", *locked)
    draw(tmp_path / "small", range(700, 712))
    (tmp_path / "strict.toml").write_text("test_from = 61\nlearn_from = 10\n")
    strict = ("--protocol", tmp_path / "strict.toml")
    unsure = carina("update", reader, "--data", house / "new", *locked, *strict)

    assert [failed[0], unsure[0], waits[0]] == [3, 4, 5]
    assert "Edema, all films: failed: worse by more than" in failed[2]
    assert "a check takes 61 of either" in unsure[2]
    assert "Edema waits:" in waits[2]
    assert all(
        "Version 1 stays in service, unchanged." in one[2] for one in (failed, waits, unsure)
    )
    assert "opened 2 time(s)" in unsure[2]
    assert files(reader) == before


def test_features_are_kept_where_a_store_is_named(
    reader: Path, house: Path, tmp_path: Path, carina: Told
) -> None:
    words = ("update", reader, "--data", house / "new", "--trust-input")
    carina(*words, "--store", tmp_path / "kept")

    assert "80" in carina("store", tmp_path / "kept")[1]


def test_pictures_that_are_no_chest_are_not_learned_from(
    reader: Path, house: Path, carina: Told
) -> None:
    status, _, err = carina("update", reader, "--data", house / "new")

    assert status == 2
    assert err == "carina: No film is left: 80 probably not a chest film.\n"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--data", "nowhere"), "no folder or table"),
        (("--data", "new", "--margin", "2"), "A margin lies between"),
        (("--data", "new", "--protocol", "small.toml"), "no key 'name'"),
        (("--data", "new", "--locked", "hospital"), "taught the reader"),
    ],
)
def test_bad_words_are_one_clear_line_and_the_reader_stays(
    words: tuple[str, ...], hint: str, reader: Path, house: Path, carina: Told
) -> None:
    before = files(reader)
    placed = [house / word if (house / word).exists() else word for word in words]
    status, out, err = carina("update", reader, *placed, "--trust-input")

    assert (status, out) == (2, "")
    assert err.startswith("carina: ")
    assert hint in err
    assert files(reader) == before


def test_a_bundle_without_state_and_a_folder_without_history_say_the_next_step(
    house: Path, tmp_path: Path, carina: Told
) -> None:
    carina("bundle", house / "runs", "--out", tmp_path / "plain")
    new = ("--data", house / "new")

    assert "carina bundle RUN --out B --updatable" in carina("update", tmp_path / "plain", *new)[2]
    assert "carina bundle RUN --out B" in carina("update", house / "runs", *new)[2]
    assert "There is no history" in carina("rollback", tmp_path / "plain")[2]


def test_a_reader_in_service_is_not_bundled_over(reader: Path, house: Path, carina: Told) -> None:
    carina("update", reader, "--data", house / "new", "--trust-input")
    before = files(reader)
    status, _, err = carina("bundle", house / "runs", "--out", reader, "--updatable")

    assert status == 2
    assert "a reader in service" in err
    assert files(reader) == before


def test_forgetting_takes_a_patient_out_of_the_store_alone_or_of_a_reader_too(
    reader: Path, house: Path, carina: Told
) -> None:
    words = ("forget", "--patient", "Plantagenet-200", "--store", house / "store")
    status, _, err = carina(*words, "--bundle", reader)

    assert status == 2
    assert "takes both: --bundle, and --data" in err

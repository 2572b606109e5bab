"""``carina bundle`` and ``carina predict``, from a finished run to answers on the terminal."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from carina.cli.main import main
from carina.core import Mismatch
from carina.encoders import load_image_encoder
from carina.features import Store, encode
from carina.learning import Heads
from carina.recipes import Continual, Finished, prepare, run
from carina.serving import Predictor
from carina.studies import read_folder

Told = Callable[..., tuple[int, str, str]]
MAPPING = """
table = "films.csv"
[columns]
image = "file"
patient = "who"
split = "split"
[labels.columns]
Edema = "e"
Mass = "m"
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films whose halves are bright where a finding is present."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    lines = ["file,who,split,e,m"]
    for patient in range(80):
        split = ("train", "train", "train", "test")[patient % 4]
        present = rng.random(2) < 0.5
        pixels = rng.normal(90, 25, (32, 32))
        pixels[:16] += 60 * present[0]
        pixels[16:] += 60 * present[1]
        name = f"film-{patient}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name)
        lines.append(f"{name},Plantagenet-{patient},{split},{int(present[0])},{int(present[1])}")
    (folder / "films.csv").write_text("\n".join(lines) + "\n")
    (folder / "mapping.toml").write_text(MAPPING)
    return folder


@pytest.fixture(scope="module")
def ran(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds one finished run."""
    work = tmp_path_factory.mktemp("work")
    manifest, store = read_folder(data), Store(work / "store")
    for _ in encode(manifest, load_image_encoder("toy-image"), store):
        pass
    recipe = Continual(
        name="small",
        encoders=("toy-image",),
        text_encoder="",
        strategy=Heads(),
        folds=2,
        draws=100,
    )
    *_, last = run(recipe, prepare(recipe, manifest, store), work / "runs")
    assert isinstance(last, Finished)
    return work / "runs"


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """Runs a command line: exit status, stdout, stderr."""

    def call(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return call


@pytest.fixture
def bundle(ran: Path, tmp_path: Path, told: Told) -> Path:
    """The bundle of the run."""
    status, out, err = told("bundle", ran, "--out", tmp_path / "bundle")

    assert (status, out) == (0, "")
    assert "2 finding(s), 2 calibrated" in err
    return tmp_path / "bundle"


def answers(out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_run_becomes_a_bundle_that_answers_for_its_films(
    bundle: Path, data: Path, told: Told
) -> None:
    status, out, err = told(
        *("predict", bundle, data / "film-0.png", data / "film-1.png", "--trust-input")
    )

    assert (status, err) == (0, "")
    assert "research use only" in out
    assert str(data / "film-0.png") in out.replace("\n", "")
    said = [line.split() for line in out.splitlines() if "Edema" in line or "Mass" in line]
    assert len(said) == 4
    assert all(line[-1] == ("yes" if line[-5] >= line[-3] else "no") for line in said)


def test_json_is_for_machines_and_a_folder_is_all_its_images(
    bundle: Path, data: Path, told: Told
) -> None:
    status, out, err = told("predict", bundle, data, "--json", "--trust-input")
    found = answers(out)

    assert (status, err) == (0, "")
    assert len(found["images"]) == 80
    assert {name for one in found["images"] for name in one["findings"]} == {"Edema", "Mass"}
    assert all(0 < one["findings"]["Edema"]["probability"] < 1 for one in found["images"])
    assert found["set_aside"] == found["studies"] == []
    assert "Research use only" in found["intended_use"]


def test_noise_is_out_of_scope_unless_the_input_is_trusted(
    bundle: Path, data: Path, told: Told
) -> None:
    status, out, _ = told("predict", bundle, data / "film-0.png")
    found = answers(told("predict", bundle, data / "film-0.png", "--json")[1])["images"][0]

    assert status == 0
    assert "out of scope" in out
    assert found["out_of_scope"] == ["probably not a chest film"]
    assert found["findings"] == {}


def test_an_earlier_step_is_bundled_where_asked(ran: Path, tmp_path: Path, told: Told) -> None:
    status, _, err = told("bundle", ran, "--out", tmp_path / "b", "--after", 1)

    assert status == 0
    assert "1 finding(s), 1 calibrated" in err


def test_update_state_is_packed_and_told_where_asked(
    ran: Path, bundle: Path, tmp_path: Path, told: Told
) -> None:
    status, _, err = told("bundle", ran, "--out", tmp_path / "b", "--updatable")

    assert status == 0
    assert "Update state:" in err
    assert (tmp_path / "b" / "state.safetensors").is_file()
    assert not (bundle / "state.safetensors").exists()


def test_what_cannot_be_read_is_set_aside_and_told(
    bundle: Path, data: Path, tmp_path: Path, told: Told
) -> None:
    torn = tmp_path / "torn.png"
    torn.write_bytes((data / "film-0.png").read_bytes()[:200])
    status, out, err = told("predict", bundle, torn, data / "film-0.png", "--json")
    found = answers(out)

    assert status == 0
    assert [one["image"] for one in found["images"]] == [str(data / "film-0.png")]
    assert [one["image"] for one in found["set_aside"]] == [str(torn)]
    assert f"Set aside: {torn}: Truncated" in err


@pytest.mark.parametrize("names", [("gone.png",), ("gone.png", "away.dcm")])
def test_where_no_image_can_be_read_the_status_says_so(
    names: tuple[str, ...], bundle: Path, tmp_path: Path, told: Told
) -> None:
    status, out, err = told("predict", bundle, *(tmp_path / name for name in names), "--json")

    assert status == 2
    assert len(answers(out)["set_aside"]) == len(names)
    assert err.splitlines()[-1].startswith("carina: No answer: ")


@pytest.mark.parametrize(
    ("words", "hints"),
    [
        (("predict", "BUNDLE"), ("carina predict BUNDLE IMAGE",)),
        (("predict", "RUN", "FILM"), ("is a run", "carina bundle")),
        (("predict", "EMPTY", "FILM"), ("no bundle.json",)),
        (("predict", "BUNDLE", "EMPTY"), ("holds no PNG, JPEG or DICOM",)),
        (("predict", "BUNDLE", "FILM", "--weights", "w.pt"), ("takes no weights file",)),
        (("bundle", "EMPTY", "--out", "OUT"), ("no finished run", "carina run")),
        (("bundle", "RUN", "--out", "DATA"), ("something other than a bundle",)),
        (("bundle", "RUN", "--out", "OUT", "--after", "3"), ("steps 1 to 2", "--after")),
        (("bundle", "RUN", "--out", "OUT", "--after", "1", "--updatable"), ("--updatable",)),
    ],
)
def test_bad_input_is_one_clear_line_and_leaves_nothing(
    words: tuple[str, ...],
    hints: tuple[str, ...],
    ran: Path,
    data: Path,
    bundle: Path,
    tmp_path: Path,
    told: Told,
) -> None:
    (tmp_path / "empty").mkdir()
    places = {
        "BUNDLE": bundle,
        "RUN": next(ran.iterdir()),
        "EMPTY": tmp_path / "empty",
        "DATA": data,
        "FILM": data / "film-0.png",
        "OUT": tmp_path / "out",
    }
    films = sorted(path.name for path in data.iterdir())
    status, out, err = told(*(places.get(word, word) for word in words))

    assert (status, out) == (2, "")
    assert err.startswith("carina: ")
    assert err.count("\n") == 1
    assert all(hint in err for hint in hints)
    assert not (tmp_path / "out").exists()
    assert sorted(path.name for path in data.iterdir()) == films


def test_a_bundle_for_another_encoder_is_refused_in_one_line(
    bundle: Path, data: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carina.encoders.families.toy.generator", _another)
    status, out, err = told("predict", bundle, data / "film-0.png")

    assert (status, out) == (2, "")
    assert err.startswith("carina: The bundle was made with toy-image")
    assert "--weights PATH" in err


def _another(*_: object) -> np.random.Generator:
    return np.random.default_rng(99)


def test_heat_maps_are_pictures_named_by_number(
    bundle: Path, data: Path, told: Told, tmp_path: Path
) -> None:
    folder = tmp_path / "heat"
    words = ("predict", bundle, data / "film-0.png", data / "film-1.png", "--trust-input", "--json")
    status, out, err = told(*words, "--heatmap", folder)
    present = [
        {name for name, answer in one["findings"].items() if answer["present"]}
        for one in answers(out)["images"]
    ]
    written = sorted(path.name for path in folder.iterdir())

    assert status == 0, err
    assert f"Heat maps 001: {data / 'film-0.png'}" in err
    for number, findings in enumerate(present, start=1):
        mine = {name for name in written if name.startswith(f"{number:03}-")}
        assert mine == {f"{number:03}-{name.lower()}.png" for name in findings} or (
            not findings and len(mine) == 1
        )
    with Image.open(folder / written[0]) as picture:
        assert picture.size == (16, 16)
    assert not any("film" in name for name in written)


def test_where_no_heat_map_can_be_made_nothing_is_answered_first(
    bundle: Path, data: Path, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(_: Predictor) -> None:
        raise Mismatch("A heat map needs one encoder with a grid.")

    monkeypatch.setattr(Predictor, "require_grid", without)
    status, out, err = told("predict", bundle, data / "film-0.png", "--heatmap", tmp_path / "heat")

    assert (status, out) == (2, "")
    assert err == "carina: A heat map needs one encoder with a grid.\n"
    assert not (tmp_path / "heat").exists()

"""Wrong things a tired person types: one clear line each, nothing half written, no traceback."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from carina.core import digest_bytes
from carina.phantoms import write_phantoms

Carina = Callable[..., tuple[int, str, str]]
RECIPE = """name = "small"
encoders = ["toy-image"]
text_encoder = "toy-text"
folds = 2
draws = 100
[strategy]
kind = "Ridge"
[plan]
kind = "ByClass"
"""


@dataclass(frozen=True)
class World:
    """What was there before anything went wrong."""

    root: Path

    def __getitem__(self, name: str) -> Path:
        return self.root / name

    def contents(self) -> dict[str, str]:
        """Digest of every file but the ledgers, which a look into the store may lengthen."""
        return {
            str(path.relative_to(self.root)): digest_bytes(path.read_bytes())
            for path in self.root.rglob("*")
            if path.is_file() and "ledgers" not in path.parts
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, carina: Carina) -> World:
    """Data, a store, a finished run, its bundle, and some things that are none of these."""
    world = World(tmp_path_factory.mktemp("world"))
    for folder, patients, seed in (("data", 24, 2), ("strangers", 4, 3)):
        for _ in write_phantoms(world[folder], patients=patients, seed=seed, size=64):
            pass
    (world["recipe.toml"]).write_text(RECIPE)
    for name in ("empty", "films", "nothing-known"):
        world[name].mkdir()
    film = min(world["data/images"].iterdir())
    shutil.copy(film, world["films/film.dcm"])
    world["nothing-known/notes.md"].write_text("nothing")
    world["text.dcm"].write_text("This is no film.")
    world["weights.pt"].write_bytes(b"no weights")
    world["list.json"].write_text("[1]")
    for line in (
        ("encode", world["data"], "--encoder", "toy-image", "--store", world["store"]),
        ("run", world["recipe.toml"], *places(world, world["runs"])),
        ("bundle", world["runs"], "--out", world["bundle"]),
    ):
        assert carina(*line)[0] == 0
    (run,) = world["runs"].iterdir()
    shutil.copytree(run, world["run"])
    (world["cut-off"] / "abc.unfinished").mkdir(parents=True)
    return world


def places(world: World, out: Path) -> tuple[object, ...]:
    return ("--data", world["data"], "--store", world["store"], "--out", out)


def tells(said: tuple[int, str, str], *hints: str) -> None:
    """One line on stderr, or one that announces listed faults; every hint in it; status 2."""
    status, out, err = said
    assert (status, out) == (2, ""), err
    assert err.startswith("carina: ")
    assert err.count("\n") == 1 or err.splitlines()[0].endswith(":") or "\n  " in err
    assert "Traceback" not in err
    for hint in hints:
        assert hint in err


HERE = ("--data", "DATA", "--store", "STORE", "--out", "OUT")
TOY = ("--encoder", "toy-image", "--store", "OUT")


@pytest.mark.parametrize(
    ("line", "hints"),
    [
        # words
        (("chekc", "DATA"), ('Did you mean "check"', "carina --help")),
        (("run", "RECIPE", *HERE, "--sede", "1"), ("Did you mean --seed?", "carina run --help")),
        (("run", "RECIPE", *HERE, "--seed", "many"), ("--seed", '"many"', "int")),
        (("run", "RECIPE", *HERE, "--seed", "-1"), ("A seed is 0 or more; got -1",)),
        (("run", "RECIPE", "DATA", "STORE", "OUT"), ("--data requires", "carina run --help")),
        (("encode", "DATA"), ("--encoder requires", "carina encode --help")),
        (("encoders", "toy-image", "toy-text"), ("toy-text", "carina encoders --help")),
        # recipes
        (("run", "nih-joint-rigde", *HERE), ("Did you mean 'nih-joint-ridge'?",)),
        (("run", "gone.toml", *HERE), ("There is no file gone.toml",)),
        (("run", "LIST", *HERE), ("list.json", "wanted a table of keys")),
        (("run", "DATA", *HERE), ("is a folder; wanted a recipe", "--data")),
        (("run", "TABLE", *HERE), ("file of another kind; wanted a recipe", "carina recipes")),
        (("run", "MAPPING", *HERE), ("'encoders' is missing", "no key 'columns'")),
        (("run", ":nothing", *HERE), ("No recipe at ':nothing'",)),
        (("run", "os:path", *HERE), ("wanted a Recipe",)),
        (("recipes", "nih-joint-rigde"), ("Did you mean 'nih-joint-ridge'?",)),
        (("prompts", "retune4"), ("Did you mean 'retune-4'?",)),
        # encoders and weights
        (("encode", "DATA", "--encoder", "toy-imag", "--store", "OUT"), ("'toy-image'?",)),
        (("encoders", "toy-imag"), ("'toy-image'?",)),
        (("encoders", "--onnx", "OUT"), ("Name the encoder",)),
        (("encoders", "toy-text", "--onnx", "OUT"), ("reads texts; wanted",)),
        (("encode", "DATA", "--encoder", "embeddings:", "--store", "OUT"), ("your name for",)),
        (("encode", "DATA", "--encoder", "embeddings:a", "--store", "OUT"), ("--weights PATH",)),
        (
            ("encode", "DATA", "--encoder", "toy-image", "--store", "OUT", "--outputs", "token"),
            ("pooled, tokens, stages, crops",),
        ),
        (
            ("encode", "DATA", "--encoder", "toy-image", "--store", "OUT", "--dtype", "half"),
            ("float32, bfloat16, float16",),
        ),
        (
            ("encode", "DATA", "--encoder", "toy-image", "--store", "OUT", "--device", "gpu"),
            ("No device", "cpu"),
        ),
        (
            ("encode", "DATA", "--encoder", "toy-text", "--store", "OUT", "--outputs", "stages"),
            ("Of a report there are pooled and tokens",),
        ),
        (
            ("pretrain", "DATA", "--store", "STORE", "--out", "OUT", "--recipe", "adaptor-papr"),
            ("Did you mean 'adaptor-paper'?",),
        ),
        (("run", "adaptor-paper", *HERE), ("carina pretrain DATA --recipe adaptor-paper",)),
        (
            ("pretrain", "DATA", "--store", "STORE", "--out", "OUT"),
            ("an image encoder and a text encoder", "carina encoders"),
        ),
        (("encode", "DATA", "--encoder", "mobilenet-cxr14", "--store", "OUT"), ("--weights",)),
        (
            (
                *("encode", "DATA", "--encoder", "mobilenet-cxr14", "--store", "OUT"),
                *("--weights", "WEIGHTS"),
            ),
            ("weights.pt cannot be read as plain weights", ".safetensors"),
        ),
        (("encode", "DATA", *TOY, "--weights", "WEIGHTS"), ("Leave --weights out",)),
        # data
        (("encode", "GONE", *TOY), ("no folder or table 'gone'", "check the path")),
        (("encode", "EMPTY", *TOY), ("is empty: no table, no images", "mapping.toml")),
        (("check", "EMPTY"), ("is empty: no table, no images", "mapping.toml")),
        (("encode", "FILMS", *TOY), ("1 image(s) and no table", "mapping.toml")),
        (("encode", "BUNDLE", *TOY), ("neither a table nor images", "mapping.toml")),
        (("check", "RUN"), ("neither a table nor images", "mapping.toml")),
        (("encode", "MAPPING", *TOY), ("mapping.toml is a mapping", "Name the folder")),
        (("encode", "RECIPE", *TOY), ("recipe.toml has", "the key 'parts' is missing")),
        (("check", "gone.toml"), ("There is no collection 'gone.toml'",)),
        (("encode", "FILM", *TOY), ("got a file .dcm", "Name the folder")),
        (("check", "DATA", "--mapping", "DATA"), ("is a folder; wanted a file of TOML",)),
        (("check", "DATA", "--mapping", "RECIPE"), ("'columns' is missing", "no key 'folds'")),
        (("check", "DATA", "--mapping", "gone.toml"), ("There is no file gone.toml",)),
        # stores
        (("encode", "DATA", "--encoder", "toy-image", "--store", "DATA"), ("other than a store",)),
        (
            ("encode", "DATA", "--encoder", "toy-image", "--store", "RECIPE"),
            ("is a file; a store",),
        ),
        (("run", "RECIPE", *HERE[:2], "--store", "GONE", *HERE[4:]), ("no store 'gone'", "encode")),
        (
            ("run", "RECIPE", *HERE[:2], "--store", "RUN", *HERE[4:]),
            ("'run' is no store", "encode"),
        ),
        (("run", "RECIPE", *HERE[:2], "--store", "EMPTY", *HERE[4:]), ("Known: none", "encode")),
        (("run", "nih-joint-ridge", *HERE), ("Known: toy-image", "--encoder efficientnet-lite0")),
        (
            ("run", "RECIPE", "--data", "STRANGERS", *HERE[2:]),
            ("have no features by 'toy-image'", "carina encode DATA --encoder toy-image"),
        ),
        (("store", "GONE"), ("no store 'gone'", "carina encode")),
        (("store", "NOTHING"), ("is no store", "carina encode")),
        # places for what is made
        (("run", "RECIPE", *HERE[:5], "TABLE"), ("--out is a folder", "is a file")),
        (("card", "RUN", "RUN", "--out", "RECIPE"), ("--out is a folder", "is a file")),
        (("card", "RUN", "RUN", "--out", "RUN"), ("own card would be lost",)),
        (("card", "RUN", "RUN"), ("needs a folder", "--out")),
        (("card", "RUN", "--out", "OUT"), ("leave --out out",)),
        (("bundle", "RUN", "--out", "RECIPE"), ("is a file; a bundle is a folder",)),
        (("bundle", "RUN", "--out", "RUN"), ("other than a bundle", "Name a folder")),
        # runs
        (("card",), ("carina card RUN",)),
        (("card", "EMPTY"), ("There is no finished run", "carina run RECIPE")),
        (("results", "EMPTY"), ("There is no finished run", "carina run RECIPE")),
        (("results", "GONE"), ("There is no folder", "carina run RECIPE")),
        (("results", "RECIPE"), ("is a file; wanted the folder of a run",)),
        (("results", "BUNDLE"), ("is a bundle; wanted the run",)),
        (("results", "CUT"), ("is not finished", "goes on where it stood")),
        (("compare", "RUN"), ("--second requires",)),
        (("compare", "RUN", "EMPTY"), ("There is no finished run",)),
        (("bundle", "GONE", "--out", "OUT"), ("There is no folder", "carina run RECIPE")),
        (("bundle", "RUN", "--out", "OUT", "--after", "7"), ("steps 1 to 6; got 7", "--after")),
        (("bundle", "RUN", "--out", "OUT", "--after", "two"), ("--after", '"two"')),
        # answers
        (("predict", "BUNDLE"), ("carina predict BUNDLE IMAGE",)),
        (("predict", "FILM", "BUNDLE"), ("is a file, and a bundle is a folder, named before",)),
        (("predict", "RUN", "FILM"), ("is a run", "carina bundle")),
        (("predict", "RUNS", "FILM"), ("holds no bundle", "carina bundle RUN")),
        (("predict", "GONE", "FILM"), ("There is no folder", "carina bundle RUN")),
        (("predict", "BUNDLE", "STORE"), ("holds no PNG, JPEG or DICOM",)),
        (("predict", "BUNDLE", "FILM", "--weights", "WEIGHTS"), ("Leave --weights out",)),
    ],
)
def test_what_is_wrong_is_one_clear_line_and_leaves_nothing(
    line: tuple[str, ...],
    hints: tuple[str, ...],
    world: World,
    carina: Carina,
    tmp_path: Path,
) -> None:
    named = {
        "DATA": world["data"],
        "STRANGERS": world["strangers"],
        "TABLE": world["data/phantoms.csv"],
        "MAPPING": world["data/mapping.toml"],
        "FILMS": world["films"],
        "FILM": world["films/film.dcm"],
        "STORE": world["store"],
        "RUNS": world["runs"],
        "RUN": world["run"],
        "CUT": world["cut-off"],
        "BUNDLE": world["bundle"],
        "RECIPE": world["recipe.toml"],
        "LIST": world["list.json"],
        "WEIGHTS": world["weights.pt"],
        "EMPTY": world["empty"],
        "NOTHING": world["nothing-known"],
        "GONE": tmp_path / "gone",
        "OUT": tmp_path / "out",
    }
    before = world.contents()

    tells(carina(*(named.get(word, word) for word in line)), *hints)

    assert world.contents() == before
    assert list(tmp_path.iterdir()) == []


def test_a_demo_of_too_few_patients_asks_for_more(carina: Carina, tmp_path: Path) -> None:
    tells(carina("demo", "--patients", 2, "--out", tmp_path / "demo"), "wanted 120 or more", "360")

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("was", "came", "hints"),
    [
        ("folds = 2", "fold = 2", ("no key 'fold'. Did you mean 'folds'?",)),
        ("folds = 2", "fold = 2\nsede = 3", ("2 fault(s)", "'folds'?", "'seed'?")),
        ("folds = 2", 'folds = "2"', ("folds: wanted int, got '2'",)),
        ("folds = 2", "folds = 1", ("Wanted 2 folds", "got 1")),
        ("folds = 2", 'findings = ["Edma"]', ("'Edma'. Did you mean 'Edema'?",)),
        ("folds = 2", 'headline = ["Edma"]', ("'Edma'. Did you mean 'Edema'?",)),
        ("folds = 2", 'prompts = "retune4"', ("Did you mean 'retune-4'?",)),
        ("folds = 2", "policy = 3", ("policy: wanted a table of keys, got int",)),
        ("folds = 2", "folds = ", ("recipe.toml is no TOML", "line 4")),
        ('["toy-image"]', '"toy-image"', ("encoders: wanted a list, got 'toy-image'",)),
        ('["toy-image"]', '["toy-imag"]', ("'toy-imag'. Did you mean 'toy-image'?",)),
        ('["toy-image"]', "[]", ("one image encoder or more",)),
        ('"toy-text"', '"toy-txt"', ("'toy-txt'. Did you mean 'toy-text'?",)),
        ('"toy-text"', '"toy-image"', ("toy-image reads images; wanted", "toy-text")),
        ('"small"', '""', ("A recipe has a name",)),
        ('"Ridge"', '"Rigde"', ("strategy: no kind 'Rigde'", "'Ridge'?")),
        ('"Ridge"', '"Ridge"\nlambda = [1.0]', ("strategy: no key 'lambda'", "'lambdas'?")),
        ('"Ridge"', '"Ridge"\nlambdas = [-1.0]', ("above 0; got (-1.0,)",)),
        ('"ByClass"', '"ByClas"', ("plan: no kind 'ByClas'", "'ByClass'?")),
        ('"ByClass"', '"ByData"\nparts = 50', ("cannot fill 50 parts", "fewer parts")),
        ('"ByClass"', '"BySite"\nsites = ["nort", "east"]', ("Did you mean 'north'?",)),
        ('"ByClass"', '"BySite"\nsites = ["east"]', ("two sites or more; got 1", "ByData")),
        ('"ByClass"', '"ByTime"\nparts = 500', ("cannot fill 500 periods",)),
        ('"ByClass"', '"ByTime"\ncuts = ["spring"]', ("Cuts are days",)),
        (
            '"ByClass"',
            '"NewInstancesAndClasses"\ntasks = [{ findings = ["Edema"], site = "nort" }]',
            ("No site named 'nort'", "'north'?"),
        ),
        ('"ByClass"', '"NewInstancesAndClasses"\ntasks = []', ("one task or more",)),
        ('"ByClass"', '"NewFromText"\nfinding = "Edma"', ("Did you mean 'Edema'?",)),
        ('"ByClass"', '"Deletion"\nof = { kind = "Deletion" }', ("plan.of: no kind 'Deletion'",)),
        ('"ByClass"', '"Planned"\nfile = "gone.json"', ("There is no file", "gone.json")),
        (
            '"Ridge"\n[plan]\nkind = "ByClass"',
            '"Heads"\n[plan]\nkind = "ByClass"\nvariant = "positives-only"',
            ("positives only, and Heads needs negatives", "RETune"),
        ),
    ],
)
def test_a_recipe_with_a_fault_is_told_before_any_work(
    was: str, came: str, hints: tuple[str, ...], world: World, carina: Carina, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.toml"
    assert RECIPE.count(was) == 1
    recipe.write_text(RECIPE.replace(was, came))

    tells(carina("run", recipe, *places(world, tmp_path / "out")), *hints)

    assert list(tmp_path.iterdir()) == [recipe]


def unplaced(rows: list[dict[str, str]]) -> None:
    for row in rows:
        row["site"] = row["date"] = ""


def one_site(rows: list[dict[str, str]]) -> None:
    for row in rows:
        row["site"] = "north"


def no_edema(rows: list[dict[str, str]]) -> None:
    for row in rows:
        row["truth_edema"] = ""


@pytest.mark.parametrize(
    ("change", "plan", "hints"),
    [
        (unplaced, 'kind = "BySite"', ("two sites or more; got 0", "column of sites")),
        (one_site, 'kind = "BySite"', ("two sites or more; got 1",)),
        (unplaced, 'kind = "ByTime"', ("films has a date that can be read", "20190701")),
        (
            no_edema,
            'kind = "NewInstancesAndClasses"\ntasks = [{ findings = ["Edema"] }]',
            ("Task 1 (Edema at any site) has no film", "Leave the task out"),
        ),
        (
            no_edema,
            'kind = "ByClass"\norder = ["Edema"]',
            ("'Edema' has no known label of Edema on", "another plan"),
        ),
    ],
)
def test_data_a_plan_cannot_be_laid_on_are_told_before_any_work(
    change: Callable[[list[dict[str, str]]], object],
    plan: str,
    hints: tuple[str, ...],
    world: World,
    data: Path,
    carina: Carina,
    tmp_path: Path,
) -> None:
    edited(change)(data)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE.replace('kind = "ByClass"', plan))
    line = ("run", recipe, "--data", data, "--store", world["store"], "--out", tmp_path / "out")

    assert carina("encode", data, "--encoder", "toy-image", "--store", world["store"])[0] == 0
    tells(carina(*line), *hints)

    assert not (tmp_path / "out").exists()


def test_a_plan_that_would_show_a_label_early_is_told_before_any_work(
    world: World, carina: Carina, tmp_path: Path
) -> None:
    plain = json.loads((world["run"] / "plan.json").read_text())
    plain["experiences"][0]["visible"].append("Edema")
    (tmp_path / "plan.json").write_text(json.dumps(plain))
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE.replace('kind = "ByClass"', 'kind = "Planned"\nfile = "plan.json"'))

    tells(
        carina("run", recipe, *places(world, tmp_path / "out")),
        "Step 1 of the plan (Atelectasis) would show Edema before its turn",
        "Take it as it was written",
    )
    assert not (tmp_path / "out").exists()


@pytest.fixture
def data(world: World, tmp_path: Path) -> Path:
    """A copy of the data, to be spoilt."""
    return shutil.copytree(world["data"], tmp_path / "data")


def mapping(was: str, came: str) -> Callable[[Path], None]:
    def spoil(data: Path) -> None:
        text = (data / "mapping.toml").read_text()
        assert text.count(was) == 1
        (data / "mapping.toml").write_text(text.replace(was, came))

    return spoil


def table(text: bytes) -> Callable[[Path], None]:
    def spoil(data: Path) -> None:
        (data / "phantoms.csv").write_bytes(text)

    return spoil


def edited(edit: Callable[[list[dict[str, str]]], object]) -> Callable[[Path], None]:
    def spoil(data: Path) -> None:
        rows = list(csv.DictReader(StringIO((data / "phantoms.csv").read_text())))
        edit(rows)
        text = StringIO()
        writer = csv.DictWriter(text, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        (data / "phantoms.csv").write_text(text.getvalue())

    return spoil


def cross(rows: list[dict[str, str]]) -> None:
    """A patient with two studies stands in two splits."""
    patients = [row["patient"] for row in rows]
    twice = next(row for row in rows if patients.count(row["patient"]) > 1)
    twice["split"] = "val" if twice["split"] != "val" else "train"


@pytest.mark.parametrize(
    ("spoil", "hints"),
    [
        (mapping('patient = "patient"', 'patient = "patien"'), ("'patien'", "'patient'?")),
        (mapping('patient = "patient"', 'pateint = "patient"'), ("'pateint'", "'patient'?")),
        (mapping('"phantoms.csv"', '"phantom.csv"'), ("'phantom.csv'", "phantoms.csv")),
        (mapping('"unmentioned"', '"unmentoned"'), ("labels.blank", "'unmentioned'?")),
        (
            edited(lambda rows: rows[2].update(truth_edema="maybe")),
            ("1 row(s), 1 value(s)", "Known:"),
        ),
        (edited(lambda rows: rows[2].update(split="trian")), ("'train'?", "rename")),
        (edited(lambda rows: rows[2].update(age="old")), ("hold no age", "wanted years")),
        (edited(lambda rows: rows[2].update(patient="")), ("1 row(s)", "no patient")),
        (edited(lambda rows: rows[2].update(image="../x.dcm")), ("leaves the image folder",)),
        (edited(lambda rows: rows.append(rows[0])), ("stands there already", "one row an image")),
        (edited(cross), ("1 patient(s) stand in two splits", "leak")),
        (table(b""), ("phantoms.csv is empty; wanted a header",)),
        (table(b"image,patient\n"), ("no column for", "Its columns: image, patient")),
        (table(b"image;patient\nx;y\n"), ("parted by ';'", "wanted commas")),
        (table("image,patient\n".encode("utf-16")), ("no UTF-8 CSV", "Save it again")),
        (table(b"image,patient\nx,y,z\n"), ("no UTF-8 CSV", "equally long rows")),
    ],
)
def test_a_table_with_a_fault_is_told_by_every_verb_that_reads_it(
    spoil: Callable[[Path], None],
    hints: tuple[str, ...],
    data: Path,
    world: World,
    carina: Carina,
    tmp_path: Path,
) -> None:
    spoil(data)
    out, recipe = tmp_path / "out", world["recipe.toml"]
    before = world.contents()

    said = [
        carina("check", data),
        carina("encode", data, "--encoder", "toy-image", "--store", out),
        carina("run", recipe, "--data", data, "--store", world["store"], "--out", out),
    ]

    for one in said:
        tells(one, *hints)
        assert "PHX-" not in one[2]
    assert list(tmp_path.iterdir()) == [data]
    assert world.contents() == before


def test_what_cannot_be_read_is_set_aside_told_and_counted_and_the_rest_goes_on(
    data: Path, world: World, carina: Carina, tmp_path: Path
) -> None:
    films = sorted((data / "images").iterdir())
    torn, text, empty, gone = films[0], films[1], films[2], films[3]
    torn.write_bytes(torn.read_bytes()[:-500])
    text.write_text("This is no film.")
    empty.write_bytes(b"")
    gone.unlink()

    status, out, err = carina("encode", data, "--encoder", "toy-image", "--store", tmp_path / "s")

    assert (status, out) == (0, "")
    assert f"{len(films) - 4} of {len(films)} images encoded" in err
    assert "4 set aside" in err
    for reason in ("runcated", "Not a form carina reads", "is empty", "is not there"):
        assert reason in err
    status, out, err = carina(
        *("run", world["recipe.toml"], "--data", data),
        *("--store", tmp_path / "s", "--out", tmp_path / "runs"),
    )
    assert status == 0
    assert "Set aside: 4 film(s)" in err
    status, _, err = carina("check", data)
    assert status == 0
    assert err.count("1 image(s) cannot be read and are set aside") == 3


def test_where_every_image_is_broken_encode_and_run_say_so(
    data: Path, world: World, carina: Carina, tmp_path: Path
) -> None:
    for film in (data / "images").iterdir():
        film.write_bytes(film.read_bytes()[:700])

    status, out, err = carina("encode", data, "--encoder", "toy-image", "--store", tmp_path / "s")

    assert (status, out) == (2, "")
    assert err.splitlines()[-1].startswith("carina: No image could be read")
    again = carina(
        *("run", world["recipe.toml"], "--data", data),
        *("--store", tmp_path / "s", "--out", tmp_path / "runs"),
    )
    tells(again, "got 0 and 0 usable films", "set aside", "carina check DATA")
    assert not (tmp_path / "runs").exists()
    assert carina("check", data)[0] == 1


def test_an_alignment_without_pretrain_reports_is_told(
    data: Path, carina: Carina, tmp_path: Path
) -> None:
    edited(lambda rows: [row.update(split="train") for row in rows if row["split"] == "pretrain"])(
        data
    )
    store, recipe = tmp_path / "store", tmp_path / "aligned.toml"
    recipe.write_text(RECIPE.replace('"toy-text"', '"minilm-l6"') + "[align]\n")
    assert carina("encode", data, "--encoder", "toy-image", "--store", store)[0] == 0

    said = carina("run", recipe, "--data", data, "--store", store, "--out", tmp_path / "out")

    tells(said, "split 'pretrain'", "leave `align` out")
    assert not (tmp_path / "out").exists()


def test_a_store_from_other_weights_is_told(
    world: World, carina: Carina, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = shutil.copytree(world["store"], tmp_path / "store")
    film = world["films/film.dcm"]
    monkeypatch.setattr("carina.encoders.families.toy.generator", _other_weights)
    assert carina("encode", world["data"], "--encoder", "toy-image", "--store", store)[0] == 0

    said = carina(
        *("run", world["recipe.toml"], "--data", world["data"]),
        *("--store", store, "--out", tmp_path / "out"),
    )

    tells(said, "2 encoders named 'toy-image'", "weights", "own store")
    tells(carina("predict", world["bundle"], film), "made with toy-image", "other weights")
    assert not (tmp_path / "out").exists()


def _other_weights(*_: object) -> np.random.Generator:
    return np.random.default_rng(99)


@pytest.mark.parametrize("name", ["gone.dcm", "text.dcm", "data/phantoms.csv"])
def test_an_image_that_cannot_be_answered_for_is_told_with_its_reason(
    name: str, world: World, carina: Carina
) -> None:
    status, out, err = carina("predict", world["bundle"], world[name])
    aside, last = err.splitlines()

    assert (status, out) == (2, "")
    assert aside.startswith(f"Set aside: {world[name]}: ")
    assert last == f"carina: No answer: {aside.removeprefix(f'Set aside: {world[name]}: ')}"


@pytest.mark.parametrize("name", ["results.json", "scores.parquet"])
def test_a_damaged_run_is_told(name: str, world: World, carina: Carina, tmp_path: Path) -> None:
    run = shutil.copytree(world["run"], tmp_path / "run")
    (run / name).write_bytes((run / name).read_bytes()[:-100])

    tells(carina("card", run), name)


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(
    world: World, carina: Carina, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ("run", world["recipe.toml"], *places(world, tmp_path / "runs"))
    with monkeypatch.context() as patch:
        patch.setattr("carina.core.writing.os.fsync", _FullAfter(20))
        said = carina(*line)

    tells(said, "No space left on device", "kept", "same command again", "--traceback")
    assert carina(*line)[0] == 0
    (run,) = (tmp_path / "runs").iterdir()
    assert (run / "scores.parquet").read_bytes() == (world["run/scores.parquet"]).read_bytes()


class _FullAfter:
    """``os.fsync`` of a disk with room for some files."""

    def __init__(self, files: int) -> None:
        self.room = files
        self.flush = os.fsync

    def __call__(self, descriptor: int) -> None:
        self.room -= 1
        if self.room < 0:
            raise OSError(28, "No space left on device")
        self.flush(descriptor)


def test_a_traceback_is_shown_where_it_is_asked_for(world: World, carina: Carina) -> None:
    with pytest.raises(FileNotFoundError):
        carina("results", world["empty"], "--traceback")

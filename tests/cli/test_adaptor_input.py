"""What goes wrong around an Adaptor, as a person meets it: one clear line, the next step, nothing lost."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from carina.core import write_json
from carina.encoders import load_encoder
from carina.learning import load_adaptor, save_standing
from carina.phantoms import write_phantoms
from carina.recipes import PRETRAININGS

Carina = Callable[..., tuple[int, str, str]]
Rows = list[dict[str, str]]

PAIRS = """name = "small"
image_encoder = "toy-image"
text_encoder = "toy-text"
learn = ["pretrain", "train"]
draws = 100
[training]
kind = "Pretraining"
rate = 0.01
batch = 16
epochs = 2
[training.adaptor]
kind = "CrossModal"
width = 16
heads = 2
hidden = 16
layers = 1
"""
STREAM = """name = "over"
encoders = ["toy-image"]
text_encoder = "minilm-l6"
folds = 2
draws = 100
[strategy]
kind = "Ridge"
[align]
adaptor = "{}"
"""
MASKS = """name = "lungs"
encoder = "toy-image"
structure = "lungs"
adaptor = "{}"
[teaching]
steps = 2
[teaching.decoder]
kind = "Convolutional"
"""
PROBE = """name = "probe"
encoders = ["toy-image"]
shares = [1.0]
[by]
kind = "Ridge"
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, carina: Carina) -> Path:
    """Films with reports and masks, their tokens, and an Adaptor of either kind."""
    world = tmp_path_factory.mktemp("world")
    for _ in write_phantoms(world / "data", patients=24, seed=0, size=64, masks=True):
        pass
    (world / "tokens.toml").write_text(PAIRS)
    (world / "vectors.toml").write_text(f'{PAIRS}reads = "vectors"\n')
    (world / "stream.toml").write_text(STREAM.format("gone"))
    (world / "masks.toml").write_text(MASKS.format(""))
    (world / "probe.toml").write_text(PROBE)
    for encoder in ("toy-image", "toy-text"):
        assert encoded(carina, world / "data", world / "store", encoder, "pooled,tokens")[0] == 0
    for kind in ("tokens", "vectors"):
        status, _, said = pretrained(carina, world, world / "data", recipe=f"{kind}.toml", out=kind)
        assert status == 0, said
        (made,) = (world / kind).iterdir()
        made.rename(world / f"made-{kind}")
    return world


def encoded(
    carina: Carina, data: Path, store: Path, encoder: str, outputs: str
) -> tuple[int, str, str]:
    words = ("--encoder", encoder, "--store", store, "--outputs", outputs)
    return carina("encode", data, *words)


def pretrained(
    carina: Carina,
    world: Path,
    data: Path,
    *more: object,
    recipe: str | Path = "tokens.toml",
    store: Path | None = None,
    out: str | Path = "out",
) -> tuple[int, str, str]:
    places = ("--store", store or world / "store", "--out", world / out)
    return carina("pretrain", data, "--recipe", world / recipe, *places, *more)


def edited(world: Path, to: Path, edit: Callable[[Rows], object]) -> Path:
    """The data once more, some rows of their table changed."""
    data = shutil.copytree(world / "data", to)
    with (data / "phantoms.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    edit(rows)
    with (data / "phantoms.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return data


def tells(said: tuple[int, str, str], *hints: str) -> None:
    """One line, every hint in it, status 2."""
    status, out, err = said
    assert (status, out) == (2, ""), err
    assert err.startswith("carina: ")
    assert err.count("\n") == 1
    for hint in hints:
        assert hint in err


def in_split(rows: Rows, *splits: str) -> Rows:
    return [row for row in rows if row["split"] in splits]


# pairs


def test_rows_without_text_or_film_are_left_out_counted_and_the_rest_is_learned_from(
    world: Path, carina: Carina, tmp_path: Path
) -> None:
    def silence(rows: Rows) -> None:
        for row in in_split(rows, "train")[:3]:
            row["report"] = ""

    data = edited(world, tmp_path / "data", silence)
    (data / "images" / in_split(table(data), "train")[-1]["image"]).unlink()

    status, _, said = pretrained(carina, world, data, out=tmp_path / "out")

    assert status == 0
    assert "Left out: 3 film(s) without a report." in said
    assert "Left out: 1 film(s) without features of the film" in said
    (folder,) = (tmp_path / "out").iterdir()
    left_out = json.loads((folder / "pretraining.json").read_text())["left_out"]
    assert sum(left_out.values()) == 4


def test_a_report_or_a_film_in_two_splits_is_not_learned_from(
    world: Path, carina: Carina, tmp_path: Path
) -> None:
    def repeat(rows: Rows) -> None:
        first, second = in_split(rows, "train")[:2]
        told, shown = in_split(rows, "test")[:2]
        first["report"] = told["report"]
        second["image"], shown["image"] = shown["image"], second["image"]

    data = edited(world, tmp_path / "data", repeat)
    (before, after) = in_split(table(data), "train")[1], in_split(table(data), "test")[1]
    shutil.copy(data / "images" / after["image"], data / "images" / before["image"])

    status, _, said = pretrained(carina, world, data, out=tmp_path / "out")

    assert status == 0
    assert "Left out: 2 film(s) whose film or report also stands in a split" in said


def table(data: Path) -> Rows:
    with (data / "phantoms.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def no_reports(rows: Rows) -> None:
    for row in rows:
        row["report"] = ""


def no_val(rows: Rows) -> None:
    for row in in_split(rows, "val"):
        row["split"] = "train"


def one_text(rows: Rows) -> None:
    for row in rows:
        row["report"] = rows[0]["report"]


@pytest.mark.parametrize(
    ("spoil", "hints"),
    [
        (no_reports, ("learn from", "there are 0", "34 without a report", "column of reports")),
        (no_val, ("to stop by, in the split val; there are 0", "of those there are: train ")),
        (one_text, ("also stands in a split that is held back", "shared_reports = 'kept'")),
    ],
)
def test_no_pairs_at_all_end_in_a_line_with_the_step_that_fits(
    spoil: Callable[[Rows], None],
    hints: tuple[str, ...],
    world: Path,
    carina: Carina,
    tmp_path: Path,
) -> None:
    data = edited(world, tmp_path / "data", spoil)

    tells(pretrained(carina, world, data, out=tmp_path / "out"), *hints, "carina check DATA")

    assert not (tmp_path / "out").exists()


# encoders


def test_the_commands_that_are_told_make_the_tokens_that_lack(
    world: Path, carina: Carina, tmp_path: Path
) -> None:
    store, data = tmp_path / "store", world / "data"
    for encoder in ("toy-image", "toy-text"):
        assert encoded(carina, data, store, encoder, "pooled")[0] == 0
    for encoder in ("toy-image", "toy-text"):
        said = pretrained(carina, world, data, store=store, out=tmp_path / "out")
        tells(said, f"carina encode DATA --encoder {encoder} --store STORE --outputs pooled,tokens")
        command = said[2].partition("carina encode ")[2].rstrip(".\n").split()
        places = {"DATA": data, "STORE": store}
        assert carina("encode", *(places.get(word, word) for word in command))[0] == 0

    assert pretrained(carina, world, data, store=store, out=tmp_path / "out")[0] == 0


def test_an_encoder_that_lacks_is_told_with_its_command_though_another_is_named_like_it(
    world: Path, carina: Carina, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    assert encoded(carina, world / "data", store, "toy-image", "pooled,tokens")[0] == 0
    for path in store.glob("*/card.json"):
        write_json(path, {**json.loads(path.read_text()), "name": "biovil-image"})
    named = ("--image-encoder", "biovil-image", "--text-encoder", "biovil-text")

    tells(
        pretrained(carina, world, world / "data", *named, store=store),
        "carina encode DATA --encoder biovil-text --store STORE --outputs pooled,tokens",
    )


@pytest.mark.parametrize(
    ("image", "text", "hints"),
    [
        (
            "toy-text",
            "toy-image",
            ("toy-text, which reads texts, for the films", "--text-encoder toy-text"),
        ),
        ("toy-image", "toy-image", ("toy-image, which reads images, for the reports",)),
        ("toy-text", "toy-text", ("toy-text, which reads texts, for the films",)),
        ("toy-imag", "toy-text", ("Did you mean 'toy-image'?",)),
    ],
)
def test_encoders_in_the_others_place_are_told(
    image: str, text: str, hints: tuple[str, ...], world: Path, carina: Carina, tmp_path: Path
) -> None:
    named = ("--image-encoder", image, "--text-encoder", text)

    tells(pretrained(carina, world, world / "data", *named, out=tmp_path / "out"), *hints)

    assert not (tmp_path / "out").exists()


def test_an_encoder_of_texts_is_no_encoder_of_films_for_a_probe_or_a_stream_either(
    world: Path, carina: Carina, tmp_path: Path
) -> None:
    recipe = tmp_path / "stream.toml"
    recipe.write_text(STREAM.partition("[align]")[0].replace("toy-image", "toy-text"))
    places = ("--store", world / "store", "--out", tmp_path / "out")
    for said in (
        carina("probe", world / "data", "--encoder", "toy-text", *places),
        carina("run", recipe, "--data", world / "data", *places),
    ):
        tells(said, "'toy-text' reads texts", "In the store: toy-image")
    tells(carina("probe", world / "data", "--encoder", "toy-image+", *places), "each once", "''")


def test_without_tokens_or_grid_the_verb_says_what_stands_over_such_an_encoder(
    world: Path, carina: Carina, tmp_path: Path
) -> None:
    names = [row["image"] for row in table(world / "data")]
    values = np.random.default_rng(0).normal(size=(len(names), 3)).tolist()
    given, store = tmp_path / "mine.parquet", tmp_path / "store"
    pl.DataFrame({"image": names, "values": values}).write_parquet(given)
    mine = ("--encoder", "embeddings:mine", "--weights", given)
    assert carina("encode", world / "data", *mine, "--store", store)[0] == 0
    assert encoded(carina, world / "data", store, "toy-text", "pooled,tokens")[0] == 0

    said = pretrained(
        carina, world, world / "data", "--image-encoder", "embeddings:mine", store=store
    )

    tells(said, "one vector and no tokens", "carina pretrain DATA --recipe adaptor-canonical")
    places = ("--store", store, "--out", tmp_path / "out", "--structure", "lungs")
    masks = ("--masks", world / "data" / "masks")
    tells(carina("segment", world / "data", *mine, *places, *masks), "no grid", "carina encoders")


# masks


def test_masks_of_lateral_views_and_of_another_size_are_told_where_none_is_left(
    world: Path, carina: Carina, tmp_path: Path
) -> None:
    def turn(rows: Rows) -> None:
        for row in rows:
            row["view"] = "LATERAL"

    data, small = edited(world, tmp_path / "data", turn), tmp_path / "small"
    small.mkdir()
    for path in (data / "masks").glob("*-lungs.png"):
        with Image.open(path) as mask:
            mask.resize((32, 32)).save(small / path.name)
    places = ("--store", tmp_path / "store", "--out", tmp_path / "out")
    words = ("--recipe", world / "masks.toml", *places)

    tells(
        carina("segment", data, *words, "--masks", data / "masks"),
        *("0 in test and 0 in train", "34 x a lateral view", "mend the view in the table"),
    )
    tells(
        carina("segment", world / "data", *words, "--masks", small),
        *("drawn on 32 x 32 pixels and its film has 64 x 64", "at the film's size"),
    )
    assert not (tmp_path / "out").exists()


# folders of Adaptors


def torn(name: str) -> Callable[[Path, Path], Path]:
    def tear(world: Path, to: Path) -> Path:
        path = shutil.copytree(world / "made-vectors" / "adaptor", to) / name
        inside = bytearray(path.read_bytes())
        at = inside.index(b'"patients": 1') + 12 if name.endswith("json") else len(inside) - 1
        inside[at] ^= 3
        path.write_bytes(inside)
        return to

    return tear


def without_tensors(world: Path, to: Path) -> Path:
    shutil.copytree(world / "made-vectors" / "adaptor", to)
    (to / "adaptor.safetensors").unlink()
    return to


@pytest.mark.parametrize(
    ("make", "hints"),
    [
        (lambda _, to: to, ("There is no folder", "carina pretrain DATA --image-encoder E")),
        (lambda world, _: world / "data", ("is no Adaptor", "carina pretrain DATA")),
        (lambda world, _: world / "made-vectors", ("Did you mean", "made-vectors/adaptor?")),
        (lambda world, _: world, ("It holds 2 of them", "made-tokens/adaptor, ")),
        (
            lambda world, _: world / "made-vectors" / "adaptor" / "adaptor.json",
            ("is a file, and an Adaptor is a folder", "made-vectors/adaptor?"),
        ),
        (torn("adaptor.json"), ("adaptor.json is not as it was written", "Copy the Adaptor")),
        (torn("adaptor.safetensors"), ("adaptor.safetensors is not the file", "Copy the Adaptor")),
        (without_tensors, ("adaptor.safetensors beside it is not", "Copy the Adaptor")),
    ],
)
def test_what_is_no_whole_adaptor_is_told_with_what_is_there_and_what_lies_near(
    make: Callable[[Path, Path], Path],
    hints: tuple[str, ...],
    world: Path,
    carina: Carina,
    tmp_path: Path,
) -> None:
    for said in over(carina, world, make(world, tmp_path / "adaptor"), tmp_path):
        tells(said, *hints)

    assert not (tmp_path / "out").exists()


def over(
    carina: Carina, world: Path, adaptor: Path, tmp_path: Path
) -> tuple[tuple[int, str, str], tuple[int, str, str]]:
    """What a probe and a segmentation say of an Adaptor."""
    (tmp_path / "masks.toml").write_text(MASKS.format(adaptor))
    places = ("--store", world / "store", "--out", tmp_path / "out")
    words = ("--masks", world / "data" / "masks", "--recipe", tmp_path / "masks.toml")
    probed = ("probe", world / "data", "--encoder", "toy-image", "--adaptor", adaptor)
    return carina(*probed, *places), carina("segment", world / "data", *places, *words)


def streamed(carina: Carina, world: Path, adaptor: Path, tmp_path: Path) -> tuple[int, str, str]:
    """What a run says of an Adaptor."""
    (tmp_path / "stream.toml").write_text(STREAM.format(adaptor))
    places = ("--store", world / "store", "--out", tmp_path / "out")
    return carina("run", tmp_path / "stream.toml", "--data", world / "data", *places)


def test_an_adaptor_over_other_encoders_is_told_with_the_command_that_makes_one_over_these(
    world: Path, carina: Carina, tmp_path: Path
) -> None:
    adaptor = shutil.copytree(world / "made-vectors" / "adaptor", tmp_path / "adaptor")
    plain = json.loads((adaptor / "adaptor.json").read_text())
    foreign = {**plain, "image_encoder": "0" * 20, "digest": ""}  # as an earlier carina wrote it
    write_json(adaptor / "adaptor.json", foreign)

    for said in over(carina, world, adaptor, tmp_path):
        tells(
            said, "stands on other encoders than toy-image (", "pretrain DATA --image-encoder toy"
        )
    tells(
        streamed(carina, world, world / "made-vectors" / "adaptor", tmp_path),
        *("stands on other encoders than minilm-l6 (", "--text-encoder minilm-l6"),
    )


def test_an_adaptor_that_reads_tokens_serves_masks_and_others_are_told_what_serves_them(
    world: Path, carina: Carina, tmp_path: Path
) -> None:
    adaptor = shutil.copytree(world / "made-tokens" / "adaptor", tmp_path / "adaptor")
    probed, drawn = over(carina, world, adaptor, tmp_path)
    plain = json.loads((adaptor / "adaptor.json").read_text())
    text = load_encoder("minilm-l6").card.fingerprint
    write_json(adaptor / "adaptor.json", {**plain, "text_encoder": text, "digest": ""})
    run = streamed(carina, world, adaptor, tmp_path)

    assert drawn[0] == 0
    for said, named in ((probed, "T"), (run, "minilm-l6")):
        tells(
            said,
            *("of the form CrossModal, reads tokens", "serves carina segment", "reads = 'vectors'"),
            "carina pretrain DATA --recipe adaptor-canonical --image-encoder toy-image "
            f"--text-encoder {named} ",
        )
    assert PRETRAININGS["adaptor-canonical"]().training.adaptor.reads == "vectors"


def test_an_adaptor_that_gives_no_vectors_is_told_before_any_work(
    world: Path, carina: Carina, tmp_path: Path
) -> None:
    towers = PAIRS.replace("[training.adaptor]", "[training.adaptor.towers]")
    towers = towers.replace('kind = "CrossModal"\n', "").replace("epochs = 2", "epochs = 1")
    (tmp_path / "all.toml").write_text(f'{towers}[training.adaptor]\nkind = "AllPairs"\n')
    status, _, said = pretrained(
        carina, world, world / "data", recipe=tmp_path / "all.toml", out=tmp_path / "made"
    )
    assert status == 0, said
    (made,) = (tmp_path / "made").iterdir()

    for one in over(carina, world, made / "adaptor", tmp_path):
        tells(one, "of the form AllPairs", "Pre-train a CrossModal: carina pretrain DATA")
    assert not (tmp_path / "out").exists()


# recipes of another verb


@pytest.mark.parametrize(
    ("recipe", "own"),
    [
        ("adaptor-paper", "carina pretrain DATA --recipe adaptor-paper "),
        ("segment-rsna", "carina segment DATA --recipe segment-rsna "),
        ("nih-joint-ridge", "carina run nih-joint-ridge --data DATA "),
        ("tokens.toml", "carina pretrain DATA --recipe "),
        ("masks.toml", "carina segment DATA --recipe "),
        ("stream.toml", "carina run "),
        ("probe.toml", "carina probe DATA "),
    ],
)
def test_a_recipe_given_to_another_verb_is_told_the_verb_that_runs_it(
    recipe: str, own: str, world: Path, carina: Carina, tmp_path: Path
) -> None:
    given = world / recipe if recipe.endswith("toml") else recipe
    places = ("--store", world / "store", "--out", tmp_path / "out")
    lines: dict[str, tuple[object, ...]] = {
        "run": ("run", given, "--data", world / "data"),
        "pretrain": ("pretrain", world / "data", "--recipe", given),
        "segment": ("segment", world / "data", "--recipe", given),
    }
    for verb, line in lines.items():
        if not own.startswith(f"carina {verb} "):
            tells(carina(*line, *places), f"{given} is a ", f"Next: {own}")
    assert not (tmp_path / "out").exists()


def test_a_misspelt_key_is_told_as_such_by_the_verb_of_its_recipe(
    world: Path, carina: Carina, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(PAIRS.replace("draws", "drawn"))
    said = carina(
        *("pretrain", world / "data", "--recipe", tmp_path / "mine.toml"),
        *("--store", world / "store", "--out", tmp_path / "out"),
    )

    assert said[0] == 2
    assert "no key 'drawn'. Did you mean 'draws'?" in said[2]


# folders of other verbs


def test_a_pre_training_in_the_place_of_a_run_or_a_bundle_is_told(
    world: Path, carina: Carina, tmp_path: Path
) -> None:
    made, film = world / "made-vectors", next((world / "data" / "images").iterdir())

    for line in (("card", made), ("results", made), ("bundle", made, "--out", tmp_path / "b")):
        tells(carina(*line), "is a pre-training", "[align] adaptor", "carina run RECIPE")
    for place in (made, made / "adaptor"):
        tells(carina("predict", place, film), "holds an Adaptor", "carina bundle RUN")
    tells(
        carina("predict", place, film, "--heatmap", world / "probe.toml"),
        "--heatmap is a folder, and",
    )


# kills


def test_a_pre_training_that_is_cut_off_goes_on_to_the_same_numbers_and_says_where_it_cannot(
    world: Path, carina: Carina, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(folder: Path, standing: object) -> None:
        save_standing(folder, standing)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("carina.recipes.pretraining.save_standing", cut)
        status, _, said = pretrained(carina, world, world / "data", out=out)
    (unfinished,) = out.iterdir()

    assert (status, said) == (130, "carina: interrupted; the same command goes on from here.\n")
    state = unfinished / "standing" / "standing.safetensors"
    whole = state.read_bytes()
    state.write_bytes(whole[:-1])
    tells(
        pretrained(carina, world, world / "data", out=out),
        *("standing.safetensors is not the file", f"Remove the folder {unfinished.name}"),
    )
    state.write_bytes(whole)
    assert pretrained(carina, world, world / "data", out=out)[0] == 0
    (folder,) = out.iterdir()
    ours, theirs = (load_adaptor(each / "adaptor") for each in (folder, world / "made-tokens"))
    assert ours.fingerprint == theirs.fingerprint

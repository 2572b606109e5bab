"""``carina segment``: the whole way on drawn films, and bad input told in a line."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from shutil import copy, copytree

import pytest
from PIL import Image

from carina.phantoms import write_phantoms
from carina.studies import read_data

FILES = (Path(__file__).parents[2] / "docs" / "reference" / "files.md").read_text("utf-8")

Carina = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    list(write_phantoms(folder, patients=14, seed=3, size=64, masks=True))
    return folder


def recipe_file(folder: Path, **changed: object) -> Path:
    """A recipe that takes a second, some of its lines changed."""
    lines = {
        "name": '"mine"',
        "encoder": '"toy-image"',
        "structure": '"lungs"',
        "shares": "[0.2, 1.0]",
        "repeats": 2,
    }
    told = [f"{name} = {value}" for name, value in {**lines, **changed}.items()]
    path = folder / "lungs.toml"
    path.write_text(
        "\n".join(
            [*told, "[teaching]", "steps = 3", "[teaching.decoder]", 'kind = "Convolutional"']
        )
    )
    return path


@pytest.fixture
def words(data: Path, tmp_path: Path) -> list[object]:
    """A command line that works."""
    return [
        *("segment", data, "--store", tmp_path / "store", "--out", tmp_path / "runs"),
        *("--masks", data / "masks", "--recipe", recipe_file(tmp_path)),
    ]


def test_the_whole_way_leaves_scores_a_card_and_a_decoder(
    words: list[object], carina: Carina, tmp_path: Path
) -> None:
    status, out, said = carina(*words, "--json")
    assert status == 0, said
    found = json.loads(out)
    (folder,) = (tmp_path / "runs").iterdir()

    assert [(line["predictor"], line["share"], line["draw"]) for line in found["lines"]] == [
        (predictor, share, draw)
        for share, draw in ((0.2, 0), (0.2, 1), (1.0, 0))
        for predictor in ("decoder", "all-empty", "mean-mask")
    ]
    assert {path.name for path in folder.iterdir()} == set(
        re.findall(
            r"^\| `([^`]+)`",
            FILES.partition("## A segmentation")[2].partition("\n## ")[0],
            re.MULTILINE,
        )
    )
    card = (folder / "card.md").read_text()
    assert "| 20% |" in card
    assert "Research use only" in card
    assert "mean-mask" in card
    assert found["judged_on"] == "test"
    assert "P" + "0" not in card


def test_films_of_patients_are_shown_only_to_who_asks(
    words: list[object], carina: Carina, data: Path, tmp_path: Path
) -> None:
    hospital = tmp_path / "hospital"
    copytree(data, hospital)
    mapping = hospital / "mapping.toml"
    mapping.write_text(mapping.read_text().replace('source = "phantoms"', 'source = "hospital"'))
    words[1] = hospital
    assert carina(*words)[0] == 0
    (folder,) = (tmp_path / "runs").iterdir()
    before = sorted(path.name for path in folder.iterdir())
    assert "No film, mask or row of a patient is kept" in (folder / "card.md").read_text()
    assert carina(*words, "--pictures")[0] == 0
    card = (folder / "card.md").read_text()
    with Image.open(folder / "outlines-1.png") as picture:
        assert picture.info == {}

    assert not [name for name in before if name.endswith("png")]
    assert len(list(folder.glob("*.png"))) == 3
    assert "![worst of the films judged, Dice " in card
    assert "But for the films shown below, no film" in card
    assert "names none of these films among what its weights have seen" in card


def test_given_again_it_is_shown_and_not_taught(words: list[object], carina: Carina) -> None:
    first, again = carina(*words, "--json"), carina(*words, "--json")

    assert first[0] == again[0] == 0
    assert first[1] == again[1]  # seconds and all


def test_a_unet_over_an_encoder_without_stages_is_told_the_other_form(
    words: list[object], carina: Carina, tmp_path: Path
) -> None:
    path = tmp_path / "lungs.toml"
    path.write_text(path.read_text().replace("Convolutional", "FrozenUNet"))
    status, _, said = carina(*words)

    assert status == 2
    assert "decoder kind Convolutional" in said


def test_masks_of_another_size_are_set_aside_and_told(
    words: list[object], carina: Carina, data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    files = sorted((data / "masks").glob("*-lungs.png"))
    for number, path in enumerate(files):
        with Image.open(path) as mask:
            (mask.resize((32, 32)) if number == 0 else mask).save(folder / path.name)
    words[words.index("--masks") + 1] = folder
    status, _, said = carina(*words)

    assert status == 0, said
    assert "Set aside: 1 x The mask was drawn on 32 x 32 pixels and its film has 64 x 64" in said


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"shares": "[1.0, 0.1]"}, "stand once and rising"),
        ({"shares": "[0.0]"}, "Shares lie above 0"),
        ({"judged_on": '"train"'}, "judged on val or test"),
        ({"structure": '"liver"'}, "wanted FILM.png or FILM-liver.png"),
        ({"encoder": '"toy-imag"'}, "Did you mean 'toy-image'"),
    ],
)
def test_bad_input_is_one_clear_line(
    words: list[object], carina: Carina, tmp_path: Path, change: dict[str, object], told: str
) -> None:
    recipe_file(tmp_path, **change)
    status, _, said = carina(*words)

    assert status == 2
    assert told in said
    assert said.count("\n") <= 2


def test_masks_of_test_films_alone_are_refused_with_the_next_step(
    words: list[object], carina: Carina, data: Path, tmp_path: Path
) -> None:
    manifest = read_data(data)
    (tmp_path / "some").mkdir()
    for image, split in zip(manifest.image, manifest.split, strict=True):
        if split == "test":
            name = f"{Path(image).stem}-lungs.png"
            copy(data / "masks" / name, tmp_path / "some" / name)
    words[words.index("--masks") + 1] = tmp_path / "some"
    status, _, said = carina(*words)

    assert status == 2
    assert "0 in train" in said
    assert "Mark films of the other" in said


def test_without_an_encoder_a_recipe_is_asked_for(
    data: Path, carina: Carina, tmp_path: Path
) -> None:
    status, _, said = carina("segment", data, "--store", tmp_path, "--out", tmp_path / "o")

    assert status == 2
    assert "--recipe NAME or FILE" in said

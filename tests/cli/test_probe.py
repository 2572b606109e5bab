"""A frozen encoder probed from the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from carina.phantoms import write_phantoms
from carina.recipes import PRETRAININGS, PROBES, SEGMENTATIONS

Carina = Callable[..., tuple[int, str, str]]


@pytest.fixture
def places(carina: Carina, tmp_path: Path) -> list[str | Path]:
    """A small hospital, encoded."""
    for _ in write_phantoms(tmp_path / "films", patients=60, seed=2, size=64):
        pass
    store = tmp_path / "store"
    assert carina("encode", tmp_path / "films", "--encoder", "toy-image", "--store", store)[0] == 0
    return [
        tmp_path / "films",
        *("--encoder", "toy-image", "--store", store, "--out", tmp_path / "out"),
        *("--findings", "Cardiomegaly,Pleural Effusion", "--draws", "2"),
    ]


def test_every_head_prints_its_shares_and_again_without_learning(
    carina: Carina, places: list[str | Path]
) -> None:
    for head in ("mlp", "logistic", "ridge"):
        asked = ("probe", *places, "--head", head, "--shares", "0.5,1", "--json")
        status, out, _ = carina(*asked)
        results = json.loads(out)
        again = json.loads(carina(*asked)[1])

        assert status == 0
        assert [share["share"] for share in results["shares"]] == [0.5, 1.0]
        assert results["shares"][1]["means"]["auroc"]["value"] is not None
        assert again == results


def test_a_table_for_people_names_films_and_findings(
    carina: Carina, places: list[str | Path]
) -> None:
    status, out, err = carina("probe", *places, "--head", "ridge", "--shares", "1")

    assert status == 0
    assert "test films of" in out
    assert "Pleural Effusion" in out
    assert "Run: " in err


def test_a_recipe_is_changed_by_what_is_said_beside_it(
    carina: Carina, places: list[str | Path], tmp_path: Path
) -> None:
    status, printed, _ = carina("recipes", "probe-covidx")
    (tmp_path / "mine.json").write_text(printed)
    words = (*places, "--recipe", tmp_path / "mine.json", "--head", "ridge", "--shares", "0.5,1")
    done, out, err = carina("probe", *words, "--json")
    recipe = json.loads((next((tmp_path / "out").iterdir()) / "recipe.json").read_text())
    results = json.loads(out)

    assert (status, done) == (0, 0), err
    assert results["name"] == "probe-covidx"
    assert results["headline"] == ["Cardiomegaly", "Pleural Effusion"]
    assert (recipe["by"]["kind"], recipe["apart"], recipe["seed"]) == ("Ridge", [], 6)
    assert (recipe["encoders"], recipe["draws"], recipe["shares"]) == (["toy-image"], 2, [0.5, 1.0])


def test_every_recipe_of_any_verb_is_listed(carina: Carina) -> None:
    _, shown, _ = carina("recipes")

    assert all(name in shown for name in (*PROBES, *SEGMENTATIONS, *PRETRAININGS))


def test_neither_encoder_nor_recipe_is_told_with_both_ways(carina: Carina, tmp_path: Path) -> None:
    status, _, err = carina("probe", tmp_path, "--store", tmp_path, "--out", tmp_path / "out")

    assert status == 2
    assert "--encoder NAME" in err
    assert "--recipe NAME or FILE" in " ".join(err.split())


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("--shares", "all"), "For example --shares 0.01,0.1,1"),
        (("--shares", "0.0001"), "is nobody"),
        (("--head", "ridge", "--rate", "0.1"), "--rate and --batch are of the mlp"),
        (("--recipe", "probe-covid"), "Did you mean 'probe-covidx'?"),
    ],
)
def test_wrong_asks_end_in_one_line(
    wrong: tuple[str, ...], told: str, carina: Carina, places: list[str | Path]
) -> None:
    status, _, err = carina("probe", *places, *wrong)

    assert status == 2
    assert told in " ".join(err.split())
    assert "Traceback" not in err

"""The demo: an Adaptor from the reports of some patients, RE-tune on top, baselines beside it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from carina.adaptors import Control
from carina.core import read_json
from carina.evaluation import read_results
from carina.recipes import DEMO_ENCODER, Continual, demo_pretraining, demo_recipes

Carina = Callable[..., tuple[int, str, str]]


def test_prompts_and_retune_stand_on_the_adaptor_and_baselines_on_the_frozen_encoder() -> None:
    recipes = {recipe.name: recipe for recipe in demo_recipes(Path("a/adaptor"))}

    for name, recipe in recipes.items():
        over = name.endswith(("zero-shot", "retune"))
        encoder = demo_pretraining().image_encoder if over else DEMO_ENCODER
        assert recipe.encoders == (encoder,)
        assert (recipe.align.adaptor if recipe.align else "") == ("a/adaptor" if over else "")
    assert {name for name, recipe in recipes.items() if recipe.controls} == {"demo-by-class-retune"}
    assert set(recipes["demo-by-class-retune"].controls) == set(Control) - {Control.ONE_HOT}
    assert len(recipes) == 13


def test_the_whole_way_ends_in_a_card(
    tmp_path: Path, carina: Carina, monkeypatch: pytest.MonkeyPatch
) -> None:
    def some(adaptor: Path) -> tuple[Continual, ...]:
        wanted = ("demo-by-class-zero-shot", "demo-joint-retune", "demo-joint-ridge")
        return tuple(each for each in demo_recipes(adaptor) if each.name in wanted)

    monkeypatch.setattr("carina.cli.demo.demo_recipes", some)
    out = tmp_path / "demo"

    status, _, said = carina("demo", "--out", out, "--patients", 120)

    assert status == 0, said
    runs = {
        read_json(folder / "recipe.json", Continual).name: read_results(folder / "results.json")
        for folder in (out / "runs").iterdir()
        if folder.is_dir()
    }
    assert len(runs) == 3
    kept = runs["demo-joint-retune"].experiences[-1].lived.kept_bytes
    assert kept["adaptor"] > 0
    (adaptor,) = (out / "adaptors").iterdir()
    assert (adaptor / "card.md").is_file()
    assert "RETune" in (out / "card.md").read_text()

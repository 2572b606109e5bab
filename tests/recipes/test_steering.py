"""Controls are learned beside the prompts, and told apart from them."""

from dataclasses import replace
from pathlib import Path

import pytest

from carina.adaptors import Control, Linear, Sides
from carina.core import InvalidValue
from carina.features import Store
from carina.learning import Heads, RETune, ZeroShot
from carina.recipes import Align, Continual, Finished, prepare, run
from carina.studies import Manifest

QUICK = RETune(sides=Sides(adaptor=Linear(out=8)), rate=1e-2, batch=32, steps=5, epochs=None)


def finished(recipe: Continual, manifest: Manifest, store: Store, out: Path) -> Finished:
    *_, last = run(recipe, prepare(recipe, manifest, store), out)
    assert isinstance(last, Finished)
    return last


def test_every_control_is_learned_once_and_paired_with_the_prompts(
    recipe: Continual, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    asked = replace(
        recipe, strategy=QUICK, align=Align(), controls=(Control.RANDOM, Control.PERMUTED)
    )
    results = finished(asked, manifest, store, tmp_path).results
    whole = results.summary["auroc"][results.headline].value

    assert set(results.language) == {"random", "permuted"}
    for found in results.language.values():
        assert whole is not None
        assert found.auroc.value is not None
        assert found.lost.value == pytest.approx(whole - found.auroc.value)
    assert results.seconds["controls"] > 0


def test_zero_shot_hears_what_stands_in_the_place_of_the_prompts(
    recipe: Continual, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    asked = replace(recipe, strategy=ZeroShot(), align=Align(), controls=tuple(Control))
    language = finished(asked, manifest, store, tmp_path).results.language

    assert len({found.auroc.value for found in language.values()}) == len(Control)
    assert all(found.lost.low != found.lost.high for found in language.values())


def test_a_strategy_that_reads_no_prompts_loses_nothing(
    recipe: Continual, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    asked = replace(recipe, strategy=Heads(penalties=(1.0,)), controls=(Control.RANDOM,))
    lost = finished(asked, manifest, store, tmp_path).results.language["random"].lost

    assert lost.value == lost.low == lost.high == 0


def test_controls_without_prompts_to_stand_for_are_refused(recipe: Continual) -> None:
    with pytest.raises(InvalidValue, match="names no text encoder"):
        replace(recipe, text_encoder="", controls=(Control.RANDOM,))

"""A recipe as a value."""

from pathlib import Path

from carina.core import write_text
from carina.learning import Ridge
from carina.recipes import Continual, find_recipe


def test_a_recipe_that_names_no_strategy_learns_by_the_masked_ridge_head(tmp_path: Path) -> None:
    write_text(tmp_path / "plain.toml", 'name = "plain"\nencoders = ["toy-image"]\n')

    assert Continual(name="plain", encoders=("toy-image",)).strategy == Ridge()
    assert find_recipe(str(tmp_path / "plain.toml"), {}).strategy == Ridge()


def test_a_lift_is_named_in_a_file(tmp_path: Path) -> None:
    write_text(
        tmp_path / "lifted.toml",
        'name = "lifted"\nencoders = ["toy-image"]\n[strategy]\nkind = "Ridge"\n'
        '[strategy.lift]\nkind = "RandomReLU"\nwidth = 64\n',
    )
    strategy = find_recipe(str(tmp_path / "lifted.toml"), {}).strategy

    assert isinstance(strategy, Ridge)
    assert strategy.lift is not None
    assert strategy.lift.build(32).out == 64

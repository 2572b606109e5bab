"""The page of strategies has a row for every one that a recipe can name."""

from pathlib import Path
from typing import get_args

from carina.learning import StrategyConfig

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "strategies.md"


def test_every_strategy_has_a_row() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    listed = {line.split("`")[1] for line in lines if line.startswith("| `")}

    assert listed == {kind.__name__ for kind in get_args(StrategyConfig)}

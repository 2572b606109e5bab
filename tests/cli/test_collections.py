"""Data sets joined, from the command line: looked over, encoded and learned as one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from carina.phantoms import write_phantoms

Carina = Callable[..., tuple[int, str, str]]
RECIPE = """name = "two"
encoders = ["toy-image"]
text_encoder = ""
folds = 2
draws = 100
[strategy]
kind = "Ridge"
[plan]
kind = "BySite"
sites = ["old", "new"]
"""


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """Two hospitals without a column of sites, and the collection of them."""
    parts = ""
    for name, seed in (("old", 2), ("new", 3)):
        for _ in write_phantoms(tmp_path / name, patients=24, seed=seed, size=64):
            pass
        mapping = tmp_path / name / "mapping.toml"
        text = mapping.read_text().replace('"phantoms"', f'"{name}"', 1)
        mapping.write_text(text.replace('site = "site"\n', ""))
        parts += f'[parts.{name}]\ndata = "{name}"\n'
    (tmp_path / "both.toml").write_text(parts)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path / "both.toml"


def test_a_collection_is_checked_encoded_and_learned_as_one(
    both: Path, carina: Carina, tmp_path: Path
) -> None:
    status, out, _ = carina("check", both, "--json")
    report = json.loads(out)
    assert status == 0
    assert report["source"] == "old+new"

    assert carina("encode", both, "--encoder", "toy-image", "--store", tmp_path / "store")[0] == 0
    places = ("--data", both, "--store", tmp_path / "store", "--out", tmp_path / "out")
    status, out, _ = carina("run", tmp_path / "recipe.toml", *places, "--json")
    results = json.loads(out)

    assert status == 0
    assert [step["name"] for step in results["experiences"]] == ["old", "new"]
    assert results["source"] == "old+new"


def test_what_two_collections_share_is_told(both: Path, carina: Carina) -> None:
    status, out, _ = carina("check", both.parent / "old", "--against", both, "--json")
    topics = {remark["topic"] for remark in json.loads(out)["remarks"]}

    assert status == 0
    assert {"shared-names", "shared-images"} <= topics

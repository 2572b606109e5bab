"""The benchmark of heat maps, small: a few drawn films, out of fold and on test."""

import sys
from pathlib import Path

import numpy as np
import pytest

from carina.phantoms import write_phantoms
from carina.studies import Manifest, read_folder

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import pointing
from benchmarks.pointing import ALL, boxed, pointed, table


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Manifest, Path]:
    monkeypatch.setattr(pointing, "ENCODER", "toy-image")
    list(write_phantoms(tmp_path / "data", patients=60, seed=3, size=64, masks=True))
    return read_folder(tmp_path / "data"), tmp_path / "data" / "masks"


def test_hits_stand_beside_chance_and_a_point_that_looks_at_no_film(
    films: tuple[Manifest, Path], tmp_path: Path
) -> None:
    folds = pointed("drawn", *films, tmp_path, test=False)
    test = pointed("drawn", *films, tmp_path, test=True)

    assert folds[0].finding == test[0].finding == ALL
    assert folds[0].films == sum(one.films for one in folds[1:]) > test[0].films > 0
    assert folds[0].blind.value is not None
    assert folds[0].chance.value is not None
    assert folds[0].blind.value > folds[0].chance.value  # places are not thrown
    for one in folds[:1]:
        assert one.over_blind.value == pytest.approx(
            (one.hits.value or 0.0) - (one.blind.value or 0.0)
        )
    rows = table(folds)
    assert all(
        (f"| {one.finding} |" in "\n".join(rows)) == (one.films >= pointing.FEWEST) for one in folds
    )


def test_each_part_of_a_lesion_is_a_box_and_specks_are_none() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[2:8, 2] = mask[7, 2:12] = True  # an L, 15 pixels and the corner
    mask[2, 3] = True
    mask[15, 15] = True
    boxes = boxed(mask)

    assert boxes[2:8, 2:12].all()
    assert boxes.sum() == 60

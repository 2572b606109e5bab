"""Rows of a pool say what the same rows of an array say, wherever the pool lies."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from carina.core import UnreadableFile
from carina.features import FeatureRows, pool_of

TABLE = torch.arange(70.0).view(14, 5)
PLACES = torch.tensor([9, 0, 13, 4, 4])


def blocks(table: Tensor = TABLE, size: int = 4) -> Iterator[Tensor]:
    return iter(torch.split(table, size))


def on_disk(pool: Tensor) -> bool:
    return pool.untyped_storage().filename is not None


@pytest.fixture(params=["memory", "disk"])
def pool(request: pytest.FixtureRequest, tmp_path: Path) -> Tensor:
    return pool_of(blocks(), len(TABLE), tmp_path if request.param == "disk" else None)


def test_all_take_only_and_blocks_are_indexing(pool: Tensor) -> None:
    rows = FeatureRows(pool=pool, places=PLACES)
    picked, mask = torch.tensor([3, 1, 1]), torch.tensor([True, False, True, False, True])

    assert (len(rows), rows.dim) == (5, 5)
    assert rows.all().equal(TABLE[PLACES])
    assert rows.take(picked).equal(TABLE[PLACES][picked])
    assert rows.take(mask).equal(TABLE[PLACES][mask])
    assert rows.only(picked).all().equal(TABLE[PLACES][picked])
    assert rows.only(mask).take(picked - 1).equal(TABLE[PLACES][mask][picked - 1])
    assert [len(block) for block in rows.blocks(2)] == [2, 2, 1]
    assert torch.cat(list(rows.blocks(2))).equal(TABLE[PLACES])


def test_without_places_rows_are_the_whole_pool(pool: Tensor) -> None:
    rows = FeatureRows(pool=pool)

    assert rows.all().data_ptr() == pool.data_ptr()
    assert rows.take(PLACES).equal(TABLE[PLACES])
    assert rows.only(PLACES).all().equal(TABLE[PLACES])
    assert torch.cat(list(rows.blocks(4))).equal(TABLE)


def test_no_rows_keep_their_width(pool: Tensor, tmp_path: Path) -> None:
    none = FeatureRows(pool=pool).only(torch.arange(0))

    assert none.all().shape == (0, 5)
    assert [block.shape for block in none.blocks(4)] == [(0, 5)]
    assert none.through(lambda some: some[:, :2]).all().shape == (0, 2)
    assert pool_of(iter([TABLE[:0]]), 0, tmp_path).shape == (0, 5)
    assert not list(tmp_path.iterdir())


def test_what_is_made_of_rows_lies_where_they_lie(pool: Tensor) -> None:
    many = FeatureRows(pool=pool, places=torch.arange(10_000) % len(TABLE))
    seen = []

    def doubled(some: Tensor) -> Tensor:
        seen.append(len(some))
        return 2 * some[:, :3].double()

    made = many.through(doubled)

    assert made.all().equal(2 * many.all()[:, :3].double())
    assert len(seen) > 1
    assert sum(seen) == len(many)
    assert on_disk(made.pool) == on_disk(pool)


def test_a_pool_on_disk_has_no_name_there(tmp_path: Path) -> None:
    pool = pool_of(blocks(), len(TABLE), tmp_path / "new" / "folder")

    assert on_disk(pool)
    assert pool.equal(TABLE)
    assert not list((tmp_path / "new" / "folder").iterdir())


def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)

    with pytest.raises(UnreadableFile, match=r"280 bytes .* No space left on device"):
        pool_of(blocks(), len(TABLE), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()

    with pytest.raises(UnreadableFile, match="name another folder"):
        pool_of(blocks(), len(TABLE), tmp_path / "taken")


GROWING = """
import sys
from pathlib import Path
import torch
from carina.core import UnreadableFile
from carina.features import FeatureRows, pool_of
def anonymous():
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if "RssAnon" in x]
    return int(line.split()[1]) * 1024
torch.set_num_threads(1)
block = torch.ones(4096, 512)
torch.arange(9).sum(), block.sum()
before = anonymous()
rows = FeatureRows(pool=pool_of((block for _ in range(16)), 16 * 4096, Path(sys.argv[1])))
for part in rows.through(lambda some: 2 * some).blocks(1024):
    assert float(part[0, 0]) == 2
print(anonymous() - before, rows.pool.nbytes)
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="RssAnon is of Linux")
def test_a_pool_on_disk_takes_no_memory(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GROWING, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MALLOC_TRIM_THRESHOLD_": "0"},
    )
    grown, pool = map(int, done.stdout.split())

    assert grown < pool / 4  # two blocks at most, where two pools were made

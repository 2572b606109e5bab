"""What a kill, a crowd or a full disk leaves behind. POSIX only: signals, fork, file limits."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from carina.core import PARTIAL, digest_image, generator
from carina.features import Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only: signals and fork")

_KILLS = int(os.environ.get("CARINA_KILLS", "20"))  # `make kills` asks for 1,000


@dataclass(frozen=True)
class Victims:
    """Child processes that encode and can be killed."""

    process: "subprocess.Popen[str]"
    films: Path

    def start(self, *stores: Path, linger: float = 0.0, largest_file: int = 0) -> list[int]:
        orders = [
            {
                "films": str(self.films),
                "store": str(store),
                "linger": linger,
                "largest_file": largest_file,
            }
            for store in stores
        ]
        return self._answer(json.dumps(orders))

    def ended(self) -> list[int]:
        return self._answer("")

    def encode(self, *stores: Path, linger: float = 0.0, largest_file: int = 0) -> list[int]:
        self.start(*stores, linger=linger, largest_file=largest_file)
        return self.ended()

    def _answer(self, line: str) -> list[int]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer: list[int] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def victims(
    tmp_path_factory: pytest.TempPathFactory, draw_films: Callable[[Path, int], Path]
) -> Iterator[Victims]:
    films = draw_films(tmp_path_factory.mktemp("kills") / "films", 200)
    (films / "Smith-0050b.png").write_bytes((films / "Smith-0003.png").read_bytes())
    (films / "Smith-0100b.png").write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    script = Path(__file__).with_name("victim.py")
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        yield Victims(process=process, films=films)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def undisturbed(victims: Victims, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("undisturbed") / "store"
    assert victims.encode(store) == [0]
    return store


def _segments(store: Path) -> dict[str, bytes]:
    """Every byte below the encoders' folders, by its place."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file() and path.relative_to(store).parts[0] != "ledgers"
    }


def _owners(store: Path) -> int:
    return len(set(Store(store).owner_ledger.pairs()))


def _every_visible_segment_is_whole(store: Store) -> bool:
    return all(not checked.faults for checked in store.verify(full=True))


def test_kills_at_random_moments_end_in_the_same_bytes(
    victims: Victims, undisturbed: Path, tmp_path: Path
) -> None:
    seed = int(os.environ.get("CARINA_SEED", secrets.randbelow(2**32)))
    sys.stdout.write(f"seed of the moments: {seed}\n")
    moments = generator(seed, "kills")
    wanted = _segments(undisturbed)
    linger = 0.004
    began = time.monotonic()
    assert victims.encode(tmp_path / "timed", linger=linger) == [0]
    whole = time.monotonic() - began

    kills, survived = 0, 0
    while kills < _KILLS:
        folder = tmp_path / f"store-{survived}"
        (child,) = victims.start(folder, linger=linger)
        time.sleep(moments.uniform(0, 0.6 * whole))
        os.kill(child, signal.SIGKILL)
        (code,) = victims.ended()
        if code == 0:  # it had ended before: what several kills left is whole
            assert _segments(folder) == wanted
            survived += 1
            continue
        assert code == -signal.SIGKILL
        kills += 1
        if folder.is_dir():
            assert _every_visible_segment_is_whole(Store(folder))
            assert {
                place: data for place, data in _segments(folder).items() if PARTIAL not in place
            }.items() <= wanted.items()
    folder = tmp_path / f"store-{survived}"
    assert victims.encode(folder) == [0]
    assert _segments(folder) == wanted
    assert _owners(folder) == _owners(undisturbed)
    sys.stdout.write(f"{kills} kills, {survived + 1} stores whole in the same bytes\n")


def test_two_processes_that_encode_into_one_store_end_in_the_same_bytes(
    victims: Victims, undisturbed: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"

    assert victims.encode(store, store, store, linger=0.001) == [0, 0, 0]

    assert _segments(store) == _segments(undisturbed)
    assert _owners(store) == _owners(undisturbed)


def test_one_of_two_processes_killed_spoils_nothing_for_the_other(
    victims: Victims, undisturbed: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    first, _ = victims.start(store, store, linger=0.002)
    while not list(store.glob("*/*/made_by.json")):
        time.sleep(0.001)
    os.kill(first, signal.SIGKILL)

    assert victims.ended() == [-signal.SIGKILL, 0]

    assert victims.encode(store) == [0]
    assert _segments(store) == _segments(undisturbed)


@pytest.mark.parametrize("largest_file", [1, 100, 1_000, 1_100])
def test_a_disk_with_no_room_is_told_and_the_next_go_ends_in_the_same_bytes(
    largest_file: int, victims: Victims, undisturbed: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"

    (code,) = victims.encode(store, largest_file=largest_file)

    assert code == 3
    assert not list(tmp_path.rglob(f"{PARTIAL}*"))
    assert not list(store.glob("*/*/made_by.json")) or _every_visible_segment_is_whole(Store(store))
    assert victims.encode(store) == [0]
    assert _segments(store) == _segments(undisturbed)


def test_the_table_after_kills_is_that_of_one_go(
    victims: Victims, undisturbed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    for pause in (0.05, 0.1, 0.15):
        (child,) = victims.start(folder, linger=0.002)
        time.sleep(pause)
        os.kill(child, signal.SIGKILL)
        victims.ended()
    assert victims.encode(folder) == [0]
    digests = [
        digest_image(path.read_bytes()) for path in sorted(victims.films.glob("Smith-0???.png"))
    ]
    store, one_go = Store(folder), Store(undisturbed)

    with (
        store.table(store.card("toy-image"), digests) as after,
        one_go.table(one_go.card("toy-image"), digests) as before,
    ):
        np.testing.assert_array_equal(after.pooled().numpy(), before.pooled().numpy())

"""Damaged files of every form: none crashes, hangs, or takes the machine's memory. Linux only."""

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only: limits and /proc")

CASES = os.environ.get("CARINA_FUZZ_CASES", "2000")
HERE = Path(__file__).parent


def run(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, timeout=540
    )
    return done.returncode, done.stdout + done.stderr


def test_every_damaged_file_is_read_or_refused_with_a_reason() -> None:
    code, said = run(str(HERE / "campaign.py"), "--cases", CASES)

    sys.stdout.write(said)
    assert code == 0, said


def test_the_same_seed_damages_the_same_way() -> None:
    first, again = (
        run(str(HERE / "campaign.py"), "--cases", "60", "--seed", "5")[1] for _ in range(2)
    )

    def told(said: str) -> list[str]:
        return [line for line in said.splitlines() if "refused" in line or "read" in line]

    assert told(first) == told(again)
    assert told(first)


def limited(tmp_path: Path, form: str, name: str, data: bytes) -> str:
    """What the worker, under its limit, says of one file."""
    (tmp_path / name).write_bytes(data)
    done = subprocess.run(
        [sys.executable, str(HERE / "worker.py")],
        input=f'["{form}", "{tmp_path / name}"]\n',
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[1]


def test_a_picture_of_the_largest_size_stays_under_the_limit(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (6000, 6000), (9, 99, 199, 128)).save(file, "PNG", compress_level=1)

    assert '"outcome": "read"' in limited(tmp_path, "png", "film.png", file.getvalue())


def test_a_picture_one_row_larger_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("L", (6000, 6001)).save(file, "PNG", compress_level=1)

    assert "Too large" in limited(tmp_path, "png", "film.png", file.getvalue())


@pytest.mark.parametrize("inside", [b"a" * 2**20, b"a,b\n1,2\n" * 2**17], ids=["cell", "cells"])
def test_a_small_gzip_with_a_huge_table_is_refused(tmp_path: Path, inside: bytes) -> None:
    (tmp_path / "mapping.toml").write_text(
        'table = "labels.csv.gz"\n[columns]\nimage = "a"\npatient = "b"\n'
    )
    bomb = b"".join([gzip.compress(inside, mtime=0)] * 600)

    said = limited(tmp_path, "csv", "labels.csv.gz", bomb)

    assert '"outcome": "refused"' in said
    assert "unpacks to more than" in said or "cells" in said


def test_every_seed_is_read_before_it_is_damaged(tmp_path: Path) -> None:
    """Else the readers would refuse everything for a reason of the seed's own."""
    sys.path.insert(0, str(HERE.parents[1]))
    from tests.fuzz.seeds import seeds

    for number, one in enumerate(seeds()):
        folder = tmp_path / str(number)
        (folder / one.name).parent.mkdir(parents=True)
        for name, data in one.beside.items():
            (folder / name).write_bytes(data)

        said = limited(folder, one.form, one.name, one.data)

        assert '"outcome": "read"' in said, (one.form, one.label, said)

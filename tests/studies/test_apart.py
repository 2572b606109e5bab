"""A decoder that may crash does so alone."""

import sys
from collections.abc import Callable
from pathlib import Path

import gdcm
import numpy as np
import psutil
import pytest
from pydicom import Dataset

from carina.core import UnreadableFile
from carina.studies import apart
from carina.studies.apart import decode_apart

STORED = np.arange(480, dtype=np.uint16).reshape(24, 20)
LOSSLESS = gdcm.TransferSyntax.JPEGLosslessProcess14_1


@pytest.fixture
def lossless(
    dataset: Callable[..., Dataset], recompressed: Callable[[Dataset, int], bytes]
) -> bytes:
    return recompressed(dataset(STORED), LOSSLESS)


def decoders() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [child for child in children if "carina.studies.decoder_process" in child.cmdline()]


def test_stored_values_come_back_from_one_process_for_all_files(lossless: bytes) -> None:
    assert np.array_equal(decode_apart(lossless), STORED)
    before = decoders()

    assert np.array_equal(decode_apart(lossless), STORED)
    assert decoders() == before
    assert len(before) == 1


def test_what_it_refuses_does_not_disturb_what_follows(lossless: bytes) -> None:
    with pytest.raises(UnreadableFile, match="refused"):
        decode_apart(b"no DICOM")

    assert np.array_equal(decode_apart(lossless), STORED)


def test_a_killed_decoder_is_started_again(lossless: bytes) -> None:
    decode_apart(lossless)
    (decoder,) = decoders()
    decoder.kill()
    decoder.wait()

    assert np.array_equal(decode_apart(lossless), STORED)


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    """Let the decoder's place be taken by something else (POSIX)."""
    script = folder / "decoder"
    script.write_text(f"#!{sys.executable}\n{does}\n")
    script.chmod(0o755)
    monkeypatch.setattr(apart, "_DECODER", apart._Decoder())
    monkeypatch.setattr(sys, "executable", str(script))


@pytest.mark.parametrize("does", ["import sys; sys.exit(1)", "print('nonsense')"])
def test_a_crash_is_a_reason_and_no_crash_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    stand_in(tmp_path, monkeypatch, does)

    with pytest.raises(UnreadableFile, match="crashed"):
        decode_apart(b"whatever")


def test_a_decoder_that_does_not_come_back_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr(apart, "_PATIENCE_S", 0.5)

    with pytest.raises(UnreadableFile, match="crashed"):
        decode_apart(b"whatever")

"""Benchmarks of films and prediction, small: the same answers; no time is judged."""

import sys
from pathlib import Path

import numpy as np
import pytest

from carina.encoders import prepare

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import encode_files, predict, stages
from benchmarks.measured import Benchmark
from tests.benchmarks.reached import small

FORMS = ("512 px JPEG", "3000 x 2500 16-bit DICOM")
REACHES: dict[Benchmark, dict[str, float | None]] = {
    encode_files.measured: {
        f"encode_files, {form}{what}": reach
        for form in FORMS
        for what, reach in (
            ("", 1.11),
            (", by onnxruntime", 1.11),
            (", digested too", None),
            (", one by one", None),
            (", work", None),
        )
    },
    predict.measured: {"predict_warm": 1.25, "predict_cold": 1.0},
}


@pytest.mark.parametrize("benchmark", REACHES, ids=lambda one: one.__module__.split(".")[-1])
def test_both_sides_of_it_give_the_same_answer_and_it_says_what_is_wanted(
    benchmark: Benchmark,
) -> None:
    found = small(benchmark, REACHES[benchmark])

    assert all(one.sizes and one.notes for one in found)


def test_a_decoder_that_prepares_something_else_is_told_no_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bare = encode_files._bare_jpeg
    monkeypatch.setattr(encode_files, "_bare_jpeg", lambda path: np.flip(bare(path), axis=1))

    with pytest.raises(AssertionError, match="decoders differ"):
        list(encode_files.measured(small=True, data=None))


def test_scores_of_another_film_are_told_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "prepare", lambda grey, spec: prepare(grey[::-1], spec))

    with pytest.raises(AssertionError, match="scores differ"):
        list(predict.measured(small=True, data=None))


def test_the_parts_of_a_film_are_timed_and_drawn(tmp_path: Path) -> None:
    found = stages.measured(small=True)
    stages.drawn(found, tmp_path / "speed.png")

    *encoded, answered = found.values()
    assert {"read and digest", "decode", "prepare", "encode", stages.REST} == set(encoded[0])
    assert set(answered) - set(encoded[0]) == {"inspect"}
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")

"""Scores on disk."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from carina.core import InvalidValue, UnreadableFile
from carina.evaluation import Part, Scores, read_scores, write_scores
from carina.studies import LabelSpace


def same(first: Scores | Part, second: Scores | Part) -> None:
    for field in fields(first):
        one, other = getattr(first, field.name), getattr(second, field.name)
        if isinstance(one, Part):
            same(one, other)
        elif isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype
        elif field.name != "why_undefined":  # reasons stand in results.json
            assert one == other


def test_tables_come_back_as_they_went(scores: Scores, tmp_path: Path) -> None:
    other = replace(
        scores.limited_to(np.arange(60) % 3 > 0),
        part=replace(scores.part, unseen=None).taken(np.flatnonzero(np.arange(60) % 3)),
    )
    other = replace(other, part=replace(other.part, name="out-of-fold"))
    write_scores(tmp_path / "scores.parquet", scores, other)
    read = read_scores(tmp_path / "scores.parquet", scores.experiences, scores.space)

    assert list(read) == ["test", "out-of-fold"]
    same(read["test"], scores)
    same(read["out-of-fold"], other)
    assert [path.name for path in tmp_path.iterdir()] == ["scores.parquet"]


def test_some_films_keep_their_answers(scores: Scores) -> None:
    assert scores.part.unseen is not None
    few = scores.limited_to(scores.part.unseen)

    assert few.part.images == scores.part.images[:20]
    np.testing.assert_array_equal(few.difference, scores.difference[:, :20])
    np.testing.assert_array_equal(few.part.target, scores.part.target[:20])


def test_a_table_of_other_steps_is_refused(scores: Scores, tmp_path: Path) -> None:
    write_scores(tmp_path / "scores.parquet", scores)

    with pytest.raises(UnreadableFile, match="does not hold 7 steps of 3 findings"):
        read_scores(tmp_path / "scores.parquet", tuple("abcdef"), scores.space)


def test_scores_are_of_every_step_film_and_finding(scores: Scores) -> None:
    with pytest.raises(InvalidValue, match=r"\(4, 60, 3\), wanted \(4, 60, 2\)"):
        replace(scores, space=LabelSpace(names=("Edema", "Hernia")))

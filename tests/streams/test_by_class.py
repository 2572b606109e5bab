"""Class-incremental: one finding after another."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import ConfigError, InvalidValue, LabelSpaceError, UnknownName
from carina.streams import ByClass, ClassRows, Ground, Incomplete, Labelled, lay_out

Draw = Callable[[int], tuple[Labelled, Ground]]
quick = settings(max_examples=20, deadline=None)


@quick
@given(seed=st.integers(0, 2**20), variant=st.sampled_from(ClassRows))
def test_each_finding_has_one_experience_and_is_alone_in_it(
    drawn: Draw, seed: int, variant: ClassRows
) -> None:
    _, ground = drawn(seed)
    experiences = lay_out(ByClass(variant=variant), ground).experiences

    assert [experience.visible for experience in experiences] == [
        (name,) for name in ground.space.names
    ]


def test_by_default_every_experience_has_all_rows(drawn: Draw) -> None:
    _, ground = drawn(0)

    for experience in lay_out(ByClass(), ground).experiences:
        assert np.array_equal(experience.rows, ground.rows)
        assert np.array_equal(experience.validation, ground.validation)


@quick
@given(seed=st.integers(0, 2**20))
def test_chunks_are_equal_contiguous_and_cover_all_rows(drawn: Draw, seed: int) -> None:
    _, ground = drawn(seed)
    stream = lay_out(ByClass(variant=ClassRows.CONTIGUOUS_CHUNKS), ground)
    rows = [experience.rows for experience in stream.experiences]
    held = [experience.validation for experience in stream.experiences]

    assert np.array_equal(np.concatenate(rows), ground.rows)
    assert np.array_equal(np.concatenate(held), ground.validation)
    assert max(map(len, rows)) - min(map(len, rows)) <= 1


@quick
@given(seed=st.integers(0, 2**20))
def test_positives_only_has_just_the_rows_that_show_the_finding(drawn: Draw, seed: int) -> None:
    _, ground = drawn(seed)
    stream = lay_out(ByClass(variant=ClassRows.POSITIVES_ONLY), ground)

    for column, experience in enumerate(stream.experiences):
        assert experience.rows.tolist() == [
            row for row in ground.rows if ground.target[row, column]
        ]
        assert any("without" in mark for mark in experience.marks)


def test_findings_come_in_the_order_asked_for_and_some_may_be_left_out(drawn: Draw) -> None:
    _, ground = drawn(0)
    stream = lay_out(ByClass(order=("Edema", "Atelectasis")), ground)

    assert stream.findings == ("Edema", "Atelectasis")


def test_an_order_with_an_unknown_finding_or_one_twice_is_refused(drawn: Draw) -> None:
    _, ground = drawn(0)

    with pytest.raises(UnknownName, match="Did you mean 'Edema'"):
        lay_out(ByClass(order=("Edemas",)), ground)
    with pytest.raises(LabelSpaceError, match="twice: Edema"):
        lay_out(ByClass(order=("Edema", "Edema")), ground)


def without(ground: Ground, *, positives: bool) -> Ground:
    """The ground with Edema never present, or never absent, where it is known."""
    target = ground.target.copy()
    target[:, 1] = ground.known[:, 1] & (not positives)
    return replace(ground, target=target)


@pytest.mark.parametrize("variant", [ClassRows.ALL_ROWS, ClassRows.CONTIGUOUS_CHUNKS])
@pytest.mark.parametrize("positives", [True, False])
def test_an_experience_that_lacks_a_class_is_marked_or_refused(
    drawn: Draw, variant: ClassRows, *, positives: bool
) -> None:
    ground = without(drawn(0)[1], positives=positives)
    stream = lay_out(ByClass(variant=variant), ground)
    what = f"Edema without {'positives' if positives else 'negatives'}"

    assert what in stream.experiences[1].marks
    with pytest.raises(InvalidValue, match=r"lack a class .*incomplete = 'mark'"):
        lay_out(ByClass(variant=variant, incomplete=Incomplete.REFUSE), ground)


def test_a_finding_nobody_spoke_of_is_marked_so(drawn: Draw) -> None:
    _, ground = drawn(0)
    blank = replace(ground, known=np.zeros_like(ground.known), target=np.zeros_like(ground.target))

    assert lay_out(ByClass(), blank).experiences[0].marks == ("Atelectasis without known labels",)


def test_complete_experiences_are_not_refused(drawn: Draw) -> None:
    _, ground = drawn(0)
    known = np.ones_like(ground.known)
    target = np.tile((np.arange(len(known)) % 2 == 0)[:, None], known.shape[1])
    stream = lay_out(
        ByClass(incomplete=Incomplete.REFUSE), replace(ground, known=known, target=target)
    )

    assert all(experience.marks == () for experience in stream.experiences)


def test_positives_only_cannot_refuse_what_it_always_lacks() -> None:
    with pytest.raises(ConfigError, match="never have negatives"):
        ByClass(variant=ClassRows.POSITIVES_ONLY, incomplete=Incomplete.REFUSE)

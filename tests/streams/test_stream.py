"""Streams: what is met when, what is kept of them for folds, and the ground they lie on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import InvalidValue, dump, fingerprint
from carina.streams import (
    ByClass,
    ByData,
    Experience,
    Ground,
    Labelled,
    Stream,
    StreamPlan,
    lay_out,
)
from carina.studies import LabelSpace

Draw = Callable[[int], tuple[Labelled, Ground]]
few = settings(max_examples=5, deadline=None)


def test_growing_never_moves_a_column(full: tuple[Labelled, Ground], every: StreamPlan) -> None:
    stream = lay_out(every, full[1])

    for after, experience in enumerate(stream.experiences):
        before, now = stream.met(after), stream.met(after + 1)
        assert now[: len(before)] == before
        assert set(now) == {*before, *experience.visible}
    assert stream.met(0) == ()
    assert stream.met(len(stream.experiences)) == stream.findings


@few
@given(seed=st.integers(0, 10), share=st.floats(0, 1))
def test_a_limited_stream_keeps_some_rows_in_their_order(
    drawn: Draw, every: StreamPlan, seed: int, share: float
) -> None:
    _, ground = drawn(seed)
    stream = lay_out(every, ground)
    rng = np.random.default_rng(seed)
    kept = rng.permutation(np.flatnonzero(rng.random(len(ground.patients)) < share))
    limited = stream.limited_to(kept)

    assert limited.findings == stream.findings
    for whole, part in zip(stream.experiences, limited.experiences, strict=True):
        assert part.rows.tolist() == [row for row in whole.rows if row in kept]
        assert part.validation.tolist() == [row for row in whole.validation if row in kept]
        assert part.visible == whole.visible
        for all_of, some_of in ((whole.cells, part.cells), (whole.flipped, part.flipped)):
            assert (all_of is None) == (some_of is None)
            if all_of is not None and some_of is not None:
                shown = dict(zip(whole.rows.tolist(), all_of.tolist(), strict=True))
                assert some_of.tolist() == [shown[row] for row in part.rows]
        assert (part.retracts, part.text_only) == (whole.retracts, whole.text_only)
        if whole.validation_cells is not None:
            assert part.validation_cells is not None
            assert len(part.validation_cells) == len(part.validation)


def test_a_limited_stream_has_an_id_of_its_own(drawn: Draw) -> None:
    stream = lay_out(ByClass(), drawn(0)[1])
    some = stream.limited_to(np.array([3, 1]))

    assert some.plan_id != stream.plan_id
    assert some.plan_id == stream.limited_to(np.array([1, 3])).plan_id
    assert some.plan_id != stream.limited_to(np.array([1, 4])).plan_id


def test_what_is_told_of_a_stream_is_plain_and_holds_no_row(drawn: Draw) -> None:
    stream = lay_out(ByData(parts=2), drawn(0)[1])
    told = stream.described()

    assert fingerprint(told)
    assert told["plan_id"] == stream.plan_id
    assert told["experiences"] == [
        {
            "name": experience.name,
            "visible": list(experience.visible),
            "rows": len(experience.rows),
            "validation": len(experience.validation),
            "retracts": False,
            "text_only": False,
            "picked": False,
            "confounding": dump(dict(experience.confounding)),
            "marks": list(experience.marks),
        }
        for experience in stream.experiences
    ]


def test_a_stream_shows_findings_of_its_space_only(drawn: Draw) -> None:
    stream = lay_out(ByClass(), drawn(0)[1])

    with pytest.raises(KeyError, match="No finding named"):
        replace(stream, space=LabelSpace(names=("Edema",)))
    with pytest.raises(InvalidValue, match="one experience or more"):
        replace(stream, experiences=())


def test_a_ground_that_contradicts_itself_is_refused(drawn: Draw) -> None:
    _, ground = drawn(0)
    nothing = np.array([], dtype=np.int64)

    with pytest.raises(InvalidValue, match="target of False"):
        replace(ground, known=np.zeros_like(ground.known), target=np.ones_like(ground.known))
    with pytest.raises(InvalidValue, match="Rows run from 0"):
        replace(ground, rows=np.array([len(ground.patients)]), validation=nothing)
    with pytest.raises(InvalidValue, match="Rows run from 0"):
        replace(ground, rows=np.array([-1]), validation=nothing)
    with pytest.raises(InvalidValue, match="wanted"):
        replace(ground, space=LabelSpace(names=("Edema",)))


def test_a_patient_on_both_sides_is_refused_and_not_named(drawn: Draw) -> None:
    _, ground = drawn(0)
    patients = ground.patients.copy()
    patients[ground.validation[0]] = patients[ground.rows[0]]

    with pytest.raises(InvalidValue, match=r"^1 patient\(s\) stand in both") as caught:
        replace(ground, patients=patients)
    assert str(patients[ground.rows[0]]) not in str(caught.value)


def test_experiences_are_frozen_values(drawn: Draw) -> None:
    first: Experience = lay_out(ByClass(), drawn(0)[1]).experiences[0]
    stream: Stream = lay_out(ByClass(), drawn(0)[1])

    with pytest.raises(AttributeError):
        first.name = "other"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        stream.kind = "other"  # type: ignore[misc]

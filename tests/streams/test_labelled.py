"""A view shows an experience's cells, and nothing of a finding not yet met."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import config

from carina.core import InvalidValue
from carina.streams import (
    AllAtOnce,
    ByClass,
    ByData,
    ByLabel,
    CellMatched,
    ClassRows,
    Experience,
    Ground,
    Labelled,
    LabelRows,
    Stream,
    StreamPlan,
    View,
    lay_out,
    view,
)
from carina.studies import LabelSpace

Draw = Callable[[int], tuple[Labelled, Ground]]
quick = settings(max_examples=20, deadline=None)

PLANS: tuple[StreamPlan, ...] = (
    *(ByClass(variant=variant) for variant in ClassRows),
    *(ByLabel(variant=variant) for variant in LabelRows),
    ByData(parts=3),
    AllAtOnce(),
    CellMatched(of=ByLabel()),
)


def everything(seen: View) -> Iterator[bytes | str]:
    """All a strategy could read of a view, as bytes."""
    yield from (seen.name, repr(seen.labels))
    parts: list[Any] = [seen, *([] if seen.held is None else [seen.held])]
    parts += [] if seen.prompts is None else [seen.prompts]
    for part in parts:
        for field in fields(part):
            value = getattr(part, field.name)
            if isinstance(value, torch.Tensor):
                yield value.numpy().tobytes()


def stream_and_views(
    plan: StreamPlan, labelled: Labelled, ground: Ground
) -> tuple[Stream, list[View]]:
    stream = lay_out(plan, ground)
    return stream, [view(experience, labelled) for experience in stream.experiences]


@quick
@given(seed=st.integers(0, 2**20), plan=st.sampled_from(PLANS), step=st.integers(0, 3))
def test_nothing_of_a_finding_not_yet_met_reaches_a_view(
    drawn: Draw, seed: int, plan: StreamPlan, step: int
) -> None:
    labelled, ground = drawn(seed)
    stream, views = stream_and_views(plan, labelled, ground)
    step = min(step, len(views) - 1)
    met = labelled.space.indices(stream.met(step + 1))
    unmet = np.setdiff1d(np.arange(len(labelled.space)), met)
    known, target = labelled.known.copy(), labelled.target.copy()
    known[:, unmet] = ~known[:, unmet]
    target[:, unmet] = known[:, unmet]
    assert labelled.prompts is not None
    positive = labelled.prompts.positive.clone()
    positive[unmet] += 1
    other = replace(
        labelled,
        known=known,
        target=target,
        prompts=replace(labelled.prompts, positive=positive),
    )
    others = other.ground(rows=ground.rows, validation=ground.validation, digest="other")
    _, changed = stream_and_views(plan, other, others)

    for before, after in zip(views[: step + 1], changed[: step + 1], strict=True):
        assert list(everything(before)) == list(everything(after))


@quick
@given(seed=st.integers(0, 2**20), plan=st.sampled_from(PLANS))
def test_a_view_shows_just_the_cells_of_its_experience(
    drawn: Draw, seed: int, plan: StreamPlan
) -> None:
    labelled, ground = drawn(seed)
    stream, views = stream_and_views(plan, labelled, ground)

    for experience, seen in zip(stream.experiences, views, strict=True):
        assert seen.labels == experience.visible
        assert torch.equal(seen.features, labelled.features[torch.from_numpy(experience.rows)])
        for place, row in enumerate(experience.rows):
            assert seen.patients[place] == labelled.patients[row]
            assert seen.images[place] == labelled.images[row]
            for column, name in enumerate(seen.labels):
                there = experience.cells is None or experience.cells[place, column]
                cell = row, labelled.space.index(name)
                assert seen.known[place, column] == (labelled.known[cell] and there)
                assert seen.target[place, column] == (labelled.target[cell] and there)
        assert (seen.held is None) == (len(experience.validation) == 0)
        if seen.held is not None:
            columns = labelled.space.indices(seen.labels)
            known = labelled.known[experience.validation][:, columns]
            if experience.validation_cells is not None:
                known &= experience.validation_cells
            assert np.array_equal(seen.held.known.numpy(), known)
            assert not (seen.held.target & ~seen.held.known).any()


def test_a_view_carries_the_prompts_of_its_findings(drawn: Draw) -> None:
    labelled, ground = drawn(0)
    last = lay_out(ByClass(order=("Edema", "Atelectasis")), ground).experiences[0]
    seen = view(last, labelled)

    assert seen.prompts is not None
    assert labelled.prompts is not None
    assert seen.prompts.space.names == ("Edema",)
    assert torch.equal(seen.prompts.positive[0], labelled.prompts.positive[1])
    assert view(last, replace(labelled, prompts=None)).prompts is None


def test_writing_to_a_view_leaves_the_table_alone(drawn: Draw) -> None:
    labelled, ground = drawn(0)
    before = labelled.features.clone(), labelled.target.copy(), labelled.known.copy()
    seen = view(lay_out(AllAtOnce(), ground).experiences[0], labelled)
    seen.features.zero_()
    seen.rows.take(torch.arange(3)).zero_()
    seen.target.fill_(1)
    seen.known.fill_(0)

    assert torch.equal(labelled.features, before[0])
    assert np.array_equal(labelled.target, before[1])
    assert np.array_equal(labelled.known, before[2])


def test_an_experience_without_rows_has_an_empty_view(drawn: Draw) -> None:
    labelled, _ = drawn(0)
    nothing = np.array([], dtype=np.int64)
    empty = Experience(name="empty", rows=nothing, visible=("Edema",), validation=nothing)

    assert view(empty, labelled).features.shape == (0, 5)


def test_columns_of_unequal_length_are_refused_where_shapes_go_unchecked(drawn: Draw) -> None:
    labelled, _ = drawn(0)
    config.update("jaxtyping_disable", True)
    try:
        with pytest.raises(InvalidValue, match="one row an image"):
            replace(labelled, features=labelled.features[:-1])
    finally:
        config.update("jaxtyping_disable", False)


def test_a_space_of_other_findings_is_refused(drawn: Draw) -> None:
    labelled, _ = drawn(0)

    with pytest.raises(InvalidValue, match=r"4 and 4 label columns for 1 finding"):
        replace(labelled, space=LabelSpace(names=("Edema",)))

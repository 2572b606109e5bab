"""Plans as values: through JSON and back, each with an id of its own."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import pytest

from carina.core import ConfigError, dump, load
from carina.streams import (
    ByClass,
    ByData,
    Ground,
    Labelled,
    Plan,
    Planned,
    StreamPlan,
    identity,
    lay_out,
)

Draw = Callable[[int], tuple[Labelled, Ground]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where a recipe names a plan."""

    stream: StreamPlan


def test_every_plan_is_tried(all_plans: tuple[StreamPlan, ...]) -> None:
    tried = {type(plan) for plan in all_plans}

    assert tried == set(get_args(StreamPlan)) - {Planned}


def test_a_plan_is_a_plan_and_comes_back_from_json(every: StreamPlan) -> None:
    plain = json.loads(json.dumps(dump(Settings(stream=every))))

    assert isinstance(every, Plan)
    assert load(plain, Settings).stream == every


def test_a_misspelt_variant_names_what_there_is() -> None:
    with pytest.raises(ConfigError, match="same-films"):
        load({"stream": {"kind": "ByLabel", "variant": "old-films"}}, Settings)


def test_every_plan_has_an_id_and_a_name_of_its_own(
    all_plans: tuple[StreamPlan, ...], drawn: Draw
) -> None:
    _, ground = drawn(0)
    ids = [lay_out(plan, ground).plan_id for plan in all_plans]

    assert len(set(ids)) == len(all_plans)
    assert ids == [lay_out(plan, ground).plan_id for plan in all_plans]
    assert len({(plan.kind, plan.variant) for plan in all_plans}) == len(all_plans)


def test_the_id_follows_manifest_rows_and_the_labels_reading(drawn: Draw) -> None:
    _, ground = drawn(0)
    known = ground.known.copy()
    known[ground.rows[0], 0] ^= True
    others = [
        replace(ground, digest="other"),
        replace(ground, rows=ground.rows[1:]),
        replace(ground, validation=ground.validation[1:]),
        replace(ground, known=known, target=ground.target & known),
    ]

    ids = {lay_out(ByClass(), one).plan_id for one in [ground, *others]}
    assert len(ids) == len(others) + 1


def test_codes_of_patients_matter_only_where_they_decide(drawn: Draw) -> None:
    _, ground = drawn(0)
    other = replace(ground, patients=ground.patients // 2 + np.int64(1))

    assert lay_out(ByClass(), ground).plan_id == lay_out(ByClass(), other).plan_id
    assert lay_out(ByData(), ground).plan_id != lay_out(ByData(), other).plan_id


def test_a_stream_carries_its_plan(drawn: Draw, every: StreamPlan) -> None:
    stream = lay_out(every, drawn(0)[1])

    assert (stream.kind, stream.variant) == (every.kind, every.variant)
    assert load({"stream": dict(stream.plan)}, Settings).stream == every
    assert identity(every) == dict(stream.plan)

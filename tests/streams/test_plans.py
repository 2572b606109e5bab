"""Plans as values: through JSON and back, each with an id of its own."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pytest

from carina.core import ConfigError, dump, load
from carina.streams import (
    AllAtOnce,
    ByClass,
    ByData,
    ByLabel,
    CellMatched,
    ClassRows,
    DataOrder,
    Ground,
    Labelled,
    LabelRows,
    StreamPlan,
    lay_out,
)

Draw = Callable[[int], tuple[Labelled, Ground]]
EVERY: tuple[StreamPlan, ...] = (
    *(ByClass(variant=variant) for variant in ClassRows),
    ByClass(order=("Edema", "Atelectasis")),
    *(ByLabel(variant=variant) for variant in LabelRows),
    *(ByData(parts=parts, arrangement=order) for parts in (2, 3) for order in DataOrder),
    ByData(parts=2, seed=1),
    AllAtOnce(),
    CellMatched(of=ByClass()),
    CellMatched(of=ByLabel()),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where a recipe names a plan."""

    stream: StreamPlan


@pytest.mark.parametrize("plan", EVERY)
def test_a_plan_comes_back_from_json(plan: StreamPlan) -> None:
    plain = json.loads(json.dumps(dump(Settings(stream=plan))))

    assert load(plain, Settings).stream == plan


def test_a_misspelt_variant_names_what_there_is() -> None:
    with pytest.raises(ConfigError, match="same-films"):
        load({"stream": {"kind": "ByLabel", "variant": "old-films"}}, Settings)


def test_every_plan_has_an_id_of_its_own(drawn: Draw) -> None:
    _, ground = drawn(0)
    ids = [lay_out(plan, ground).plan_id for plan in EVERY]

    assert len(set(ids)) == len(EVERY)
    assert ids == [lay_out(plan, ground).plan_id for plan in EVERY]


def test_streams_of_two_variants_can_be_told_apart() -> None:
    names = [(plan.kind, plan.variant) for plan in EVERY if plan not in (EVERY[3], EVERY[-4])]

    assert all(one != other for one, other in combinations(names, 2))


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


@pytest.mark.parametrize("plan", EVERY)
def test_a_stream_carries_its_plan(drawn: Draw, plan: StreamPlan) -> None:
    stream = lay_out(plan, drawn(0)[1])

    assert (stream.kind, stream.variant) == (plan.kind, plan.variant)
    assert load({"stream": dict(stream.plan)}, Settings).stream == plan

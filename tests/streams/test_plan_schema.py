"""plan.json keeps its published form."""

import json
from collections.abc import Callable
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from carina.core import to_json
from carina.streams import (
    SCHEMA_VERSION,
    AllAtOnce,
    ByClass,
    ByData,
    ByLabel,
    CellMatched,
    ClassRows,
    DataOrder,
    Ground,
    Incomplete,
    Labelled,
    LabelRows,
    StreamPlan,
    lay_out,
)

Draw = Callable[[int], tuple[Labelled, Ground]]
SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "plan.schema.json"
EVERY: tuple[StreamPlan, ...] = (
    *(ByClass(variant=variant) for variant in ClassRows),
    ByClass(order=("Edema", "Atelectasis")),
    *(ByLabel(variant=variant) for variant in LabelRows),
    *(ByData(parts=2, arrangement=arrangement) for arrangement in DataOrder),
    AllAtOnce(),
    *(CellMatched(of=plan) for plan in (ByClass(), ByLabel(), ByData(parts=2, seed=3))),
)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(SCHEMA.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def written(plan: StreamPlan, drawn: Draw) -> dict[str, Any]:
    """What ``plan.json`` holds for a plan."""
    text = to_json(lay_out(plan, drawn(0)[1]).described())
    return json.loads(text)  # type: ignore[no-any-return]


def test_the_schema_is_one(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("plan", EVERY)
def test_every_plan_has_the_published_form(
    plan: StreamPlan, schema: dict[str, Any], drawn: Draw
) -> None:
    Draft202012Validator(schema).validate(written(plan, drawn))


def test_the_schema_names_every_plan_and_every_field(schema: dict[str, Any], drawn: Draw) -> None:
    plans = {plan.__name__: plan for plan in get_args(StreamPlan)}

    assert set(schema["$defs"]) == {"experience", *plans}
    for name, plan in plans.items():
        form, names = schema["$defs"][name], {"kind", *(field.name for field in fields(plan))}
        assert set(form["properties"]) == set(form["required"]) == names
        assert form["additionalProperties"] is False
    told = written(ByClass(), drawn)
    for form, said in ((schema, told), (schema["$defs"]["experience"], told["experiences"][0])):
        assert set(form["properties"]) == set(form["required"]) == set(said)
        assert form["additionalProperties"] is False


@pytest.mark.parametrize(
    ("plan", "field", "members"),
    [
        ("ByClass", "variant", ClassRows),
        ("ByClass", "incomplete", Incomplete),
        ("ByLabel", "variant", LabelRows),
        ("ByData", "arrangement", DataOrder),
    ],
)
def test_the_schema_names_every_variant(
    plan: str, field: str, members: type[StrEnum], schema: dict[str, Any]
) -> None:
    assert schema["$defs"][plan]["properties"][field]["enum"] == [one.value for one in members]


def test_the_schema_names_the_version(schema: dict[str, Any]) -> None:
    assert schema["properties"]["schema_version"]["const"] == SCHEMA_VERSION


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema_version",), 2),
        (("unknown",), 1),
        (("kind",), "by-label"),
        (("variant",), "hashed-patients"),
        (("plan_id",), "short"),
        (("plan", "kind"), "AllAtOnce"),
        (("plan", "parts"), 0),
        (("plan", "unknown"), 1),
        (("findings",), []),
        (("experiences", 0, "rows"), -1),
        (("experiences", 0, "rows"), [3, 5]),
        (("experiences", 0, "patients"), ["a patient"]),
    ],
)
def test_what_is_no_plan_is_refused(
    place: tuple[str | int, ...], value: Any, schema: dict[str, Any], drawn: Draw
) -> None:
    plain = written(ByData(parts=2), drawn)
    inner: Any = plain
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value

    assert not Draft202012Validator(schema).is_valid(plain)

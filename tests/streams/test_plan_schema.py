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
    ByClass,
    ByData,
    ClassRows,
    DataOrder,
    Ground,
    Incomplete,
    Labelled,
    LabelRows,
    Planned,
    StreamPlan,
    Task,
    TaskRows,
    lay_out,
    written,
)

Draw = Callable[[int], tuple[Labelled, Ground]]
SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "plan.schema.json"
PARTS = {"experience", "inputs", "estimate", "task"}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(SCHEMA.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def plain_of(plan: StreamPlan, drawn: Draw) -> dict[str, Any]:
    """What ``plan.json`` holds for a plan."""
    _, ground = drawn(0)
    text = to_json(written(lay_out(plan, ground), ground))
    return json.loads(text)  # type: ignore[no-any-return]


def test_the_schema_is_one(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


def test_every_plan_has_the_published_form(
    every: StreamPlan, schema: dict[str, Any], drawn: Draw
) -> None:
    Draft202012Validator(schema).validate(plain_of(every, drawn))


def test_the_schema_names_every_plan_and_every_field(schema: dict[str, Any], drawn: Draw) -> None:
    plans = {plan.__name__: plan for plan in get_args(StreamPlan) if plan is not Planned}

    assert set(schema["$defs"]) == {*PARTS, *plans}
    for name, plan in plans.items():
        form, names = schema["$defs"][name], {"kind", *(field.name for field in fields(plan))}
        assert set(form["properties"]) == set(form["required"]) == names
        assert form["additionalProperties"] is False
    told = plain_of(ByClass(), drawn)
    first = told["experiences"][0]
    for form, said in (
        (schema, told),
        (schema["$defs"]["experience"], first),
        (schema["$defs"]["inputs"], told["inputs"]),
        (schema["$defs"]["estimate"], next(iter(first["confounding"].values()))),
        (schema["$defs"]["task"], {field.name for field in fields(Task)}),
    ):
        assert set(form["properties"]) == set(form["required"]) == set(said)
        assert form["additionalProperties"] is False


@pytest.mark.parametrize(
    ("plan", "field", "members"),
    [
        ("ByClass", "variant", ClassRows),
        ("ByClass", "incomplete", Incomplete),
        ("ByLabel", "variant", LabelRows),
        ("ByData", "arrangement", DataOrder),
        ("NewInstancesAndClasses", "variant", TaskRows),
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
        (("schema_version",), 1),
        (("unknown",), 1),
        (("kind",), "by-label"),
        (("variant",), "hashed-patients"),
        (("plan_id",), "short"),
        (("plan", "kind"), "AllAtOnce"),
        (("plan", "parts"), 0),
        (("plan", "unknown"), 1),
        (("findings",), []),
        (("films", 0), "film-7.png"),
        (("inputs", "manifest"), "another"),
        (("experiences", 0, "rows"), -1),
        (("experiences", 0, "films"), [3, 5]),
        (("experiences", 0, "cells"), "not base64!"),
        (("experiences", 0, "patients"), ["a patient"]),
    ],
)
def test_what_is_no_plan_is_refused(
    place: tuple[str | int, ...], value: Any, schema: dict[str, Any], drawn: Draw
) -> None:
    plain = plain_of(ByData(parts=2), drawn)
    inner: Any = plain
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value

    assert not Draft202012Validator(schema).is_valid(plain)

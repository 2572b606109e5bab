"""Reading is strict, tells every fault at once with its place, and undoes writing."""

import json
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import (
    ConfigError,
    InvalidValue,
    MissingFile,
    UnreadableFile,
    dump,
    load,
    read_json,
    read_toml,
    to_json,
    write_json,
)


class Policy(Enum):
    """What to do with an uncertain label."""

    ABSENT = "absent"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """One way to adapt."""

    rank: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Mlp:
    """Another way to adapt."""

    width: int = 256
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.dropout < 1:
            raise InvalidValue(f"A dropout lies in [0, 1); got {self.dropout}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A recipe in small."""

    name: str
    adaptor: Linear | Mlp = field(default_factory=Linear)
    spare: Mlp | None = None
    policy: Policy = Policy.ABSENT
    rates: tuple[float, ...] = ()
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """A table in a table."""

    run: Run


runs = st.builds(
    Run,
    name=st.text(max_size=5),
    adaptor=st.builds(Linear, rank=st.integers()) | st.builds(Mlp, dropout=st.floats(0, 0.9)),
    spare=st.none() | st.builds(Mlp, width=st.integers()),
    policy=st.sampled_from(Policy),
    rates=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(tuple),
    shared=st.booleans(),
)


def faults(plain: Any) -> list[str]:
    """The faults of a plain run, one line each."""
    with pytest.raises(ConfigError) as caught:
        load(plain, Run, what="run.toml")
    first, *rest = str(caught.value).splitlines()
    assert first == f"run.toml has {len(rest)} fault(s):"
    return [line.strip() for line in rest]


@settings(max_examples=60, deadline=None)
@given(runs)
def test_what_is_written_is_read_again(run: Run) -> None:
    assert load(json.loads(to_json(run)), Run) == run


def test_a_member_of_a_union_carries_its_kind() -> None:
    plain = dump(Run(name="a", adaptor=Mlp(width=3)))

    assert plain["adaptor"] == {"kind": "Mlp", "width": 3, "dropout": 0.0}
    assert plain["policy"] == "absent"


def test_defaults_may_be_left_out_and_a_whole_number_is_a_float() -> None:
    run = load({"name": "a", "rates": [1, 2.5]}, Run)

    assert run == Run(name="a", rates=(1.0, 2.5))
    assert isinstance(run.rates[0], float)


def test_a_misspelt_key_names_its_neighbour() -> None:
    (fault,) = faults({"name": "a", "polcy": "absent"})

    assert fault.startswith("top: no key 'polcy'. Did you mean 'policy'? Known: name, adaptor")


def test_a_misspelt_key_below_is_told_with_its_place() -> None:
    (fault,) = faults({"name": "a", "adaptor": {"kind": "Mlp", "widht": 3}})

    assert fault == "adaptor: no key 'widht'. Did you mean 'width'? Known: width, dropout"


def test_a_missing_key_is_named() -> None:
    assert faults({}) == ["name: the key 'name' is missing"]


def test_a_misspelt_kind_names_its_neighbour() -> None:
    (fault,) = faults({"name": "a", "adaptor": {"kind": "Liner"}})

    assert fault == "adaptor: no kind 'Liner' here. Did you mean 'Linear'? Known: Linear, Mlp"


def test_all_faults_are_told_at_once_each_with_its_place() -> None:
    told = faults(
        {
            "name": 7,
            "polcy": "absent",
            "adaptor": {"kind": "Mlp", "width": "256", "dropout": True},
            "rates": [0.1, "0.2"],
            "shared": 1,
        }
    )

    assert sorted(line.split(":")[0] for line in told) == [
        "adaptor.dropout",
        "adaptor.width",
        "name",
        "rates[1]",
        "shared",
        "top",
    ]
    assert "adaptor.width: wanted int, got '256' (str)" in told


@pytest.mark.parametrize("wrong", ["3", True, 2.7, 3.0, None])
def test_a_number_is_taken_as_it_is(wrong: object) -> None:
    (fault,) = faults({"name": "a", "adaptor": {"kind": "Linear", "rank": wrong}})

    assert fault.startswith("adaptor.rank: wanted int, got ")


def test_a_fault_found_by_the_value_itself_is_told() -> None:
    assert faults({"name": "a", "adaptor": {"kind": "Mlp", "dropout": 2.0}}) == [
        "adaptor: A dropout lies in [0, 1); got 2.0."
    ]


@pytest.mark.parametrize(
    ("wrong", "place"), [({"policy": "absnt"}, "policy"), ({"adaptor": 3}, "adaptor")]
)
def test_what_is_no_member_is_told_with_its_place(wrong: dict[str, object], place: str) -> None:
    (fault,) = faults({"name": "a", **wrong})

    assert fault.startswith(f"{place}: ")


def test_json_has_sorted_keys_a_line_end_and_no_nan() -> None:
    text = to_json({"b": 1, "a": "é"})

    assert text == '{\n "a": "é",\n "b": 1\n}\n'
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json({"a": float("nan")})


def test_files_are_written_and_read(tmp_path: Path) -> None:
    run = Run(name="a", spare=Mlp())
    write_json(tmp_path / "deep" / "run.json", run)
    (tmp_path / "run.toml").write_text('name = "a"\n[spare]\nkind = "Mlp"\n', encoding="utf-8")

    assert read_json(tmp_path / "deep" / "run.json", Run) == run
    assert read_toml(tmp_path / "run.toml", Run) == run


@pytest.mark.parametrize(("read", "form"), [(read_json, "JSON"), (read_toml, "TOML")])
def test_files_that_are_not_there_or_broken_are_told_apart(
    tmp_path: Path, read: Any, form: str
) -> None:
    path = tmp_path / "broken"
    with pytest.raises(MissingFile, match="no file"):
        read(path, Run)

    for content in (b'{"name"', b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(UnreadableFile, match=f"broken is no {form}"):
            read(path, Run)


def test_a_file_is_named_in_its_faults(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"nam": "a"}', encoding="utf-8")

    with pytest.raises(ConfigError, match=r"run.json has 2 fault\(s\)"):
        read_json(tmp_path / "run.json", Run)


def test_a_misspelt_member_of_an_enum_names_its_neighbour() -> None:
    (fault,) = faults({"name": "a", "policy": "absnt"})

    assert fault == "policy: no 'absnt' here. Did you mean 'absent'? Known: absent, dropped"


def test_a_text_is_no_list_of_letters() -> None:
    (fault,) = faults({"name": "a", "rates": "12"})

    assert fault == "rates: wanted a list, got '12' (str)"


def test_what_should_be_a_table_of_keys_and_is_not_is_told() -> None:
    with pytest.raises(ConfigError, match="top: wanted a table of keys, got list"):
        load(["name"], Run)
    with pytest.raises(ConfigError, match="run: wanted a table of keys, got str"):
        load({"run": "name"}, Outer)


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"is a folder; wanted a file of TOML"):
        read_toml(tmp_path, Run)

"""A fingerprint changes when, and only when, the value does."""

from dataclasses import dataclass, make_dataclass, replace
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import (
    InvalidValue,
    digest_arrays,
    digest_bytes,
    digest_file,
    digest_image,
    fingerprint,
    later,
    salted,
)

quick = settings(max_examples=50, deadline=None)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


class Side(Enum):
    """A kind of value with a name."""

    LEFT = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A small config."""

    rank: int = 4
    sides: tuple[Side, ...] = (Side.LEFT,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """The same fields under another name."""

    rank: int = 4
    sides: tuple[Side, ...] = (Side.LEFT,)


@quick
@given(plain)
def test_a_value_has_one_fingerprint_of_twenty_digits(value: object) -> None:
    name = fingerprint(value)

    assert name == fingerprint(value)
    assert len(name) == 20
    assert int(name, 16) >= 0


@quick
@given(st.dictionaries(st.text(max_size=3), st.integers(), min_size=2, max_size=5))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert fingerprint(dict(reversed(value.items()))) == fingerprint(value)


@quick
@given(st.lists(st.integers(), max_size=4), st.lists(st.integers(), max_size=4))
def test_lists_share_a_fingerprint_only_where_equal(one: list[int], other: list[int]) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (one == other)


def test_every_field_and_the_kind_count() -> None:
    base = Settings()
    others = [replace(base, rank=5), replace(base, sides=()), Others()]

    assert len({fingerprint(each) for each in [base, *others]}) == 4
    assert fingerprint(Settings(rank=4)) == fingerprint(base)


def test_a_field_that_came_later_counts_once_it_says_something_new() -> None:
    before = make_dataclass("Same", [("rank", int, 4)])
    since = make_dataclass(
        "Same", [("rank", int, 4), ("side", Side, later(Side.LEFT)), ("cut", float, later(0.5))]
    )

    assert fingerprint(since()) == fingerprint(before())
    assert len({fingerprint(each) for each in (since(), since(cut=0.1), since(rank=5))}) == 3


def test_numbers_and_their_texts_are_told_apart() -> None:
    assert len({fingerprint(each) for each in (1, 1.0, "1", True, None, [1])}) == 6


def test_a_pair_is_a_list_and_an_enum_its_value() -> None:
    assert fingerprint((1, 2)) == fingerprint([1, 2])
    assert fingerprint(Side.LEFT) == fingerprint("left")


@pytest.mark.parametrize(
    "thing", [Path("a"), np.zeros(2), {1: 2}, {1, 2}, b"a", float("nan"), [float("inf")], Settings]
)
def test_what_is_not_plain_has_no_fingerprint(thing: object) -> None:
    with pytest.raises(InvalidValue):
        fingerprint(thing)


@quick
@given(st.binary(max_size=200))
def test_a_file_is_named_by_its_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("digest") / "file"
    path.write_bytes(data)

    assert digest_file(path) == digest_bytes(data)
    assert digest_bytes(data) != digest_bytes(data + b"\0")


def test_an_image_is_named_by_blake3() -> None:
    """The vectors its authors publish, cut to forty digits."""
    assert digest_image(b"") == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9"
    assert digest_image(b"abc") == "6437b3ac38465133ffb63b75273a8db548c55846"


def test_a_file_longer_than_a_chunk_is_read_to_the_end(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(data)

    assert digest_file(tmp_path / "file") == digest_bytes(data)


def test_arrays_are_named_by_name_type_shape_and_bytes() -> None:
    base = np.arange(6, dtype=np.int32)
    variants: list[dict[str, np.ndarray]] = [
        {"a": base},
        {"b": base},
        {"a": base.astype(np.uint32)},
        {"a": base.reshape(2, 3)},
        {"a": base[::-1]},
        {"a": base, "b": np.empty(0)},
        {},
    ]

    assert len({digest_arrays(each) for each in variants}) == len(variants)


def test_neither_order_nor_layout_changes_the_name_of_arrays() -> None:
    one, two = np.arange(6.0).reshape(2, 3), np.arange(3)

    swapped = {"two": two, "one": np.asfortranarray(one)}
    assert digest_arrays(swapped) == digest_arrays({"one": one, "two": two})


@quick
@given(st.text(max_size=8))
def test_a_salted_number_depends_on_text_and_salt_and_fits_an_int64(text: str) -> None:
    number = salted(text, "salt")

    assert 0 <= number < 2**63
    assert number == salted(text, "salt")
    assert number != salted(text, "pepper")
    assert number != salted(text + "x", "salt")


def test_a_salt_may_be_of_any_length() -> None:
    assert salted("patient", "s" * 1000) != salted("patient", "s" * 1001)

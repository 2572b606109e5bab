"""The lineage of a reader: what it says, and that nobody edits it unseen."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.bundles import Began, Digests, Forgot, Lineage, Locked, Opened, RolledBack, Updated
from carina.core import UnreadableFile


def digests(name: str) -> Digests:
    return Digests(bundle=name, files=f"files of {name}")


def updated(update: int, parent: int, version: int | None) -> Updated:
    return Updated(
        update=update,
        outcome="passed" if version else "failed",
        parent=parent,
        version=version,
        digests=digests(f"bundle-{version}") if version else None,
        data=f"data-{update}",
        films=20,
        patients=12,
        dossier=f"dossier-{update}",
    )


def lineage(*events: object) -> Lineage:
    found = Lineage().grown(Began(digests=digests("bundle-1"), films=100, patients=80))
    for event in events:
        found = found.grown(event)  # type: ignore[arg-type]
    return found


LONG = lineage(
    Locked(locked="set", films=30, patients=25),
    Opened(locked="set", update=1),
    updated(1, 1, 2),
    Opened(locked="set", update=2),
    updated(2, 2, None),
    RolledBack(version=1),
    Opened(locked="set", update=3),
    updated(3, 1, 3),
    Forgot(patient="00ff", freed={"1": digests("freed")}, removed=(2,)),
)


def test_written_and_read_it_is_the_same() -> None:
    assert Lineage.parsed(LONG.text) == LONG


def test_it_knows_what_is_in_service_and_what_is_kept() -> None:
    assert LONG.serving == 3
    assert {number: one.digests.bundle for number, one in LONG.versions.items()} == {
        1: "freed",
        3: "bundle-3",
    }
    assert LONG.parents == {1: None, 2: 1, 3: 1}
    assert LONG.descent(3) == (3, 1)
    assert LONG.descent(2) == (2, 1)
    assert LONG.updates == 3
    assert LONG.forgotten == {"00ff"}


def test_every_opening_of_the_locked_set_counts() -> None:
    assert LONG.locked == Locked(locked="set", films=30, patients=25)
    assert LONG.uses("set") == 3
    assert LONG.uses("other") == 0
    assert lineage().locked is None


@given(place=st.integers(0, len(LONG.text.encode()) - 1), byte=st.integers(0, 255))
def test_a_changed_byte_is_told(place: int, byte: int) -> None:
    data = bytearray(LONG.text.encode())
    same = data[place] == byte
    data[place] = byte
    try:
        found = Lineage.parsed(data.decode())
    except (UnreadableFile, UnicodeDecodeError):
        assert not same
    else:
        assert same
        assert found == LONG


@given(order=st.permutations(range(len(LONG.entries))), left_out=st.booleans())
def test_lines_moved_or_taken_from_between_others_are_told(
    order: Sequence[int], left_out: bool
) -> None:
    lines = LONG.text.splitlines(keepends=True)
    kept = sorted(order[1:]) if left_out else list(order)
    text = "".join(lines[at] for at in kept)
    if kept == list(range(len(kept))):  # the end alone may be cut off
        assert Lineage.parsed(text).entries == LONG.entries[: len(kept)]
    else:
        with pytest.raises(UnreadableFile, match="not as it was written"):
            Lineage.parsed(text)


@pytest.mark.parametrize("text", ["", "\n", "{}\n", LONG.text[:-1], LONG.text + "\n"])
def test_what_is_no_lineage_is_told(text: str) -> None:
    with pytest.raises(UnreadableFile, match="damaged or was edited"):
        Lineage.parsed(text)


def test_the_same_line_after_another_is_another_line() -> None:
    twice = lineage(Opened(locked="set", update=1), Opened(locked="set", update=1))

    assert twice.entries[1].digest != twice.entries[2].digest

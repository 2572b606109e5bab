"""Lines many processes append to, and a kill may tear."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from carina.features.ledger import Ledger

_WORDS = st.text(st.characters(exclude_characters="\t\n\r", exclude_categories=["Cs"]), min_size=1)
_PAIRS = st.lists(st.tuples(_WORDS, _WORDS), max_size=6)


@given(first=_PAIRS, second=_PAIRS)
@settings(deadline=None, max_examples=25)
def test_what_was_appended_is_read_back_in_order(
    first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    with TemporaryDirectory() as folder:
        ledger = Ledger(path=Path(folder) / "pairs.tsv")
        ledger.append(first)
        ledger.append(second, flush=True)

        assert list(ledger.pairs()) == first + second


@given(cut=st.integers(1, 40))
@settings(deadline=None, max_examples=25)
def test_a_torn_line_is_passed_over_and_spoils_no_other(cut: int) -> None:
    with TemporaryDirectory() as folder:
        ledger = Ledger(path=Path(folder) / "pairs.tsv")
        ledger.append([("one", "1")])
        whole = ledger.path.read_bytes()
        ledger.append([("two", "a value of some length that is cut")])
        ledger.path.write_bytes(ledger.path.read_bytes()[: len(whole) + cut])
        ledger.append([("three", "3")])

        assert list(ledger.pairs()) == [("one", "1"), ("three", "3")]


def test_a_line_with_a_flipped_byte_is_passed_over(tmp_path: Path) -> None:
    ledger = Ledger(path=tmp_path / "pairs.tsv")
    ledger.append([("one", "1"), ("two", "2")])
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b"two\t2", b"two\t3"))

    assert list(ledger.pairs()) == [("one", "1")]


def test_a_ledger_nobody_wrote_to_is_empty(tmp_path: Path) -> None:
    ledger = Ledger(path=tmp_path / "pairs.tsv")
    ledger.append([])

    assert list(ledger.pairs()) == []
    assert not ledger.path.exists()

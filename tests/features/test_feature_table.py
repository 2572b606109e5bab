"""Tables over mapped segments."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float

from carina.core import InvalidValue, Mismatch, digest_bytes, generator
from carina.encoders import EncoderCard, ImageEncoder
from carina.features import FeatureTable, Store
from carina.features.segment import write_segment

_IMAGES = 37
_DIGESTS = tuple(digest_bytes(str(number).encode()) for number in range(_IMAGES))


def _numbers(card: EncoderCard) -> Float[np.ndarray, "images dim"]:
    return generator(2, card.weights).standard_normal((_IMAGES, card.dim)).astype(np.float32)


@pytest.fixture(scope="module")
def cards(toy: ImageEncoder) -> tuple[EncoderCard, EncoderCard]:
    other = replace(toy.card, name="toy-narrow", dim=5, weights="0" * 40)
    return toy.card, other


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, cards: tuple[EncoderCard, ...]) -> Store:
    """Segments of 7 rows by one encoder and of 10 by the other, in half precision."""
    store = Store(tmp_path_factory.mktemp("tables") / "store")
    for card, rows, dtype in zip(cards, (7, 10), (np.float32, np.float16), strict=True):
        store.admit(card)
        numbers = _numbers(card).astype(dtype)
        for start in range(0, _IMAGES, rows):
            write_segment(
                store.encoder_folder(card),
                card,
                _DIGESTS[start : start + rows],
                {"pooled": numbers[start : start + rows]},
                outputs=("pooled",),
                batch=4,
            )
    return store


@pytest.fixture
def table(store: Store, cards: tuple[EncoderCard, ...]) -> Iterator[FeatureTable]:
    with store.table(cards, _DIGESTS) as table:
        yield table


def _whole(cards: tuple[EncoderCard, ...]) -> Float[np.ndarray, "images dim"]:
    wide, narrow = (_numbers(card) for card in cards)
    return np.concatenate([wide, narrow.astype(np.float16).astype(np.float32)], axis=1)


@given(rows=st.lists(st.integers(0, _IMAGES - 1), max_size=60))
@settings(deadline=None, max_examples=40)
def test_gathering_mapped_rows_equals_indexing_an_array(
    rows: list[int], store: Store, cards: tuple[EncoderCard, ...]
) -> None:
    picked = np.array(rows, dtype=np.int64)
    whole = _whole(cards)

    with store.table(cards, _DIGESTS) as both, store.table(cards[0], _DIGESTS) as one:
        np.testing.assert_array_equal(both.pooled(picked).numpy(), whole[picked])
        np.testing.assert_array_equal(one.pooled(picked).numpy(), whole[picked][:, :32])
        np.testing.assert_array_equal(both.take(picked).pooled().numpy(), whole[picked])


def test_segments_in_half_and_in_single_precision_are_read_alike(
    tmp_path: Path, cards: tuple[EncoderCard, ...]
) -> None:
    card, store = cards[0], Store(tmp_path / "store")
    store.admit(card)
    whole = _numbers(card)
    whole[:20] = whole[:20].astype(np.float16)
    for part, dtype in ((slice(20), np.float16), (slice(20, _IMAGES), np.float32)):
        arrays = {"pooled": whole[part].astype(dtype)}
        folder = store.encoder_folder(card)
        write_segment(folder, card, _DIGESTS[part], arrays, outputs=("pooled",), batch=4)

    with store.table(card, _DIGESTS) as table:
        np.testing.assert_array_equal(table.pooled().numpy(), whole)


def test_a_table_keeps_the_order_it_was_asked_for(
    store: Store, cards: tuple[EncoderCard, ...]
) -> None:
    order = generator(3).permutation(_IMAGES)
    with store.table(cards, [_DIGESTS[row] for row in order]) as table:
        np.testing.assert_array_equal(table.pooled().numpy(), _whole(cards)[order])


def test_encoders_side_by_side_keep_their_columns(
    table: FeatureTable, cards: tuple[EncoderCard, ...]
) -> None:
    assert table.dim == 37
    assert table.cards == cards
    assert [(block.card.name, block.columns, block.width) for block in table.blocks] == [
        ("toy-image", slice(0, 32), 32),
        ("toy-narrow", slice(32, 37), 5),
    ]


@pytest.mark.parametrize("rows", [[-1], [_IMAGES]])
def test_rows_that_are_not_there_are_refused(table: FeatureTable, rows: list[int]) -> None:
    with pytest.raises(InvalidValue, match="Rows lie in 0 to 36"):
        table.pooled(np.array(rows))


def test_missing_images_are_counted_and_the_next_step_is_named(
    store: Store, cards: tuple[EncoderCard, ...]
) -> None:
    strangers = (digest_bytes(b"a"), digest_bytes(b"b"))
    with pytest.raises(Mismatch, match=r"2 of 39 images .*carina encode DATA --encoder toy-image"):
        store.table(cards, _DIGESTS + strangers)


def test_a_table_of_no_images_has_no_rows(store: Store, cards: tuple[EncoderCard, ...]) -> None:
    with store.table(cards, ()) as table:
        assert table.pooled().shape == (0, 37)


def test_a_table_of_no_encoders_is_refused(store: Store) -> None:
    with pytest.raises(InvalidValue, match="at least one encoder"):
        store.table((), _DIGESTS)


def test_a_closed_table_says_so_and_what_was_gathered_stays(table: FeatureTable) -> None:
    gathered = table.pooled(np.array([3, 1]))
    before = gathered.clone()
    table.close()

    with pytest.raises(InvalidValue, match="was closed"):
        table.pooled()
    assert gathered.equal(before)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Linux only: /proc/self/maps")
def test_closing_a_table_lets_go_of_its_files(store: Store, cards: tuple[EncoderCard, ...]) -> None:
    maps = Path("/proc/self/maps")
    with store.table(cards, _DIGESTS) as table:
        table.pooled()
        assert str(store.root) in maps.read_text()

    assert str(store.root) not in maps.read_text()


def test_tokens_come_back_row_by_row(
    tmp_path: Path,
    films: Path,
    toy: ImageEncoder,
    read_films: Callable[..., object],
    encode_films: Callable[..., object],
) -> None:
    store = Store(tmp_path / "store")
    last = encode_films(read_films(films), toy, store, outputs=("pooled", "tokens"))
    digests = [digest for digest in last.digests if digest]  # type: ignore[attr-defined]

    with store.table(toy.card, digests, outputs=("pooled", "tokens")) as table:
        backwards = np.arange(len(digests))[::-1].copy()
        tokens = table.tokens(backwards)

        assert tokens.shape == (len(digests), 16, 32)
        assert table.tokens(np.array([0])).equal(tokens[-1:])
        assert table.tokens(np.array([], dtype=np.int64)).shape == (0, 0, 32)


def test_tokens_nobody_opened_or_of_two_encoders_are_refused(
    table: FeatureTable, store: Store, cards: tuple[EncoderCard, ...]
) -> None:
    with pytest.raises(Mismatch, match="open a table for each"):
        table.tokens(np.array([0]))
    with (
        store.table(cards[0], _DIGESTS) as one,
        pytest.raises(Mismatch, match='outputs=\\("pooled", "tokens"\\)'),
    ):
        one.tokens(np.array([0]))

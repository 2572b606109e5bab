"""What a store holds, and what it says where it does not hold what was asked."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from carina.core import PARTIAL, Mismatch, MissingFile, UnknownName, UnreadableFile
from carina.encoders import ImageEncoder
from carina.features import EncodedAll, Store
from carina.studies import Manifest

ReadFilms = Callable[[Path], Manifest]
EncodeFilms = Callable[..., EncodedAll]


@pytest.fixture
def encoded(
    tmp_path: Path,
    films: Path,
    toy: ImageEncoder,
    read_films: ReadFilms,
    encode_films: EncodeFilms,
) -> Store:
    store = Store(tmp_path / "store")
    encode_films(read_films(films), toy, store)
    return store


def test_an_encoder_is_found_by_its_name(encoded: Store, toy: ImageEncoder) -> None:
    assert encoded.encoders() == (toy.card,)
    assert encoded.card("toy-image") == toy.card


def test_an_unknown_encoder_is_answered_with_its_neighbour(encoded: Store) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'toy-image'"):
        encoded.card("toy-imgae")


def test_no_store_is_answered_with_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"no store 'nowhere'.* carina encode DATA"):
        Store(tmp_path / "nowhere").encoders()


def test_a_store_from_other_weights_says_so(encoded: Store, toy: ImageEncoder) -> None:
    other = replace(toy.card, weights="f" * 40)

    with pytest.raises(Mismatch, match="from other weights") as caught:
        encoded.table(other, ())
    assert toy.card.fingerprint in str(caught.value)
    assert other.fingerprint in str(caught.value)


def test_a_table_by_an_encoder_nobody_used_names_those_there_are(
    encoded: Store, toy: ImageEncoder
) -> None:
    with pytest.raises(UnknownName, match="Known: toy-image"):
        encoded.table(replace(toy.card, name="efficientnet-lite0"), ())


def test_two_encoders_of_one_name_are_told_apart(encoded: Store, toy: ImageEncoder) -> None:
    other = replace(toy.card, weights="f" * 40)
    encoded.admit(other)

    with pytest.raises(Mismatch, match="has 2 encoders named 'toy-image'") as caught:
        encoded.card("toy-image")
    assert toy.card.fingerprint in str(caught.value)
    assert other.fingerprint in str(caught.value)


def test_what_is_said_of_an_encoder_may_change_without_a_second_place(
    encoded: Store, toy: ImageEncoder
) -> None:
    better = replace(toy.card, citation="Somebody, 2026")
    encoded.admit(better)

    assert encoded.encoders() == (better,)


def test_holdings_count_images_and_bytes(encoded: Store, toy: ImageEncoder) -> None:
    (held,) = encoded.holdings()
    stored = [*encoded.root.glob("*/*/*.npy"), *encoded.root.glob("*/*/rows.parquet")]

    assert (held.card, held.segments, held.images) == (toy.card, 3, 20)
    assert held.bytes == sum(path.stat().st_size for path in stored)
    assert encoded.bytes > held.bytes


def test_a_sound_store_has_no_faults(encoded: Store) -> None:
    checked = list(encoded.verify())

    assert len(checked) == 3
    assert not any(one.faults for one in checked)


@pytest.mark.parametrize("name", ["pooled.npy", "rows.parquet"])
def test_verify_finds_a_flipped_byte(name: str, encoded: Store) -> None:
    path = sorted(encoded.root.glob(f"*/*/{name}"))[1]
    data = bytearray(path.read_bytes())
    data[-1 if name == "pooled.npy" else 30] ^= 1
    path.write_bytes(bytes(data))

    faulty = [one for one in encoded.verify(full=True) if one.faults]

    assert [one.segment for one in faulty] == [path.parent.name]


def test_verify_finds_a_segment_under_anothers_name(encoded: Store, toy: ImageEncoder) -> None:
    first, *_ = sorted(encoded.segment_folders(toy.card))
    first.rename(first.with_name("0" * 20))

    (faulty,) = [one for one in encoded.verify(full=True) if one.faults]

    assert faulty.segment == "0" * 20
    assert not any(one.faults for one in encoded.verify(full=False))


def test_a_damaged_segment_is_refused_with_the_next_step(encoded: Store, toy: ImageEncoder) -> None:
    path = min(encoded.root.glob("*/*/pooled.npy"))
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(UnreadableFile, match=r"is damaged: pooled.npy has .* encode again"):
        encoded.segments(toy.card)
    path.unlink()
    with pytest.raises(UnreadableFile, match=r"pooled.npy is missing"):
        encoded.segments(toy.card)
    (path.parent / "made_by.json").write_text("{")
    with pytest.raises(UnreadableFile, match=r"made_by.json or rows.parquet cannot be read"):
        encoded.segments(toy.card)
    assert [len(one.faults) for one in encoded.verify(full=False)].count(1) == 1


def test_a_salt_is_made_once_and_its_loss_is_told(tmp_path: Path) -> None:
    first, second = Store(tmp_path / "store"), Store(tmp_path / "store")
    assert first.salt == second.salt
    assert Store(tmp_path / "another").salt != first.salt

    (tmp_path / "store" / "ledgers" / "salt.json").write_text("{}")
    with pytest.raises(UnreadableFile, match=r"salt.json of the store is damaged"):
        _ = first.salt


def test_pruning_takes_leftovers_and_nothing_else(encoded: Store, toy: ImageEncoder) -> None:
    before = sorted(encoded.root.rglob("*"))
    for parent in (encoded.root, encoded.encoder_folder(toy.card)):
        (parent / f"{PARTIAL}left").mkdir()
        (parent / f"{PARTIAL}left" / "pooled.npy").write_bytes(b"half")
    assert len(encoded.segments(toy.card)) == 3  # leftovers are never taken for segments

    assert encoded.prune(older_than=0.0) == 2
    assert sorted(encoded.root.rglob("*")) == before

"""Features of a file, in the store as if they had been computed."""

from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from carina.core import InvalidValue, Mismatch
from carina.encoders import ImageEncoder, load_image_encoder
from carina.features import EncodedAll, Store, encode, forget, lookup
from carina.studies import LabelSpace, Manifest

Encode = Callable[..., EncodedAll]
ROWS = 20


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Twenty rows of ten patients, and not one image file."""
    blank = ("",) * ROWS
    return Manifest(
        root=tmp_path / "nowhere",
        image=tuple(f"Smith-{row}.png" for row in range(ROWS)),
        study=blank,
        patient=tuple(f"Smith^{row // 2}" for row in range(ROWS)),
        view=blank,
        sex=blank,
        age=(40.0,) * ROWS,
        site=blank,
        date=blank,
        split=("train",) * ROWS,
        report=blank,
        labels=np.zeros((ROWS, 1), dtype=np.int8),
        space=LabelSpace(names=("Edema",)),
        source="given",
    )


VALUES = np.random.default_rng(0).normal(size=(ROWS, 6)).astype(np.float32)


def given(path: Path, names: tuple[str, ...], values: np.ndarray = VALUES) -> ImageEncoder:
    columns = [pl.Series(f"f{index}", values[:, index]) for index in range(values.shape[1])]
    pl.DataFrame([pl.Series("image", names), *columns]).write_parquet(path)
    return load_image_encoder("embeddings:mine", weights=path)


def read(manifest: Manifest, store: Store) -> np.ndarray:
    """Features of the rows the store knows, in the manifest's order."""
    card = store.card("embeddings:mine")
    digests = [digest for digest in lookup(manifest, store, card) if digest is not None]
    with store.table(card, digests) as table:
        return table.pooled().numpy()


def test_rows_go_where_their_names_are_and_no_image_is_needed(
    manifest: Manifest, encode_films: Encode, tmp_path: Path
) -> None:
    order = np.random.default_rng(1).permutation(ROWS)
    names = tuple(manifest.image[row] for row in order)
    store = Store(tmp_path / "store")

    done = encode_films(manifest, given(tmp_path / "f.parquet", names, VALUES[order]), store)

    assert done.encoded == ROWS
    assert not done.set_aside
    np.testing.assert_array_equal(read(manifest, store), VALUES)
    whole = b"".join(path.read_bytes() for path in store.root.rglob("*") if path.is_file())
    assert b"Smith" not in whole


def test_an_array_stands_in_the_tables_order(
    manifest: Manifest, encode_films: Encode, tmp_path: Path
) -> None:
    np.save(tmp_path / "f.npy", VALUES)
    store = Store(tmp_path / "store")
    encode_films(manifest, load_image_encoder("embeddings:mine", weights=tmp_path / "f.npy"), store)

    np.testing.assert_array_equal(read(manifest, store), VALUES)


def test_a_row_the_file_lacks_is_set_aside_then_and_later(
    manifest: Manifest, encode_films: Encode, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    encoder = given(tmp_path / "f.parquet", manifest.image[:-3], VALUES[:-3])

    done = encode_films(manifest, encoder, store)

    assert [aside.row for aside in done.set_aside] == [ROWS - 3, ROWS - 2, ROWS - 1]
    assert {aside.reason for aside in done.set_aside} == {
        "The file of features has no row for this image."
    }
    assert lookup(manifest, store, encoder.card)[-4:] == (done.digests[-4], None, None, None)
    np.testing.assert_array_equal(read(manifest, store), VALUES[:-3])

    whole = given(tmp_path / "whole.parquet", manifest.image)
    assert not encode_films(manifest, whole, store).set_aside
    np.testing.assert_array_equal(read(manifest, store), VALUES)


def test_the_same_file_again_adds_nothing_and_another_file_counts_from_then_on(
    manifest: Manifest, encode_films: Encode, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    encode_films(manifest, given(tmp_path / "f.parquet", manifest.image), store)
    before = sorted(path.name for path in store.root.rglob("*"))

    again = encode_films(manifest, given(tmp_path / "f.parquet", manifest.image), store)
    assert again.encoded == 0
    assert sorted(path.name for path in store.root.rglob("*")) == before

    encode_films(manifest, given(tmp_path / "g.parquet", manifest.image, -VALUES), store)
    np.testing.assert_array_equal(read(manifest, store), -VALUES)


def test_one_go_and_a_go_that_was_cut_end_in_the_same_bytes(
    manifest: Manifest, tmp_path: Path
) -> None:
    encoder = given(tmp_path / "f.parquet", manifest.image)
    whole, cut = Store(tmp_path / "whole"), Store(tmp_path / "cut")
    for _ in encode(manifest, encoder, whole, rows_per_segment=8):
        pass
    going = encode(manifest, encoder, cut, rows_per_segment=8)
    next(going)
    assert isinstance(going, Generator)
    going.close()
    assert len(cut.segments(encoder.card)) == 1
    for _ in encode(manifest, encoder, cut, rows_per_segment=8):
        pass

    def files(store: Store) -> dict[str, bytes]:
        folder = store.encoder_folder(encoder.card)
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }

    assert files(whole) == files(cut)
    assert len(whole.segments(encoder.card)) == 3
    assert not [fault for checked in cut.verify() for fault in checked.faults]


def test_rows_never_taken_in_are_told_with_the_next_step(
    manifest: Manifest, encode_films: Encode, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    encoder = given(tmp_path / "f.parquet", manifest.image)
    encode_films(manifest.take(np.arange(5)), encoder, store)

    with pytest.raises(Mismatch, match=r"15 of 20 images .* carina encode DATA --encoder embed"):
        lookup(manifest, store, encoder.card)


def test_a_patient_who_is_forgotten_stays_out(
    manifest: Manifest, encode_films: Encode, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    encoder = given(tmp_path / "f.parquet", manifest.image)
    encode_films(manifest, encoder, store)

    assert forget(store, "Smith^2").rows == 2
    again = encode_films(manifest, encoder, store)

    assert [aside.row for aside in again.set_aside] == [4, 5]
    assert again.encoded == 0
    assert lookup(manifest, store, encoder.card)[4:6] == (None, None)
    np.testing.assert_array_equal(read(manifest, store), np.delete(VALUES, [4, 5], axis=0))


def test_they_stand_beside_no_other_encoder_and_have_no_tokens(
    manifest: Manifest, toy: ImageEncoder, encode_films: Encode, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    encoder = given(tmp_path / "f.parquet", manifest.image)
    encode_films(manifest, encoder, store)
    encode_films(manifest, toy, store)

    with pytest.raises(Mismatch, match="they stand beside no other encoder's: toy-image, embed"):
        lookup(manifest, store, (toy.card, encoder.card))
    with pytest.raises(Mismatch, match="pooled features alone; asked for pooled, tokens"):
        encode_films(manifest, encoder, store, outputs=("pooled", "tokens"))
    with pytest.raises(InvalidValue, match="at least one row"):
        encode_films(manifest, encoder, store, rows_per_segment=0)

"""A patient who is forgotten: gone from every byte, kept out, and nobody else touched."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from carina.core import InvalidValue, MissingFile, UnknownName, UnreadableFile
from carina.encoders import ImageEncoder
from carina.features import EncodedAll, Store, encode, forget, lookup
from carina.studies import Manifest, joined

Encode = Callable[..., EncodedAll]

SALT = '{\n "salt": "0123456789abcdef0123456789abcdef"\n}\n'
PATIENT = "Smith^2"  # rows 4 and 5: films 3 and 4 of 21, of which one is alike another's


@pytest.fixture
def manifest(films: Path, read_films: Callable[[Path], Manifest]) -> Manifest:
    return read_films(films)


def store_at(folder: Path) -> Store:
    """A store whose salt is known, so that two of them can be compared byte by byte."""
    (folder / "ledgers").mkdir(parents=True)
    (folder / "ledgers" / "salt.json").write_text(SALT)
    return Store(folder)


def rows_of(manifest: Manifest, patient: str) -> list[int]:
    return [row for row, whose in enumerate(manifest.patient) if whose == patient]


def held(store: Store) -> dict[str, np.ndarray]:
    """Digest to features."""
    found: dict[str, np.ndarray] = {}
    for segment in store.segments(store.card("toy-image")):
        found |= dict(zip(segment.images, segment.array("pooled"), strict=True))
    return found


def test_the_rows_are_gone_and_all_others_have_the_same_bits(
    manifest: Manifest, toy: ImageEncoder, encode_films: Encode, tmp_path: Path
) -> None:
    store = store_at(tmp_path / "store")
    done = encode_films(manifest, toy, store)
    before = held(store)
    theirs = {done.digests[row] for row in rows_of(manifest, PATIENT)}

    gone = forget(store, PATIENT)

    after = held(store)
    assert gone.images == gone.rows == len(theirs) == 2
    assert not gone.before
    assert before.keys() - after.keys() == theirs
    for digest, features in after.items():
        np.testing.assert_array_equal(features, before[digest])
    assert all(not checked.faults for checked in store.verify(full=True))


def test_tokens_stay_with_their_images(
    manifest: Manifest, toy: ImageEncoder, encode_films: Encode, tmp_path: Path
) -> None:
    store = store_at(tmp_path / "store")
    done = encode_films(manifest, toy, store, outputs=("pooled", "tokens"))
    gone = {done.digests[row] for row in rows_of(manifest, PATIENT)}
    left = list(dict.fromkeys(d for d in done.digests if d is not None and d not in gone))
    with store.table(toy.card, left, outputs=("pooled", "tokens")) as table:
        before = table.tokens(np.arange(len(left)))

    forget(store, PATIENT)

    with store.table(toy.card, left, outputs=("pooled", "tokens")) as table:
        after = table.tokens(np.arange(len(left)))
    assert torch.equal(before, after)


def test_no_byte_of_the_store_holds_their_digests_afterwards(
    manifest: Manifest, toy: ImageEncoder, encode_films: Encode, tmp_path: Path
) -> None:
    store = store_at(tmp_path / "store")
    done = encode_films(manifest, toy, store)
    theirs = [str(done.digests[row]).encode() for row in rows_of(manifest, PATIENT)]
    assert any(theirs[0] in path.read_bytes() for path in store.root.rglob("*.tsv"))

    forget(store, PATIENT)

    files = [path.read_bytes() for path in store.root.rglob("*") if path.is_file()]
    assert not [digest for digest in theirs for data in files if digest in data]
    assert not [data for data in files if PATIENT.encode() in data]


def test_a_later_encode_sets_their_rows_aside_and_a_lookup_passes_over_them(
    manifest: Manifest, toy: ImageEncoder, encode_films: Encode, tmp_path: Path
) -> None:
    store = store_at(tmp_path / "store")
    encode_films(manifest, toy, store)
    forget(store, PATIENT)

    again = encode_films(manifest, toy, store)

    theirs = rows_of(manifest, PATIENT)
    aside = {one.row: one.reason for one in again.set_aside}
    assert all("forgotten" in aside[row] for row in theirs)
    assert [again.digests[row] for row in theirs] == [None, None]
    assert lookup(manifest, store, toy.card) == again.digests


def test_an_image_of_two_patients_goes_with_the_one_and_comes_back_for_the_other(
    manifest: Manifest, toy: ImageEncoder, encode_films: Encode, tmp_path: Path
) -> None:
    store = store_at(tmp_path / "store")
    done = encode_films(manifest, toy, store)
    alike = next(
        row for row, digest in enumerate(done.digests) if digest and done.digests.count(digest) == 2
    )
    one = manifest.patient[alike]
    (other_row,) = (
        row for row, d in enumerate(done.digests) if d == done.digests[alike] and row != alike
    )
    assert manifest.patient[other_row] != one

    gone = forget(store, one)
    assert gone.shared == 1
    assert done.digests[alike] not in held(store)

    assert encode_films(manifest, toy, store).digests[other_row] == done.digests[alike]


def test_forgetting_twice_is_forgetting_once(
    manifest: Manifest, toy: ImageEncoder, encode_films: Encode, tmp_path: Path
) -> None:
    store = store_at(tmp_path / "store")
    encode_films(manifest, toy, store)
    forget(store, PATIENT)
    bytes_before = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}

    again = forget(store, PATIENT)

    assert (again.before, again.rows, again.segments) == (True, 0, 0)
    assert bytes_before == {p: p.read_bytes() for p in store.root.rglob("*") if p.is_file()}


def test_a_stop_at_any_rename_and_the_same_call_again_end_the_same(
    manifest: Manifest, toy: ImageEncoder, encode_films: Encode, tmp_path: Path
) -> None:
    undisturbed = store_at(tmp_path / "undisturbed")
    encode_films(manifest, toy, undisturbed)
    forget(undisturbed, PATIENT)
    wanted = held(undisturbed)
    rename, stops = os.rename, 0
    while True:
        store = store_at(tmp_path / str(stops))
        encode_films(manifest, toy, store)
        allowed = iter(range(stops))

        def stopping(source: Any, target: Any, *, allowed: Any = allowed) -> None:
            if next(allowed, None) is None:
                raise KeyboardInterrupt
            rename(source, target)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(os, "rename", stopping)
            patched.setattr(os, "replace", partial(stopping))
            try:
                forget(store, PATIENT)
                break
            except KeyboardInterrupt:
                stops += 1
        forget(store, PATIENT)
        assert store.prune(older_than=0.0) == 0
        found = held(store)
        assert found.keys() == wanted.keys()
    assert stops >= 4


def test_a_patient_nobody_knows_is_an_error_that_does_not_repeat_the_name(
    manifest: Manifest, toy: ImageEncoder, encode_films: Encode, tmp_path: Path
) -> None:
    store = store_at(tmp_path / "store")
    encode_films(manifest, toy, store)

    with pytest.raises(UnknownName) as caught:
        forget(store, "Miller^Jane")

    assert "Miller" not in str(caught.value)
    with pytest.raises(InvalidValue, match="blank"):
        forget(store, " ")
    with pytest.raises(MissingFile, match="no store"):
        forget(Store(tmp_path / "nowhere"), PATIENT)


def test_nobody_is_forgotten_while_somebody_encodes(
    manifest: Manifest, toy: ImageEncoder, encode_films: Encode, tmp_path: Path
) -> None:
    store = store_at(tmp_path / "store")
    encode_films(manifest, toy, store)
    running = encode(manifest, toy, store)
    next(running)

    with pytest.raises(UnreadableFile, match="same command again"):
        forget(store, PATIENT)

    running.close()  # type: ignore[attr-defined]
    assert forget(store, PATIENT).images == 2


def test_who_was_forgotten_by_his_own_tables_name_stays_so_in_a_collection(
    manifest: Manifest,
    toy: ImageEncoder,
    encode_films: Encode,
    draw_films: Callable[[Path, int], Path],
    read_films: Callable[[Path], Manifest],
    tmp_path: Path,
) -> None:
    store = store_at(tmp_path / "store")
    encode_films(manifest, toy, store)
    forget(store, PATIENT)
    both = joined({"one": manifest, "two": read_films(draw_films(tmp_path / "more", 4))}, tmp_path)

    done = encode_films(both, toy, store)
    theirs = [row for row, whose in enumerate(both.listed_patient) if whose == PATIENT]
    found = lookup(both, store, toy.card)

    assert {both.patient[row] for row in theirs} == {f"one/{PATIENT}"}
    assert {aside.row for aside in done.set_aside} >= set(theirs)
    assert all(found[row] is None for row in theirs)
    assert sum(digest is not None for digest in found) == len(both) - len(theirs) - 2


def test_a_collection_is_encoded_from_the_folders_of_its_parts(
    manifest: Manifest,
    toy: ImageEncoder,
    encode_films: Encode,
    draw_films: Callable[[Path, int], Path],
    read_films: Callable[[Path], Manifest],
    tmp_path: Path,
) -> None:
    there = read_films(draw_films(tmp_path / "more", 4))
    both = joined({"one": manifest, "two": there}, tmp_path / "nowhere")
    apart = encode_films(manifest, toy, Store(tmp_path / "apart"))
    done = encode_films(both, toy, Store(tmp_path / "both"))

    assert done.digests[: len(manifest)] == apart.digests
    assert done.digests[len(manifest) :] == apart.digests[:4]  # the same films, drawn again

"""Digests of files, remembered without their names."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from carina.core import Mismatch, digest_image
from carina.encoders import ImageEncoder
from carina.features import EncodedAll, Store, image_digests, lookup
from carina.features.digests import in_order
from carina.studies import Manifest

DrawFilms = Callable[[Path, int], Path]
ReadFilms = Callable[[Path], Manifest]
EncodeFilms = Callable[..., EncodedAll]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_digests_are_those_of_the_files_and_none_where_there_is_no_file(
    store: Store, films: Path, read_films: ReadFilms
) -> None:
    manifest = read_films(films)
    gone = replace(manifest, image=("nowhere.png", *manifest.image[1:]))

    wanted = (None, *(digest_image((films / name).read_bytes()) for name in manifest.image[1:]))

    assert image_digests(gone, store) == wanted
    assert image_digests(gone, store) == wanted
    assert image_digests(gone, store, verify=True) == wanted


def test_a_remembered_file_is_not_read_again(
    store: Store, films: Path, read_films: ReadFilms, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = read_films(films)
    first = image_digests(manifest, store)

    def refuse(path: Path) -> bytes:
        raise AssertionError(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert image_digests(manifest, store) == first


def test_a_file_beyond_reason_is_not_read_and_set_aside_with_its_reason(
    tmp_path: Path,
    store: Store,
    toy: ImageEncoder,
    draw_films: DrawFilms,
    read_films: ReadFilms,
    encode_films: EncodeFilms,
) -> None:
    manifest = read_films(draw_films(tmp_path / "large", 3))
    with (manifest.root / manifest.image[1]).open("r+b") as file:
        file.truncate((1 << 30) + 1)  # sparse: no disk is filled

    last = encode_films(manifest, toy, store)

    assert [(s.row, s.reason) for s in last.set_aside] == [
        (1, "Too large: the file has more than 1 GiB.")
    ]
    assert [digest is None for digest in image_digests(manifest, store)] == [False, True, False]


def test_a_file_that_may_still_change_is_read_each_time(
    tmp_path: Path, store: Store, draw_films: DrawFilms, read_films: ReadFilms
) -> None:
    folder = draw_films(tmp_path / "young", 2)
    manifest = read_films(folder)
    (folder / manifest.image[0]).write_bytes(b"one")
    first = image_digests(manifest, store)
    (folder / manifest.image[0]).write_bytes(b"two")

    second = image_digests(manifest, store)

    assert second[0] == digest_image((folder / manifest.image[0]).read_bytes()) != first[0]
    assert second[1] == first[1]
    assert len(list(store.image_ledger.pairs())) == 1


def test_lookup_gives_what_encode_gave(
    store: Store, films: Path, toy: ImageEncoder, read_films: ReadFilms, encode_films: EncodeFilms
) -> None:
    manifest = read_films(films)
    last = encode_films(manifest, toy, store)

    assert lookup(manifest, store, toy.card) == last.digests
    some = np.array([5, 9, 2])
    assert lookup(manifest.take(some), store, (toy.card,)) == tuple(last.digests[r] for r in some)


def test_lookup_counts_what_was_never_encoded_and_names_the_next_step(
    store: Store, films: Path, toy: ImageEncoder, read_films: ReadFilms, encode_films: EncodeFilms
) -> None:
    manifest = read_films(films)
    encode_films(manifest.take(np.arange(6)), toy, store)

    # of the 17 rows that were left out, one shows a film that was not
    with pytest.raises(Mismatch, match=r"16 of 23 images .*carina encode DATA --encoder toy-image"):
        lookup(manifest, store, toy.card)


def test_results_come_in_order_and_an_early_end_stops_the_threads() -> None:
    squares = in_order(lambda number: number**2, range(1000), workers=3)

    assert [next(squares) for _ in range(5)] == [0, 1, 4, 9, 16]
    squares.close()  # type: ignore[attr-defined]
    assert list(in_order(str, range(100), workers=2, ahead=1)) == [str(n) for n in range(100)]

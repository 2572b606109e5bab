"""Images to features: once, resumably, and the same however it went."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from carina.core import InvalidValue, Mismatch, UnreadableFile, digest_image
from carina.encoders import (
    Encoded,
    EncoderCard,
    ImageEncoder,
    encode_images,
    load_text_encoder,
    prepare,
)
from carina.features import EncodedAll, Progress, Store, encode
from carina.studies import Manifest, read_image

DrawFilms = Callable[[Path, int], Path]
ReadFilms = Callable[[Path], Manifest]
EncodeFilms = Callable[..., EncodedAll]


@dataclass(frozen=True)
class Wrapped:
    """An encoder around another that counts, and may change its numbers."""

    inner: ImageEncoder
    card: EncoderCard
    change: Callable[[Tensor], Tensor] = lambda pooled: pooled
    batches: list[int] = field(default_factory=list)

    def to(self, device: torch.device) -> "Wrapped":
        return self

    def encode(
        self,
        images: Float[Tensor, "items channels rows cols"],
        *,
        tokens: bool = False,
        stages: bool = False,
    ) -> Encoded:
        self.batches.append(len(images))
        found = self.inner.encode(images, tokens=tokens, stages=stages)
        return replace(found, pooled=self.change(found.pooled))


def _segments(store: Store) -> dict[str, bytes]:
    """Every byte of the segments, by its place."""
    return {
        str(path.relative_to(store.root)): path.read_bytes()
        for path in sorted(store.root.glob("*/*/*"))
    }


def _note_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the films read from now on."""
    read: list[str] = []
    read_bytes = Path.read_bytes

    def noting(path: Path) -> bytes:
        if path.name.startswith("Smith"):
            read.append(path.name)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", noting)
    return read


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(scope="module")
def one_go(
    tmp_path_factory: pytest.TempPathFactory,
    films: Path,
    toy: ImageEncoder,
    read_films: ReadFilms,
    encode_films: EncodeFilms,
) -> Store:
    store = Store(tmp_path_factory.mktemp("one-go") / "store")
    encode_films(read_films(films), toy, store)
    return store


def test_features_in_the_store_are_those_the_encoder_gives(
    store: Store, films: Path, toy: ImageEncoder, read_films: ReadFilms, encode_films: EncodeFilms
) -> None:
    manifest = read_films(films)
    last = encode_films(manifest, toy, store)
    rows = [row for row, digest in enumerate(last.digests) if digest]
    assert toy.card.preprocess is not None
    prepared = [
        prepare(read_image(films / manifest.image[row]).pixels, toy.card.preprocess) for row in rows
    ]
    wanted = torch.cat([found.pooled for found in encode_images(toy, prepared, batch=4)])

    with store.table(toy.card, [last.digests[row] or "" for row in rows]) as table:
        torch.testing.assert_close(table.pooled(), wanted)


def test_digests_stand_for_rows_and_what_cannot_be_read_is_set_aside_with_its_reason(
    store: Store, films: Path, toy: ImageEncoder, read_films: ReadFilms, encode_films: EncodeFilms
) -> None:
    manifest = read_films(films)
    last = encode_films(manifest, toy, store)
    broken = [
        row for row, name in enumerate(manifest.image) if name[10] == "b" and "7b" not in name
    ]

    assert [aside.row for aside in last.set_aside] == broken
    assert "Truncated or damaged PNG" in last.set_aside[0].reason
    assert "wanted PNG, JPEG or DICOM" in last.set_aside[1].reason
    assert last.digests == tuple(
        None if row in broken else digest_image((films / name).read_bytes())
        for row, name in enumerate(manifest.image)
    )


def test_films_alike_are_encoded_once(
    store: Store, films: Path, toy: ImageEncoder, read_films: ReadFilms, encode_films: EncodeFilms
) -> None:
    last = encode_films(read_films(films), toy, store)

    assert sum(digest is not None for digest in last.digests) == 21
    assert last.encoded == len({digest for digest in last.digests if digest}) == 20


def test_progress_counts_up_to_all_rows(
    store: Store, films: Path, toy: ImageEncoder, read_films: ReadFilms
) -> None:
    *progress, last = encode(read_films(films), toy, store, batch=4)

    assert isinstance(last, EncodedAll)
    assert all(isinstance(event, Progress) for event in progress)
    done = [event.done for event in progress if isinstance(event, Progress)]
    assert done == sorted(done)
    assert progress[-1] == Progress(done=23, total=23, encoded=20, set_aside=2)


def test_a_second_go_encodes_and_decodes_nothing(
    store: Store,
    films: Path,
    toy: ImageEncoder,
    read_films: ReadFilms,
    encode_films: EncodeFilms,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = read_films(films)
    counting = Wrapped(inner=toy, card=toy.card)
    first = encode_films(manifest, counting, store)
    before, batches = _segments(store), len(counting.batches)
    read = _note_reads(monkeypatch)

    second = encode_films(manifest, counting, store)

    assert (second.digests, second.set_aside) == (first.digests, first.set_aside)
    assert second.encoded == 0
    assert len(counting.batches) == batches
    assert sorted(read) == [
        "Smith-0009b.png",  # what could not be read is tried again
        "Smith-0015b.txt",
    ]
    monkeypatch.undo()
    assert _segments(store) == before


def test_every_batch_is_full_so_that_bits_do_not_depend_on_what_is_left(
    store: Store, films: Path, toy: ImageEncoder, read_films: ReadFilms, encode_films: EncodeFilms
) -> None:
    counting = Wrapped(inner=toy, card=toy.card)
    encode_films(read_films(films), counting, store, batch=4, rows_per_segment=6)

    assert counting.batches == [4] * 7  # 6 + 6 + 6 + 2 rows: two, two, two and one


def test_new_films_append_and_old_segments_keep_their_bytes(
    tmp_path: Path,
    store: Store,
    toy: ImageEncoder,
    draw_films: DrawFilms,
    read_films: ReadFilms,
    encode_films: EncodeFilms,
) -> None:
    folder = draw_films(tmp_path / "growing", 11)
    encode_films(read_films(folder), toy, store)
    before = _segments(store)
    draw_films(folder, 17)
    last = encode_films(read_films(folder), toy, store)

    assert last.encoded == 6
    after = _segments(store)
    assert before.items() <= after.items()
    with store.table(toy.card, [digest or "" for digest in last.digests]) as table:
        assert len(table.pooled()) == 17


def test_a_caller_who_stops_asking_loses_no_finished_segment(
    store: Store, one_go: Store, films: Path, toy: ImageEncoder, read_films: ReadFilms
) -> None:
    manifest = read_films(films)
    for event in encode(manifest, toy, store, batch=4, rows_per_segment=8, workers=2):
        if isinstance(event, Progress) and event.encoded >= 12:
            break
    half = _segments(store)
    list(encode(manifest, toy, store, batch=4, rows_per_segment=8, workers=2))

    assert 0 < len(half) < len(_segments(one_go))
    assert _segments(store) == _segments(one_go)


@pytest.fixture(scope="module")
def few(
    tmp_path_factory: pytest.TempPathFactory, draw_films: DrawFilms, read_films: ReadFilms
) -> Manifest:
    """Films enough for two segments of four."""
    return read_films(draw_films(tmp_path_factory.mktemp("few") / "films", 6))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_stop_at_any_rename_ends_in_the_same_bytes(
    after: bool,
    tmp_path: Path,
    few: Manifest,
    toy: ImageEncoder,
    encode_films: EncodeFilms,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    undisturbed = Store(tmp_path / "undisturbed")
    encode_films(few, toy, undisturbed, rows_per_segment=4)
    rename, replace_file = os.rename, os.replace
    stops = 0
    while True:
        store, allowed = Store(tmp_path / str(stops)), iter(range(stops))

        def stopping(move: Callable[..., None], *args: Any, allowed: Any = allowed) -> None:
            last = next(allowed, None) is None
            if after or not last:
                move(*args)
            if last:
                raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(os, "rename", partial(stopping, rename))
            patched.setattr(os, "replace", partial(stopping, replace_file))
            try:
                encode_films(few, toy, store, rows_per_segment=4)
                break
            except KeyboardInterrupt:
                stops += 1
        encode_films(few, toy, store, rows_per_segment=4)
        assert _segments(store) == _segments(undisturbed)
    assert stops == 9  # a file and its folder each: the salt, the card, two segments; the check


def test_a_full_disk_at_any_flush_is_told_and_the_next_go_ends_in_the_same_bytes(
    tmp_path: Path,
    few: Manifest,
    toy: ImageEncoder,
    encode_films: EncodeFilms,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    undisturbed = Store(tmp_path / "undisturbed")
    encode_films(few, toy, undisturbed, rows_per_segment=4)
    fsync = os.fsync
    told: list[str] = []
    while True:
        store, allowed = Store(tmp_path / str(len(told))), iter(range(len(told)))

        def flush(descriptor: int, *, allowed: Any = allowed) -> None:
            if next(allowed, None) is None:
                raise OSError(errno.ENOSPC, "No space left on device")
            fsync(descriptor)

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", flush)
            try:
                encode_films(few, toy, store, rows_per_segment=4)
                break
            except UnreadableFile as error:
                told.append(str(error))
        assert not store.root.is_dir() or not any(checked.faults for checked in store.verify())
        encode_films(few, toy, store, rows_per_segment=4)
        assert _segments(store) == _segments(undisturbed)
    assert len(told) > 15
    assert all("No space left on device" in one and "same command again" in one for one in told)


def test_a_file_that_changed_is_encoded_anew(
    tmp_path: Path,
    store: Store,
    toy: ImageEncoder,
    draw_films: DrawFilms,
    read_films: ReadFilms,
    encode_films: EncodeFilms,
) -> None:
    folder = draw_films(tmp_path / "changing", 5)
    first = encode_films(read_films(folder), toy, store)
    changed = folder / "Smith-0002.png"
    Image.fromarray(np.full((20, 18), 77, dtype=np.uint8)).save(changed)

    second = encode_films(read_films(folder), toy, store)

    assert second.encoded == 1
    assert second.digests[2] == digest_image(changed.read_bytes())
    assert second.digests[:2] + second.digests[3:] == first.digests[:2] + first.digests[3:]


def test_only_verify_sees_a_change_that_left_size_and_time_alone(
    tmp_path: Path,
    store: Store,
    toy: ImageEncoder,
    draw_films: DrawFilms,
    read_films: ReadFilms,
    encode_films: EncodeFilms,
) -> None:
    folder = draw_films(tmp_path / "changing", 3)
    manifest = read_films(folder)
    first = encode_films(manifest, toy, store)
    path = folder / "Smith-0001.png"
    status, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 1  # the checksum of the end mark, which Pillow does not ask for
    path.write_bytes(bytes(data))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert encode_films(manifest, toy, store).digests == first.digests
    verified = encode_films(manifest, toy, store, verify=True)
    assert verified.digests[1] == digest_image(path.read_bytes()) != first.digests[1]
    assert encode_films(manifest, toy, store).digests == verified.digests


def test_a_file_that_could_not_be_read_is_encoded_once_it_can(
    tmp_path: Path,
    store: Store,
    toy: ImageEncoder,
    draw_films: DrawFilms,
    read_films: ReadFilms,
    encode_films: EncodeFilms,
) -> None:
    folder = draw_films(tmp_path / "mended", 3)
    path = folder / "Smith-0001.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    manifest = read_films(folder)
    gone = replace(manifest, image=(*manifest.image[:2], "nowhere.png"))
    assert [a.reason for a in encode_films(gone, toy, store).set_aside][
        1
    ] == "The file is not there."
    path.write_bytes(whole)

    assert encode_films(manifest, toy, store).set_aside == ()


def test_nothing_in_a_store_tells_whose_films_they_were(one_go: Store, films: Path) -> None:
    files = [path for path in one_go.root.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        for planted in (b"Smith", b"smith", b"19990231", films.name.encode(), b".png"):
            assert planted not in path.read_bytes(), path.name
            assert planted.decode() not in str(path.relative_to(one_go.root))


def test_several_encoders_share_a_store(
    store: Store, films: Path, toy: ImageEncoder, read_films: ReadFilms, encode_films: EncodeFilms
) -> None:
    manifest = read_films(films)
    doubled = Wrapped(
        inner=toy,
        card=replace(toy.card, name="toy-doubled", weights="1" * 40),
        change=lambda pooled: pooled * 2,
    )
    last = encode_films(manifest, toy, store)
    encode_films(manifest, doubled, store)
    digests = [digest for digest in last.digests if digest]

    with store.table((toy.card, doubled.card), digests) as table:
        both = table.pooled()
    assert both[:, 32:].equal(both[:, :32] * 2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_half_precision_is_stored_as_computed_and_all_else_in_float32(
    dtype: torch.dtype,
    store: Store,
    films: Path,
    toy: ImageEncoder,
    read_films: ReadFilms,
    encode_films: EncodeFilms,
) -> None:
    other = Wrapped(inner=toy, card=toy.card, change=lambda pooled: pooled.to(dtype))
    last = encode_films(read_films(films), other, store)
    stored = {str(segment.array("pooled").dtype) for segment in store.segments(toy.card)}

    assert stored == {"float16" if dtype == torch.float16 else "float32"}
    with store.table(toy.card, [digest for digest in last.digests if digest]) as table:
        assert table.pooled().dtype == torch.float32


def test_numbers_that_are_not_finite_are_refused_and_none_is_kept(
    store: Store, films: Path, toy: ImageEncoder, read_films: ReadFilms, encode_films: EncodeFilms
) -> None:
    broken = Wrapped(inner=toy, card=toy.card, change=lambda pooled: pooled / 0)

    with pytest.raises(InvalidValue, match="not finite"):
        encode_films(read_films(films), broken, store)
    assert _segments(store) == {}


def test_what_cannot_be_asked_for_is_refused_before_anything_is_made(
    store: Store, films: Path, toy: ImageEncoder, read_films: ReadFilms, encode_films: EncodeFilms
) -> None:
    manifest = read_films(films)
    plain = Wrapped(inner=toy, card=replace(toy.card, token_dim=0, grid=(0, 0)))
    texts = Wrapped(inner=toy, card=load_text_encoder("toy-text").card)

    with pytest.raises(InvalidValue, match="pooled, tokens, stages, crops; got"):
        encode_films(manifest, toy, store, outputs=("masks",))
    with pytest.raises(Mismatch, match="gives no stages"):
        encode_films(manifest, toy, store, outputs=("pooled", "stages"))
    with pytest.raises(InvalidValue, match="at least one row"):
        encode_films(manifest, toy, store, rows_per_segment=0)
    with pytest.raises(Mismatch, match="gives no tokens"):
        encode_films(manifest, plain, store, outputs=("tokens",))
    with pytest.raises(Mismatch, match="encodes no images"):
        encode_films(manifest, texts, store)
    assert not store.root.exists()


def test_other_outputs_are_encoded_beside_what_is_there(
    store: Store, films: Path, toy: ImageEncoder, read_films: ReadFilms, encode_films: EncodeFilms
) -> None:
    manifest = read_films(films)
    encode_films(manifest, toy, store)

    assert encode_films(manifest, toy, store, outputs=("tokens",)).encoded == 20
    assert encode_films(manifest, toy, store).encoded == 0
    assert len(store.segments(toy.card)) == len(store.segments(toy.card, outputs=("tokens",))) == 3


def test_each_file_is_read_once(
    store: Store,
    films: Path,
    toy: ImageEncoder,
    read_films: ReadFilms,
    encode_films: EncodeFilms,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = _note_reads(monkeypatch)
    manifest = read_films(films)

    encode_films(manifest, toy, store)

    assert sorted(read) == sorted(manifest.image)

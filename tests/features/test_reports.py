"""Reports in the store: read once each, found by their words, gone with their patient."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from carina.core import InvalidValue, Mismatch
from carina.encoders import EncoderCard, FrozenTexts, TextEncoder, load_text_encoder
from carina.features import EncodedAll, Store, encode_reports, forget, lookup_reports
from carina.studies import LabelSpace, Manifest

REPORTS = ("No effusion.", "Small left effusion", "", " No effusion. ", "Large heart")


@pytest.fixture(scope="module")
def texts() -> FrozenTexts:
    encoder = load_text_encoder("toy-text")
    assert isinstance(encoder, FrozenTexts)
    return encoder


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    blank = ("",) * len(REPORTS)
    return Manifest(
        root=tmp_path,
        image=tuple(f"{row}.png" for row in range(len(REPORTS))),
        study=blank,
        patient=("Ann", "Bea", "Bea", "Cid", "Cid"),
        view=blank,
        sex=blank,
        age=(40.0,) * len(REPORTS),
        site=blank,
        date=blank,
        split=("train",) * len(REPORTS),
        report=REPORTS,
        labels=np.zeros((len(REPORTS), 1), dtype=np.int8),
        space=LabelSpace(names=("Edema",)),
    )


def encoded(
    manifest: Manifest, texts: TextEncoder, store: Store, *, rows_per_segment: int | None = None
) -> EncodedAll:
    kept = ("pooled", "tokens")
    *_, last = encode_reports(
        manifest, texts, store, outputs=kept, rows_per_segment=rows_per_segment
    )
    assert isinstance(last, EncodedAll)
    return last


def contents(store: Store, card: EncoderCard) -> dict[str, bytes]:
    folder = store.encoder_folder(card)
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.npy")}


def test_equal_reports_are_read_once_and_found_by_every_row(
    manifest: Manifest, texts: FrozenTexts, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    done = encoded(manifest, texts, store)
    digests = lookup_reports(manifest, store)

    assert done.encoded == 3
    assert [aside.row for aside in done.set_aside] == [2]
    assert done.digests == digests
    assert digests[0] == digests[3] != digests[1]
    assert digests[2] is None
    assert encoded(manifest, texts, store).encoded == 0


def test_the_store_gives_the_encoder_s_numbers_padded_to_the_longest(
    manifest: Manifest, texts: FrozenTexts, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    encoded(manifest, texts, store)
    digests = [digest for digest in lookup_reports(manifest, store) if digest is not None]
    with store.table(texts.card, digests, outputs=("pooled", "tokens")) as table:
        values, there = table.padded_tokens(np.array([0, 1]))
        pooled = table.pooled(np.array([1]))

    short, long = (texts.encode_words(REPORTS[row]).tokens for row in (0, 1))
    assert short is not None
    assert long is not None
    assert there.tolist() == [[True] * 3 + [False], [True] * 4]
    assert torch.equal(values[0, :3], short[0])
    assert torch.equal(values[1], long[0])
    assert not values[0, 3:].any()
    assert torch.equal(pooled, texts.encode((REPORTS[1],)).pooled)


def test_one_go_and_two_are_the_same_bytes(
    manifest: Manifest, texts: FrozenTexts, tmp_path: Path
) -> None:
    whole, cut = Store(tmp_path / "whole"), Store(tmp_path / "cut")
    encoded(manifest, texts, whole, rows_per_segment=1)
    for _ in encode_reports(manifest, texts, cut, outputs=("pooled", "tokens"), rows_per_segment=1):
        break
    encoded(manifest, texts, cut, rows_per_segment=1)

    assert contents(whole, texts.card) == contents(cut, texts.card)


def test_no_word_of_a_report_and_no_name_is_in_the_store(
    manifest: Manifest, texts: FrozenTexts, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    encoded(manifest, texts, store)
    everything = b"".join(path.read_bytes() for path in store.root.rglob("*") if path.is_file())

    assert not any(word in everything for word in (b"effusion", b"heart", b"Bea", b"Cid"))


def test_a_forgotten_patient_s_reports_are_gone_and_stay_away(
    manifest: Manifest, texts: FrozenTexts, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    encoded(manifest, texts, store)
    gone = forget(store, "Bea")
    left = lookup_reports(manifest, store)
    again = encoded(manifest, texts, store)

    assert gone.rows == 1
    assert left[1] is None
    assert left[4] is not None
    assert {aside.row for aside in again.set_aside} == {1, 2}


def test_what_there_is_not_of_a_report_is_refused(
    manifest: Manifest, texts: FrozenTexts, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(InvalidValue, match="pooled and tokens"):
        next(encode_reports(manifest, texts, store, outputs=("stages",)))
    wordless = replace(texts, card=replace(texts.card, token_dim=0))
    with pytest.raises(Mismatch, match="gives no tokens"):
        next(encode_reports(manifest, wordless, store, outputs=("tokens",)))

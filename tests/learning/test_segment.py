"""A decoder is taught: it learns what can be learned, and a kill costs steps but no number."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from carina.adaptors import Convolutional
from carina.core import ConfigError, InvalidValue, Mismatch, MissingFile
from carina.encoders import Stage, load_image_encoder
from carina.features import FeatureTable, MaskTable, Store, encode, lookup
from carina.learning import (
    DecoderLearned,
    DecoderStep,
    Segmenting,
    drawn_masks,
    load_decoder,
    teach_decoder,
)
from carina.measures import dice
from carina.studies import read_folder

FORM = Convolutional(widths=(12, 8))
FILMS = 12


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FeatureTable, MaskTable]]:
    """Films with one bright square each, their masks the squares, encoded by the toy."""
    folder = tmp_path_factory.mktemp("films")
    rng = np.random.default_rng(0)
    masks = np.zeros((FILMS, 16, 16), dtype=bool)
    lines = ["file,who,split,e"]
    for number in range(FILMS):
        top, left = rng.integers(0, 3, 2) * 4
        masks[number, top : top + 8, left : left + 8] = True
        film = np.where(masks[number], 220, 30) + rng.integers(0, 20, (16, 16))
        Image.fromarray(film.astype(np.uint8)).save(folder / f"{number}.png")
        lines.append(f"{number}.png,P{number},train,0")
    (folder / "films.csv").write_text("\n".join(lines) + "\n")
    (folder / "mapping.toml").write_text(
        'table = "films.csv"\n[columns]\nimage = "file"\npatient = "who"\nsplit = "split"\n'
        '[labels.columns]\nEdema = "e"\n'
    )
    manifest, toy = read_folder(folder), load_image_encoder("toy-image")
    store = Store(tmp_path_factory.mktemp("store"))
    list(encode(manifest, toy, store, outputs=("pooled", "tokens")))
    digests = tuple(digest or "" for digest in lookup(manifest, store, toy.card))
    packed = np.packbits(masks, axis=2)
    with store.table(toy.card, digests, outputs=("pooled", "tokens")) as table:
        yield (
            table,
            MaskTable(structure="square", rows=np.arange(FILMS), packed=packed, size=16),
        )


def taught(
    films: tuple[FeatureTable, MaskTable], config: Segmenting, folder: Path | None = None
) -> tuple[list[float], torch.nn.Module]:
    """Losses and the decoder."""
    events = list(teach_decoder(config, *films, np.arange(9), seed=3, folder=folder, every=2))
    last = events.pop()
    assert isinstance(last, DecoderLearned)
    return [event.loss for event in events if isinstance(event, DecoderStep)], last.decoder


def test_it_draws_squares_it_has_not_seen(films: tuple[FeatureTable, MaskTable]) -> None:
    losses, decoder = taught(films, Segmenting(decoder=FORM, rate=2e-2, steps=60))
    unseen = np.arange(9, FILMS)
    drawn = drawn_masks(decoder, films[0], unseen, batch=2)  # type: ignore[arg-type]
    scores = [dice(one, true) for one, true in zip(drawn, films[1].of(unseen), strict=True)]

    assert losses[-1] < losses[0] / 4
    assert min(scores) > 0.85


def test_convolutions_over_tokens_ask_an_encoder_with_stages_for_none(
    films: tuple[FeatureTable, MaskTable],
) -> None:
    (block,) = films[0].blocks
    staged = replace(block.card, stages=(Stage(stride=4, width=3),))
    table = replace(films[0], blocks=(replace(block, card=staged),))  # opened without stages
    losses, _ = taught((table, films[1]), Segmenting(decoder=FORM, steps=2))

    assert losses == taught(films, Segmenting(decoder=FORM, steps=2))[0]


def test_a_decoder_read_back_draws_the_same_and_another_form_is_refused(
    films: tuple[FeatureTable, MaskTable], tmp_path: Path
) -> None:
    _, decoder = taught(films, Segmenting(decoder=FORM, steps=3))
    weights = {name: each.contiguous() for name, each in decoder.state_dict().items()}
    save_file(weights, tmp_path / "decoder.safetensors")
    card, every = films[0].cards[0], np.arange(FILMS)
    again = load_decoder(FORM, card, tmp_path / "decoder.safetensors")

    assert np.array_equal(
        drawn_masks(again, films[0], every),
        drawn_masks(decoder, films[0], every),  # type: ignore[arg-type]
    )
    with pytest.raises(Mismatch, match="holds another decoder"):
        load_decoder(Convolutional(widths=(5,)), card, tmp_path / "decoder.safetensors")
    with pytest.raises(MissingFile, match="carina segment leaves one"):
        load_decoder(FORM, card, tmp_path / "none.safetensors")


@pytest.mark.parametrize("killed_after", [1, 4, 7])
def test_taken_up_after_a_kill_it_ends_with_the_same_bits(
    films: tuple[FeatureTable, MaskTable], tmp_path: Path, killed_after: int
) -> None:
    config = Segmenting(decoder=FORM, steps=8, batch=4)
    losses, whole = taught(films, config)
    steps = teach_decoder(config, *films, np.arange(9), seed=3, folder=tmp_path, every=2)
    list(islice(steps, killed_after))
    steps.close()  # type: ignore[attr-defined]
    rest, resumed = taught(films, config, tmp_path)

    assert rest == losses[len(losses) - len(rest) :]
    assert len(rest) == 8 - killed_after + killed_after % 2  # back to the last state kept
    assert all(
        torch.equal(one, other)
        for one, other in zip(
            whole.state_dict().values(), resumed.state_dict().values(), strict=True
        )
    )


def test_every_film_is_met_once_an_epoch(films: tuple[FeatureTable, MaskTable]) -> None:
    from carina.learning.segment import picked_at

    places = np.array([0, 2, 5, 6, 8, 10])
    met = np.concatenate([picked_at(places, step, 2, 7) for step in range(3)])
    again = np.concatenate([picked_at(places, step, 2, 7) for step in range(3, 6)])

    assert sorted(met.tolist()) == sorted(again.tolist()) == places.tolist()
    assert met.tolist() != again.tolist()
    assert len(picked_at(places[:1], 5, 4, 7)) == 1


def test_without_a_film_there_is_nothing_to_learn(films: tuple[FeatureTable, MaskTable]) -> None:
    with pytest.raises(InvalidValue, match="one film with a mask or more"):
        next(teach_decoder(Segmenting(decoder=FORM), *films, np.array([], dtype=np.int64), seed=1))


def test_a_schedule_without_a_step_is_refused() -> None:
    with pytest.raises(ConfigError, match="steps=0"):
        Segmenting(steps=0)

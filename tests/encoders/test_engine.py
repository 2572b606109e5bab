from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from carina.core import InvalidValue, Mismatch, UnknownName
from carina.encoders import (
    Encoded,
    EncoderCard,
    Preprocess,
    device,
    encode_images,
    encode_texts,
    load_text_encoder,
)

CARD = EncoderCard(
    name="fake",
    modality="image",
    revision="1",
    recipe_version=1,
    weights="none",
    dim=1,
    grid=(1, 1),
    preprocess=Preprocess(size=2, channels=1),
    batch=4,
)


@dataclass
class Fake:
    """An encoder that remembers how many images it was given at a time."""

    card: EncoderCard = CARD
    sizes: list[int] = field(default_factory=list)

    def to(self, device: torch.device) -> "Fake":
        return self

    def encode(
        self,
        images: Float[Tensor, "items channels rows cols"],
        *,
        tokens: bool = False,
        stages: bool = False,
    ) -> Encoded:
        self.sizes.append(len(images))
        pooled = images.mean(dim=(1, 2, 3))[:, None]
        return Encoded(pooled=pooled, tokens=pooled[:, None] if tokens else None)


def images(count: int) -> Iterator[Float[np.ndarray, "channels rows cols"]]:
    return (np.full((1, 2, 2), index, dtype=np.float32) for index in range(count))


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 9])
def test_every_batch_is_full_and_no_padding_comes_out(count: int) -> None:
    fake = Fake()
    found = list(encode_images(fake, images(count), tokens=True))

    assert fake.sizes == [4] * -(-count // 4)
    assert [row for batch in found for row in batch.pooled[:, 0].tolist()] == list(range(count))
    assert sum(len(batch.tokens) for batch in found if batch.tokens is not None) == count


def test_images_are_taken_only_as_they_are_needed() -> None:
    waiting = images(100)
    next(encode_images(Fake(), waiting, batch=3))

    assert next(waiting)[0, 0, 0] == 3


def test_images_of_two_shapes_are_refused() -> None:
    two = iter([np.zeros((1, 2, 2), np.float32), np.zeros((1, 3, 2), np.float32)])
    with pytest.raises(Mismatch, match="one shape"):
        list(encode_images(Fake(), two))


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidValue, match="at least one"):
        list(encode_images(Fake(), images(1), batch=0))
    with pytest.raises(InvalidValue, match="at least one"):
        encode_texts(load_text_encoder("toy-text"), ["a"], batch=0)


def test_texts_keep_their_order_and_repeats_are_equal() -> None:
    encoder = load_text_encoder("toy-text")
    texts = ("b", "a", "b", "c", "a")

    found = encode_texts(encoder, iter(texts), batch=2)

    assert torch.equal(found, encoder.encode(texts).pooled)


def test_no_texts_are_an_empty_table() -> None:
    encoder = load_text_encoder("toy-text")

    assert encode_texts(encoder, ()).shape == (0, encoder.card.dim)


def test_the_cpu_is_always_there_and_is_what_remains() -> None:
    assert device("cpu") == torch.device("cpu")
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert device() == torch.device("cpu")


def test_a_device_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(UnknownName, match=r"No device named 'cuda:99'.*cpu"):
        device("cuda:99")

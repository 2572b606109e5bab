"""Running a frozen encoder over many items so that the bits depend on the items alone."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from carina.core import InvalidValue, Mismatch, unknown
from carina.encoders.card import EncoderCard
from carina.encoders.protocol import Encoded, ImageEncoder, TextEncoder

__all__ = ["device", "encode_images", "encode_texts"]


def device(name: str | None = None) -> torch.device:
    """The device of this name, or the fastest there is: CUDA, else MPS, else the CPU.

    Raises:
        UnknownName: for a device this machine has not got.
    """
    cards = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    there = [*(["cuda", *cards] if cards else []), "cpu"]
    if torch.backends.mps.is_available():
        there.insert(-1, "mps")
    if name is not None and name not in there:
        raise unknown("device", name, there)
    return torch.device(name or there[0])


def encode_images(
    encoder: ImageEncoder,
    prepared: Iterable[Float[np.ndarray, "channels rows cols"]],
    *,
    batch: int | None = None,
    tokens: bool = False,
    stages: bool = False,
) -> Iterator[Encoded]:
    """Features of prepared images in order, on the CPU, a batch at a time.

    Batches have fixed boundaries (images 0 to batch - 1, and so on) and the last is padded to
    full size before it is encoded: kernels are chosen by shape, and so are the last bits. On one
    machine the same images in the same order give the same bytes, whole or resumed at a boundary.

    Args:
        encoder: Who encodes.
        prepared: What `prepare` gave, float32; taken as they are needed.
        batch: Images at a time; the card's where not given. Another number may move the last bits.
        tokens: Whether to keep the patch tokens too.
        stages: Whether to keep the maps of the card's stages too.

    Yields:
        One `Encoded` a batch, without the padding.

    Raises:
        Mismatch: where images are not of the encoder's input shape.
        InvalidValue: for a batch of less than one.
    """
    waiting = iter(prepared)
    size = _batch_size(batch, encoder.card)
    while images := list(islice(waiting, size)):
        shapes = {image.shape for image in images}
        if len(shapes) > 1:
            raise Mismatch(
                f"Images of one run have one shape; got {sorted(shapes)}. "
                "Prepare all of them with the card's preprocess."
            )
        padding = [images[-1]] * (size - len(images))
        stack = torch.from_numpy(np.stack(images + padding))
        found = encoder.encode(stack, tokens=tokens, stages=stages)
        yield _first(found, len(images))


def encode_texts(
    encoder: TextEncoder, texts: Iterable[str], *, batch: int | None = None
) -> Float[Tensor, "texts dim"]:
    """Pooled features of texts, a row a text, on the CPU.

    A text that comes twice is encoded once; reports repeat themselves. A text's numbers do not
    depend on its company, so the batch changes none.

    Args:
        encoder: Who encodes.
        texts: In the order of the rows.
        batch: Texts handed over at a time; the card's where not given.

    Raises:
        InvalidValue: for a batch of less than one.
    """
    rows = tuple(texts)
    size = _batch_size(batch, encoder.card)
    number = {text: index for index, text in enumerate(dict.fromkeys(rows))}
    distinct = iter(number)
    found = [encoder.encode(())]
    while some := tuple(islice(distinct, size)):
        found.append(encoder.encode(some))
    table = torch.cat([part.pooled.cpu() for part in found])
    return table[torch.tensor([number[text] for text in rows], dtype=torch.int64)]


def _batch_size(batch: int | None, card: EncoderCard) -> int:
    size = card.batch if batch is None else batch
    if size < 1:
        raise InvalidValue(f"A batch has at least one item; got {size}.")
    return size


def _first(found: Encoded, count: int) -> Encoded:
    return Encoded(
        pooled=found.pooled[:count].cpu(),
        tokens=None if found.tokens is None else found.tokens[:count].cpu(),
        stages=None if found.stages is None else tuple(s[:count].cpu() for s in found.stages),
    )

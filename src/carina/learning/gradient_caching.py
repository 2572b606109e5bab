"""A contrastive batch of any size in pieces that fit in memory, with the gradient of the whole.

Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", RepL4NLP 2021
(arXiv 2101.06983): every piece is first represented without a graph; the loss over all
representations gives each its gradient; then each piece is represented again, and that gradient is
sent through it. Dropout draws the same numbers both times.

Processes share a batch the same way: each represents some of the pieces, sees the representations of
all as negatives, and the gradients of the pieces are summed. What dropout draws hangs on the piece,
not on who represents it, so any number of processes has the loss and the gradient of one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from carina.adaptors import CrossModalModule, Sequences
from carina.core import salted
from carina.learning.processes import Processes

__all__ = ["backward_in_pieces"]

Reading = Callable[[Int[Tensor, " some"]], tuple[Sequences, Sequences]]
"""Places in a batch to the images and texts of these pairs."""


def backward_in_pieces(
    adaptor: CrossModalModule,
    read: Reading,
    loss: Callable[[Float[Tensor, "texts images"]], Float[Tensor, ""]],
    *,
    pairs: int,
    piece: int,
    seed: str,
    beside: tuple[nn.Parameter, ...],
    processes: Processes,
) -> float:
    """The loss of a batch; its gradient is added to the adaptor's and to that of what is beside it.

    Args:
        adaptor: Represents and compares.
        read: The pairs of the batch; asked twice for each where they do not fit in one piece.
        loss: Of the similarities of the whole batch.
        pairs: In the whole batch.
        piece: Pairs represented at a time; there is at least one piece a process.
        seed: What dropout follows from.
        beside: What the loss learns beside the adaptor.
        processes: Who shares the batch.
    """
    every = torch.split(torch.arange(pairs), piece)
    at_once = len(every) == 1
    share = torch.arange(len(every)).tensor_split(processes.count)[processes.number].tolist()
    pieces = [every[index] for index in share]
    seeds = [f"{seed}/0/{index}" for index in share]  # with the 0, earlier runs keep their numbers
    made = []
    for rows, own in zip(pieces, seeds, strict=True):
        with torch.set_grad_enabled(at_once), _drawing(own):
            made.append(_represented(adaptor, *read(rows)))
    images, texts = (Sequences.joined(side) for side in zip(*made, strict=True))
    if not at_once:
        images, texts = processes.gathered(images), processes.gathered(texts)
        images.values.requires_grad_()
        texts.values.requires_grad_()
    value = loss(adaptor.compare(images, texts))
    torch.autograd.backward(value)
    if at_once:
        return value.item()
    learned = [*adaptor.parameters(), *beside]
    if processes.number:  # what stands behind the gathering has the same gradient everywhere
        for parameter in learned:
            parameter.grad = None
    for rows, own in zip(pieces, seeds, strict=True):
        with _drawing(own):
            again = _represented(adaptor, *read(rows))
        sent = [_gradient(images, rows, again[0]), _gradient(texts, rows, again[1])]
        torch.autograd.backward([side.values for side in again], sent)
    for parameter in learned:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        processes.add_up(parameter.grad)
    return value.item()


def _represented(
    adaptor: CrossModalModule, images: Sequences, texts: Sequences
) -> tuple[Sequences, Sequences]:
    return adaptor.represent_images(images), adaptor.represent_texts(texts)


def _gradient(
    whole: Sequences, rows: Int[Tensor, " piece"], piece: Sequences
) -> Float[Tensor, "piece tokens width"]:
    """The gradient of the rows of a piece, as long as the piece is padded."""
    assert whole.values.grad is not None  # noqa: S101 - the loss has been sent back to it
    return whole.values.grad[rows, : piece.there.shape[1]]


@contextmanager
def _drawing(seed: str) -> Iterator[None]:
    """Torch's global generator, which dropout reads, set for a while and then put back."""
    before = torch.get_rng_state()
    torch.manual_seed(salted(seed, "dropout"))
    try:
        yield
    finally:
        torch.set_rng_state(before)

"""Pairs of which an image and a report tell the same few numbers, and nothing else is alike."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from carina.adaptors import AllPairs, CrossModal, CrossModalConfig, Reads, Sequences
from carina.learning import Pairs, Pretraining

Reader = Callable[[np.ndarray], Sequences]

SMALL = CrossModal(reads=Reads.VECTORS, width=16, heads=2, hidden=32, layers=1, dropout=0.0)
TOKENS = CrossModal(width=16, heads=2, hidden=32, layers=1, dropout=0.0)

CROSS = AllPairs(towers=TOKENS)


def pairs(
    count: int, *, seed: int, tokens: int = 0, permuted: bool = False, hidden: int = 4
) -> Pairs:
    """Pairs of a hidden vector seen through two fixed maps.

    Args:
        count: How many.
        seed: Of the hidden vectors.
        tokens: Of each item, of unequal number; 0 for one vector.
        permuted: Whether each image gets the report of another.
        hidden: Width of the hidden vectors; with few, maps drawn at random agree by luck.
    """
    rng = np.random.default_rng(seed)
    fixed = np.random.default_rng(0)
    seen = rng.normal(size=(count, hidden))
    image = seen @ fixed.normal(size=(hidden, hidden + 2))
    text = seen @ fixed.normal(size=(hidden, hidden + 4))
    order = rng.permutation(count) if permuted else np.arange(count)
    return Pairs(
        image=np.arange(count),
        text=order,
        images=_reader(image, tokens, rng),
        texts=_reader(text, tokens, rng),
    )


def _reader(rows: np.ndarray, tokens: int, rng: np.random.Generator) -> Reader:
    vectors = torch.from_numpy(rows).float()
    if not tokens:
        return lambda numbers: Sequences.of_vectors(vectors[torch.from_numpy(numbers)])
    noise: Tensor = torch.from_numpy(rng.normal(size=(len(rows), tokens, rows.shape[1]))).float()
    lengths = torch.from_numpy(rng.integers(1, tokens + 1, len(rows)))
    whole = Sequences(
        values=vectors[:, None] + 0.3 * noise, there=torch.arange(tokens) < lengths[:, None]
    )
    return lambda numbers: whole.take(torch.from_numpy(numbers))


def config(adaptor: CrossModalConfig = SMALL, **changes: object) -> Pretraining:
    """A pre-training of seconds."""
    plain: dict[str, object] = {"rate": 1e-2, "batch": 32, "piece": 32, "epochs": 4}
    return Pretraining(adaptor=adaptor, **(plain | changes))  # type: ignore[arg-type]

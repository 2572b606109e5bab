"""A segment that is being filled: images in, batches through the encoder, one folder out."""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from carina.core import InvalidValue
from carina.encoders import ImageEncoder, encode_images
from carina.features.segment import write_segment
from carina.features.store import Store

__all__ = ["Filling"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """The rows since the last segment was written.

    Attributes:
        store: Where segments go.
        encoder: By whom.
        batch: Images that go through it together; boundaries count from the segment's first row.
        outputs: What is kept.
        images: Digests of the rows so far.
    """

    store: Store
    encoder: ImageEncoder
    batch: int
    outputs: tuple[str, ...]
    images: dict[str, None] = field(default_factory=dict)
    _waiting: list[np.ndarray] = field(default_factory=list)
    _pooled: list[np.ndarray] = field(default_factory=list)
    _tokens: list[np.ndarray] = field(default_factory=list)

    def add(self, digest: str, prepared: Float[np.ndarray, "channels rows cols"]) -> bool:
        """Take one more image; True where that filled a batch, which was then encoded."""
        self.images[digest] = None
        self._waiting.append(prepared)
        if len(self._waiting) < self.batch:
            return False
        self._encode()
        return True

    def write(self) -> None:
        """Encode what still waits, put the segment in place, and begin the next."""
        if self._waiting:
            self._encode()
        if not self.images:
            return
        arrays: dict[str, np.ndarray] = {}
        if "pooled" in self.outputs:
            arrays["pooled"] = np.concatenate(self._pooled)
        if "tokens" in self.outputs:
            tokens = np.concatenate(self._tokens)
            rows, count, width = tokens.shape
            arrays["tokens"] = tokens.reshape(rows * count, width)
            arrays["offsets"] = np.arange(rows + 1, dtype=np.int64) * count
        write_segment(
            self.store.encoder_folder(self.encoder.card),
            self.encoder.card,
            tuple(self.images),
            arrays,
            outputs=self.outputs,
            batch=self.batch,
        )
        for rows_so_far in (self.images, self._pooled, self._tokens):
            rows_so_far.clear()

    def _encode(self) -> None:
        wanted = "tokens" in self.outputs
        for found in encode_images(self.encoder, self._waiting, batch=self.batch, tokens=wanted):
            if not bool(torch.isfinite(found.pooled).all()):
                raise InvalidValue(
                    f"{self.encoder.card.name!r} gave numbers that are not finite. Check its "
                    "weights and the dtype it computes in; nothing of this segment was kept."
                )
            self._pooled.append(_stored(found.pooled))
            if wanted and found.tokens is not None:
                self._tokens.append(_stored(found.tokens))
        self._waiting.clear()


def _stored(found: Tensor) -> np.ndarray:
    """As computed: float16 stays, all else is exact in float32."""
    kept = found if found.dtype == torch.float16 else found.to(torch.float32)
    array: np.ndarray = kept.cpu().numpy()
    return array

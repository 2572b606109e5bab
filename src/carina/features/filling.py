"""A segment that is being filled: images in, batches through the encoder, one folder out."""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from carina.core import InvalidValue
from carina.encoders import Encoded, ImageEncoder, encode_images
from carina.features.outputs import CORNERS, arrays_of
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
    _found: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(self, digest: str, prepared: Float[np.ndarray, "views channels rows cols"]) -> bool:
        """Take one more image; True where that filled a batch, which was then encoded.

        Args:
            digest: The image.
            prepared: The whole, and its corners where crops are kept.
        """
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
        card = self.encoder.card
        names = [name for output in self.outputs for name in arrays_of(card, output)]
        arrays = {name: np.concatenate(self._found[name]) for name in names if name != "offsets"}
        if "tokens" in arrays:
            rows, count, width = arrays["tokens"].shape
            arrays["tokens"] = arrays["tokens"].reshape(rows * count, width)
            arrays["offsets"] = np.arange(rows + 1, dtype=np.int64) * count
        write_segment(
            self.store.encoder_folder(card),
            card,
            tuple(self.images),
            arrays,
            outputs=self.outputs,
            batch=self.batch,
        )
        self.images.clear()
        self._found.clear()

    def _encode(self) -> None:
        """One batch: all whole images, then all first corners, and so on."""
        whole = self._run([views[0] for views in self._waiting], all_outputs=True)
        self._keep("pooled", whole.pooled)
        if "tokens" in self.outputs and whole.tokens is not None:
            self._keep("tokens", whole.tokens)
        if "stages" in self.outputs:
            names = arrays_of(self.encoder.card, "stages")
            for name, each in zip(names, whole.stages or (), strict=True):
                self._keep(name, each)
        if "crops" in self.outputs:
            parts = [
                self._run([views[1 + corner] for views in self._waiting], all_outputs=False)
                for corner in range(CORNERS)
            ]
            pooled = [whole.pooled, *(part.pooled for part in parts)]
            self._keep("crops", torch.stack(pooled, dim=1))
        self._waiting.clear()

    def _run(self, images: list[np.ndarray], *, all_outputs: bool) -> Encoded:
        (found,) = encode_images(
            self.encoder,
            images,
            batch=self.batch,
            tokens=all_outputs and "tokens" in self.outputs,
            stages=all_outputs and "stages" in self.outputs,
        )
        if not bool(torch.isfinite(found.pooled).all()):
            raise InvalidValue(
                f"{self.encoder.card.name!r} gave numbers that are not finite. Check its "
                "weights and the dtype it computes in; nothing of this segment was kept."
            )
        return found

    def _keep(self, name: str, found: Tensor) -> None:
        self._found.setdefault(name, []).append(_stored(found))


def _stored(found: Tensor) -> np.ndarray:
    """As computed: float16 stays, all else is exact in float32."""
    kept = found if found.dtype == torch.float16 else found.to(torch.float32)
    array: np.ndarray = kept.cpu().numpy()
    return array

"""A segment that is being filled: images in, batches through the encoder, one folder out."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from carina.core import InvalidValue
from carina.encoders import Encoded, ImageEncoder, encode_images
from carina.features.lanes import Lanes
from carina.features.outputs import CORNERS, arrays_of
from carina.features.segment import write_segment
from carina.features.store import Store

__all__ = ["Filling", "Running"]

Views = list[Float[np.ndarray, "views channels rows cols"]]
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One batch of images through an encoder, in any thread.

    Attributes:
        encoder: By whom.
        batch: Images that go through it together; a smaller batch is padded.
        outputs: What is kept.
    """

    encoder: ImageEncoder
    batch: int
    outputs: tuple[str, ...]

    def __call__(self, images: Views) -> Arrays:
        """What a segment keeps of them, by array: all whole images, then all first corners, ...

        Raises:
            InvalidValue: where the encoder gave numbers that are not finite.
        """
        whole = self._run([views[0] for views in images], all_outputs=True)
        found = {"pooled": whole.pooled}
        if "tokens" in self.outputs and whole.tokens is not None:
            found["tokens"] = whole.tokens
        if "stages" in self.outputs:
            names = arrays_of(self.encoder.card, "stages")
            found |= dict(zip(names, whole.stages or (), strict=True))
        if "crops" in self.outputs:
            parts = [
                self._run([views[1 + corner] for views in images], all_outputs=False)
                for corner in range(CORNERS)
            ]
            pooled = [whole.pooled, *(part.pooled for part in parts)]
            found["crops"] = torch.stack(pooled, dim=1)
        return {name: _stored(each) for name, each in found.items()}

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


@dataclass(slots=True, kw_only=True)
class Filling:
    """The rows since the last segment was written.

    What comes of them is put into one piece of memory an array: small pieces from many threads, kept
    until a segment is whole, would hold on to the memory between them.

    Attributes:
        store: Where segments go.
        running: What is done with a batch; boundaries count from the segment's first row.
        lanes: Where it is done.
        rows: Of a segment, at most.
        images: Digests of the rows so far.
    """

    store: Store
    running: Running
    lanes: Lanes[Views, Arrays]
    rows: int
    images: dict[str, None] = field(default_factory=dict)
    _waiting: Views = field(default_factory=list)
    _found: Arrays = field(default_factory=dict)
    _kept: int = 0

    def add(self, digest: str, prepared: Float[np.ndarray, "views channels rows cols"]) -> bool:
        """Take one more image; True where that filled a batch, which then went to the encoder.

        Args:
            digest: The image.
            prepared: The whole, and its corners where crops are kept.
        """
        self.images[digest] = None
        self._waiting.append(prepared)
        if len(self._waiting) < self.running.batch:
            return False
        self._encode()
        return True

    def write(self) -> None:
        """Encode what still waits, put the segment in place, and begin the next."""
        if self._waiting:
            self._encode()
        if not self.images:
            return
        self._keep(self.lanes.rest())
        card, outputs = self.running.encoder.card, self.running.outputs
        names = [name for output in outputs for name in arrays_of(card, output)]
        arrays = {name: self._found[name][: self._kept] for name in names if name != "offsets"}
        if "tokens" in arrays:
            rows, count, width = arrays["tokens"].shape
            arrays["tokens"] = arrays["tokens"].reshape(rows * count, width)
            arrays["offsets"] = np.arange(rows + 1, dtype=np.int64) * count
        write_segment(
            self.store.encoder_folder(card),
            card,
            tuple(self.images),
            arrays,
            outputs=outputs,
            batch=self.running.batch,
        )
        self.images.clear()
        self._found.clear()
        self._kept = 0

    def _encode(self) -> None:
        self._keep(self.lanes.give(self._waiting.copy()))
        self._waiting.clear()

    def _keep(self, batches: Iterable[Arrays]) -> None:
        for batch in batches:
            start, self._kept = self._kept, self._kept + len(batch["pooled"])
            for name, array in batch.items():
                room = self._found.get(name)
                if room is None:
                    room = np.empty((self.rows, *array.shape[1:]), array.dtype)
                # of an encoder that gives now float16, now float32, all is kept in float32
                self._found[name] = room.astype(np.result_type(room, array), copy=False)
                self._found[name][start : self._kept] = array


def _stored(found: Tensor) -> np.ndarray:
    """As computed: float16 stays, all else is exact in float32."""
    kept = found if found.dtype == torch.float16 else found.to(torch.float32)
    array: np.ndarray = kept.cpu().numpy()
    return array

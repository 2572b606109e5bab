"""From a row of a manifest to an encoder's input; what the store holds is not decoded again."""

from dataclasses import dataclass, field
from threading import local

import numpy as np
from jaxtyping import Float

from carina.core import InvalidValue, MissingFile, UnreadableFile
from carina.encoders import EncoderCard, Preprocess, prepare
from carina.features.digests import DigestCache, read_digested
from carina.features.outputs import corners
from carina.features.segment import read_segment
from carina.features.store import Store
from carina.studies import Canvas, Manifest, decode_image

__all__ = ["Fetcher", "Found", "Held"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What became of one row's file.

    Attributes:
        row: Of the manifest.
        key: The file's name in the cache of digests, or "".
        digest: Of its bytes; None where it could not be read.
        prepared: The encoder's input: the whole image, and its corners where they are wanted too;
            None where it is not needed or there is none.
        reason: Why there is none, or "".
    """

    row: int
    key: str = ""
    digest: str | None = None
    prepared: Float[np.ndarray, "views channels rows cols"] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Which images a store has by one encoder, as of the last look.

    Attributes:
        store: Which store.
        card: Which encoder.
        outputs: What must be there of an image.
        images: Their digests.
        folders: Segments looked into.
    """

    store: Store
    card: EncoderCard
    outputs: tuple[str, ...]
    images: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)

    def look_again(self) -> None:
        """Take in the segments that came since."""
        for folder in self.store.segment_folders(self.card):
            if folder.name not in self.folders:
                self.folders.add(folder.name)
                segment = read_segment(folder)
                if set(self.outputs) <= set(segment.made_by.outputs):
                    self.images.update(segment.images)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """Reads, digests, decodes and prepares one row after the other, in any thread.

    Attributes:
        manifest: The rows.
        preprocess: What the encoder takes.
        cache: Digests known already.
        held: Images not to decode.
        verify: Whether to hash files the cache knows.
    """

    manifest: Manifest
    preprocess: Preprocess
    cache: DigestCache
    held: Held
    verify: bool
    _of_thread: local = field(default_factory=local)

    def __call__(self, row: int) -> Found:
        """What became of a row's file; a fault of the file is a reason, not an error."""
        path = self.manifest.place(self.manifest.image[row])
        digest: str | None = None
        try:
            if not self.verify:
                known = self.cache.known.get(self.cache.key(path))
                if known in self.held.images:
                    return Found(row=row, digest=known)
            key, digest, data = read_digested(path, self.cache)
            if digest in self.held.images:
                return Found(row=row, key=key, digest=digest)
            pixels = decode_image(data, self._canvas()).pixels
            views = [pixels, *(corners(pixels) if "crops" in self.held.outputs else [])]
            prepared = np.stack([prepare(view, self.preprocess) for view in views])
        except (InvalidValue, MissingFile, UnreadableFile) as error:
            return Found(row=row, digest=digest, reason=str(error))
        return Found(row=row, key=key, digest=digest, prepared=prepared)

    def _canvas(self) -> Canvas:
        """The memory of this thread: a picture is prepared before the next is decoded."""
        if not hasattr(self._of_thread, "canvas"):
            self._of_thread.canvas = Canvas()
        canvas: Canvas = self._of_thread.canvas
        return canvas

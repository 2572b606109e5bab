"""``carina encode``."""

from collections import Counter
from pathlib import Path
from typing import Literal

from carina.cli.running import encode_to_end
from carina.cli.terminal import note
from carina.core import UnreadableFile
from carina.encoders import device as find_device
from carina.encoders import load_encoder
from carina.studies import ReportText, read_data, reports_as

__all__ = ["encode"]


def encode(
    data: Path,
    *,
    encoder: str,
    store: Path,
    weights: Path | None = None,
    mapping: Path | None = None,
    verify: bool = False,
    outputs: str = "pooled",
    dtype: str = "float32",
    device: str = "cpu",
    engine: str = "torch",
    reports: Literal["whole", "caption"] = "whole",
) -> None:
    """Compute frozen features once, into a store. What is there already is not computed again.

    An encoder of images reads the films, one of texts the reports.

    Args:
        data: The data folder, its table, or a collection of several data sets (TOML).
        encoder: Name of an encoder; see `carina encoders`.
        store: Folder of the store; made where there is none.
        weights: File of the encoder's weights, or hub:ID@REVISION, for encoders that need them; a
            file of features for embeddings:NAME. Your settings may name it once and for all.
        mapping: TOML that names the table's columns.
        verify: Hash every file again instead of trusting path, size and time.
        outputs: What to keep, with commas between: pooled, tokens (patches or words), stages (maps
            for decoders), crops (the whole image and its four corners).
        dtype: What the encoder computes in: float32, bfloat16 or float16. Another type is another
            encoder to the store.
        device: cpu, cuda, cuda:N, mps, or auto for the fastest there is.
        engine: What runs an encoder of images: torch, or onnx (needs carina[onnx]), which is quicker
            on a CPU, begins seconds later, and is another encoder to the store.
        reports: What an encoder of texts reads of a report: whole, or caption, the words of
            impression and findings, as `carina pretrain --recipe adaptor-paper` wants them.
    """
    manifest = reports_as(read_data(data, mapping), ReportText(reports))
    done = encode_to_end(
        manifest,
        load_encoder(
            encoder,
            weights=weights,
            device=find_device(None if device == "auto" else device),
            dtype=dtype,
            engine=engine,
        ),
        store,
        verify=verify,
        outputs=tuple(name.strip() for name in outputs.split(",") if name.strip()),
    )
    what = "images" if done.card.modality == "image" else "reports"
    note(
        f"{encoder}: {done.encoded} of {len(manifest)} {what} encoded in {done.seconds:.0f} s, "
        f"{len(manifest) - done.encoded - len(done.set_aside)} were there already, "
        f"{len(done.set_aside)} set aside."
    )
    for reason, count in Counter(aside.reason for aside in done.set_aside).most_common():
        first = next(aside.row for aside in done.set_aside if aside.reason == reason)
        note(f"  {count} x {reason} First: {manifest.image[first]}")
    if len(done.set_aside) == len(manifest):
        raise UnreadableFile(
            f"No {what.removesuffix('s')} could be read, so there are no features; see above."
        )

"""Encoding from files into a store, against a bare encoder and a minimal correct decoder.

The reference is core-seconds: one thread decodes each file as few lines can, another go sends the
prepared pictures through the bare encoder, in the batch and memory format found fastest; their sum is
divided by the cores. The decoder must prepare what carina prepares, to 1e-4 of a grey level of 255, and
the store must hold the bare encoder's features. Ours also digests every file, once, and writes the store.
The same once more with onnxruntime as the engine, against the same reference.
Beside it stand the reference with one digest a file, which is how films are known by their bytes; a loop
over files one by one; and the work alone in CPU seconds, which neighbours on a busy machine move less.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measured import Measured, Quantity, in_turns, show
from carina.core import digest_image, generator
from carina.encoders import FrozenImages, load_image_encoder
from carina.features import EncodedAll, Store, encode, fetching
from carina.features import digests as digesting
from carina.phantoms import draw
from carina.studies import LabelSpace, Manifest, decode_image

REACH = 1.11
SAME_PIXELS, SAME_FEATURES = 4e-7, 1e-4  # of grey from 0 to 1; of the largest feature
BATCHES = (1, 4, 8, 32)
SIDE, TALL, WIDE, BITS = 512, 3000, 2500, 14
PHANTOMS = 8


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:  # noqa: ARG001
    """From JPEG and from DICOM: against the sum of the parts, one by one, and in work."""
    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(cores)
    name = "toy-image" if small else "efficientnet-lite0"
    encoder, quick = load_image_encoder(name), load_image_encoder(name, engine="onnx")
    assert isinstance(encoder, FrozenImages)
    assert isinstance(quick, FrozenImages)
    shape = (300, 250) if small else (TALL, WIDE)
    forms: tuple[
        tuple[str, int, Callable[[Path, int], None], Callable[[Path], np.ndarray]], ...
    ] = (
        ("512 px JPEG", 4 if small else 192, write_jpeg, _bare_jpeg),
        (
            "3000 x 2500 16-bit DICOM",
            2 if small else 48,
            partial(write_dicom, shape=shape),
            _bare_dicom,
        ),
    )
    for form, files, write, bare in forms:
        with TemporaryDirectory() as scratch:
            for number in range(files):
                write(Path(scratch) / f"{number:04d}", number)
            yield from _compared(Path(scratch), encoder, quick, form, bare, cores, small=small)


def _compared(
    films: Path,
    encoder: FrozenImages,
    quick: FrozenImages,
    form: str,
    bare: Callable[[Path], np.ndarray],
    cores: int,
    *,
    small: bool,
) -> Iterator[Measured]:
    paths = sorted(films.iterdir())
    manifest = manifest_of(films, [path.name for path in paths])
    ours, by_onnxruntime = _Ours(manifest, encoder), _Ours(manifest, quick)
    prepared, features = _same(ours, paths, bare)
    _same_features(by_onnxruntime.features(), ours.features())
    assert ours.counted() == (len(paths), len(paths)), "a file was decoded or digested twice"
    spec = encoder.card.preprocess
    assert spec is not None
    batch = min(BATCHES, key=lambda size: _encoding(encoder, prepared[:32], size))
    decoding, encoding, took, worked, quickly, one_by_one = [], [], [], [], [], []
    for _ in range(1 if small else 3):
        decoding.append(_cpu_seconds(lambda: _decoding(paths, bare, spec.size)))
        encoding.append(_encoding(encoder, prepared, batch))
        wall, work = ours.run()
        took.append(wall)
        worked.append(work)
        quickly.append(by_onnxruntime.run()[0])
        (single,) = in_turns(lambda: _loop(encoder, paths[:8], bare), repeats=1)
        one_by_one.append(single / len(paths[:8]) * len(paths))
    core_seconds = float(np.median(decoding)) + float(np.median(encoding))
    digesting_too = core_seconds + _digesting(paths[0]) * len(paths)
    sizes: dict[str, int | float | str] = {"files": len(paths), "cores": cores}
    notes: dict[str, float | str] = {
        "decoder, ms a file": 1000 * float(np.median(decoding)) / len(paths),
        "encoder, ms a file": 1000 * float(np.median(encoding)) / len(paths),
        "digest, ms a file": 1000 * _digesting(paths[0]),
        "batch of the bare encoder": batch,
        "largest difference of a feature, of the largest": features,
        "decoded and digested": "each file once",
    }
    name = f"encode_files, {form}"
    for what, quantity, mine, theirs, against, reach in (
        ("", Quantity.SECONDS, took, core_seconds / cores, "bare decoder and encoder", REACH),
        (
            ", by onnxruntime",
            Quantity.SECONDS,
            quickly,
            core_seconds / cores,
            "bare decoder and encoder, by torch",
            REACH,
        ),
        (
            ", digested too",
            Quantity.SECONDS,
            took,
            digesting_too / cores,
            "bare decoder and encoder, and one digest a file",
            None,
        ),
        (", one by one", Quantity.SECONDS, took, np.median(one_by_one), "a loop over files", None),
        (", work", Quantity.CPU_SECONDS, worked, core_seconds, "bare decoder and encoder", None),
    ):
        yield Measured(
            name=f"{name}{what}",
            quantity=quantity,
            ours=float(np.median(mine)),
            reference=float(theirs),
            against=against,
            reach=reach,
            sizes=sizes,
            notes=notes,
        )


class _Ours:
    """Carina encoding a manifest into a store that is not there."""

    def __init__(self, manifest: Manifest, encoder: FrozenImages) -> None:
        self._manifest, self._encoder = manifest, encoder

    def run(self) -> tuple[float, float]:
        """Seconds on the clock and of all cores."""
        with TemporaryDirectory() as scratch:
            wall, work = time.perf_counter(), time.process_time()
            self._into(Store(Path(scratch) / "store"))
            return time.perf_counter() - wall, time.process_time() - work

    def features(self) -> np.ndarray:
        """What the store then holds, a row a file."""
        with TemporaryDirectory() as scratch:
            store = Store(Path(scratch) / "store")
            digests = [digest for digest in self._into(store).digests if digest is not None]
            with store.table(self._encoder.card, digests) as table:
                return table.pooled().numpy()

    def counted(self) -> tuple[int, int]:
        """How often a file was decoded and digested."""
        with (
            patch.object(fetching, "decode_image", side_effect=decode_image) as decoded,
            patch.object(digesting, "digest_image", side_effect=digest_image) as digested,
        ):
            self.run()
        return decoded.call_count, digested.call_count

    def _into(self, store: Store) -> EncodedAll:
        *_, last = encode(self._manifest, self._encoder, store)
        assert isinstance(last, EncodedAll)
        return last


def _same(
    ours: _Ours, paths: list[Path], bare: Callable[[Path], np.ndarray]
) -> tuple[torch.Tensor, float]:
    """What the bare decoder prepares, once it is seen that it is what carina encodes."""
    encoder = ours._encoder
    spec = encoder.card.preprocess
    assert spec is not None
    grey = np.stack([_shrunk(bare(path), spec.size) for path in paths])
    for path, one in zip(paths[:4], grey, strict=False):
        apart = float(
            np.abs(_shrunk(decode_image(path.read_bytes()).pixels, spec.size) - one).max()
        )
        assert apart <= SAME_PIXELS, f"the decoders differ by {apart:.1e}"
    scaled = (grey * spec.scale - spec.mean[0]) / spec.deviation[0]
    prepared = torch.from_numpy(np.repeat(scaled[:, None], spec.channels, axis=1)).float()
    wanted = torch.cat([encoder.encode(part).pooled for part in torch.split(prepared, 8)]).numpy()
    return prepared, _same_features(ours.features(), wanted)


def _same_features(found: np.ndarray, wanted: np.ndarray) -> float:
    """The largest difference, as a share of the largest number, once it is seen to be small."""
    apart = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    assert apart <= SAME_FEATURES, f"features differ by {apart:.1e} of the largest"
    return apart


def _decoding(paths: list[Path], bare: Callable[[Path], np.ndarray], side: int) -> None:
    for path in paths:
        _shrunk(bare(path), side)


def _encoding(encoder: FrozenImages, prepared: torch.Tensor, batch: int) -> float:
    """CPU seconds of the bare module in one thread, in whichever memory format is faster."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    took = []
    for layout in (torch.contiguous_format, torch.channels_last):
        given = prepared.contiguous(memory_format=layout)

        @torch.inference_mode()
        def run(given: torch.Tensor = given) -> Any:
            return [encoder.module(part) for part in torch.split(given, batch)]

        took.append(_cpu_seconds(run))
    torch.set_num_threads(threads)
    return min(took)


def _loop(encoder: FrozenImages, paths: list[Path], bare: Callable[[Path], np.ndarray]) -> None:
    """What people write first: a file at a time."""
    spec = encoder.card.preprocess
    assert spec is not None
    for path in paths:
        grey = _shrunk(bare(path), spec.size)
        scaled = torch.from_numpy((grey * spec.scale - spec.mean[0]) / spec.deviation[0]).float()
        encoder.encode(scaled.expand(1, spec.channels, -1, -1))


def _bare_jpeg(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path, formats=["JPEG"]).convert("L"), dtype=np.float32) / 255


def _bare_dicom(path: Path) -> np.ndarray:
    dataset = dcmread(path)
    grey = dataset.pixel_array.astype(np.float32)
    grey -= float(dataset.WindowCenter) - 0.5
    grey /= float(dataset.WindowWidth) - 1
    grey += 0.5
    return np.clip(grey, 0, 1, out=grey)


def _shrunk(grey: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(grey).resize((side, side), Image.Resampling.BILINEAR))


def _film(number: int, shape: tuple[int, int]) -> np.ndarray:
    """A phantom enlarged, with noise of its own: no two files have the same bytes."""
    small = Image.fromarray(_drawn(number % PHANTOMS))
    grey = np.asarray(small.resize(shape[::-1], Image.Resampling.BICUBIC))
    noise = generator(number, "encode_files").normal(0, 0.01, (64, 64)).astype(np.float32)
    film: np.ndarray = np.clip(grey + np.resize(noise, shape), 0, 1)
    return film


@cache
def _drawn(number: int) -> np.ndarray:
    return draw(1, number, size=256).pixels.astype(np.float32)


def write_jpeg(path: Path, number: int) -> None:
    """A phantom of 512 pixels a side."""
    pixels = np.round(255 * _film(number, (SIDE, SIDE))).astype(np.uint8)
    Image.fromarray(pixels).save(path, format="JPEG", quality=90)


def write_dicom(path: Path, number: int, *, shape: tuple[int, int]) -> None:
    """A phantom of rows and columns, 14 of 16 bits, not compressed."""
    top = 2**BITS - 1
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["encode_files", str(number)])
    dataset.Modality, dataset.PhotometricInterpretation = "DX", "MONOCHROME2"
    (dataset.Rows, dataset.Columns), dataset.SamplesPerPixel = shape, 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, BITS, BITS - 1
    dataset.PixelRepresentation = 0
    dataset.WindowCenter, dataset.WindowWidth = 2 ** (BITS - 1), top
    dataset.PixelData = np.round(top * _film(number, shape)).astype("<u2").tobytes()
    dataset.save_as(path, enforce_file_format=True)


def manifest_of(root: Path, names: list[str]) -> Manifest:
    """Files below a folder, a patient each, with nothing known of them."""
    nothing = ("",) * len(names)
    return Manifest(
        root=root,
        image=tuple(names),
        study=tuple(names),
        patient=tuple(names),
        view=nothing,
        sex=nothing,
        age=(float("nan"),) * len(names),
        site=nothing,
        date=nothing,
        split=("train",) * len(names),
        report=nothing,
        labels=np.zeros((len(names), 1), dtype=np.int8),
        space=LabelSpace(names=("Edema",)),
    )


def _digesting(path: Path) -> float:
    data = path.read_bytes()
    return min(_cpu_seconds(lambda: digest_image(data)) for _ in range(5))


def _cpu_seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


if __name__ == "__main__":
    show(measured, about=__doc__)

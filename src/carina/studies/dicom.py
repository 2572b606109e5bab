"""One grey picture from a DICOM radiograph, by the pixel pipeline of the standard.

Stored values, modality LUT, VOI LUT or window, presentation: PS3.3 sections C.7.6.3, C.11.1,
C.11.2 and C.8.11.3. Decompression is pydicom's and its plugins'.
"""

import io
import struct
from collections.abc import Callable, Iterator
from secrets import token_hex
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Integer, Num

from carina.core import UnreadableFile, salted
from carina.studies.apart import decode_apart
from carina.studies.dicom_header import age_of, laterality_of, view_of
from carina.studies.dicom_values import modality_of, voi_of
from carina.studies.picture import Canvas, Flag, Form, Picture, check_size
from carina.studies.quiet import quietly, without_panic

__all__ = ["looks_like_dicom", "read_dicom"]

_SALT = token_hex(16)  # of this process, so that no number kept tells of a study's
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_RADIOGRAPHS = ("CR", "DX", "DR", "RG", "RF", "XC", "OT", "SC", "")  # or what cannot tell
_GREY = ("MONOCHROME1", "MONOCHROME2")
_BLOCK = 1 << 17  # values worked on at a time
_DEFERRED = 1 << 20  # bytes of an element from which on it is not read unless asked for
_COLOUR = ("RGB", "YBR", "PALETTE COLOR", *_GREY)


def looks_like_dicom(data: bytes) -> bool:
    """Whether bytes begin as DICOM does, with its preamble or with a first group of old files."""
    return data[128:132] == b"DICM" or data[:2] in (b"\x02\x00", b"\x08\x00")


def read_dicom(data: bytes, canvas: Canvas | None = None) -> Picture:
    """The picture in the bytes of a single-frame grey DICOM object.

    With a VOI LUT or window (the first) 0 and 1 are the ends of its output; without, they are the
    lowest and highest value that is not padding, after the modality LUT. Dense is bright whatever
    the photometric interpretation. Padding becomes background, 0.

    Args:
        data: The file.
        canvas: Where the pixels are put; new memory where not given.

    Raises:
        UnreadableFile: with the reason: several frames, colour, no or truncated pixel data, a size
            beyond reason, a compression nobody here decodes, or a malformed header.
    """
    # pydicom takes 0.2 s to import: only who reads a DICOM file waits for it.
    from pydicom.errors import BytesLengthException, InvalidDicomError

    try:
        with quietly():
            _check_deflated(data)
            return _picture(_opened(data), data, canvas or Canvas())
    except UnreadableFile:
        raise
    except InvalidDicomError:
        raise UnreadableFile("Damaged DICOM: it begins as one and does not go on as one.") from None
    except (
        *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
        *(OSError, RuntimeError, TypeError, ValueError, struct.error, BytesLengthException),
    ) as error:
        # The decoder's own words may quote the file; the kind of error is all that leaves.
        raise UnreadableFile(
            f"Damaged DICOM or a feature no decoder here knows: {type(error).__name__}. "
            "Copy the file anew or store it uncompressed."
        ) from None


def _check_deflated(data: bytes) -> None:
    """Refuse what opening would inflate, by its file meta group alone, however long that is."""
    from pydicom.filereader import read_dataset, read_preamble

    file = io.BytesIO(data)
    read_preamble(file, force=True)
    meta = read_dataset(
        file,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag.group != 2,
    )
    for tag in list(meta.keys())[:1]:
        _ = meta[tag]  # of no known kind: pydicom would read the group again in another way
    if _DEFLATED in data[: file.tell()]:
        raise UnreadableFile(
            "Deflated as a whole, which can hide any size: wanted plain or image-compressed DICOM. "
            "Store it again in another transfer syntax."
        )


def _opened(data: bytes) -> Any:
    from pydicom import dcmread
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    dataset = dcmread(io.BytesIO(data), force=data[128:132] != b"DICM", defer_size=_DEFERRED)
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit = dataset.original_encoding[0]
        dataset.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        )
    return dataset


def _picture(dataset: Any, data: bytes, canvas: Canvas) -> Picture:
    _check_header(dataset)
    _check_pixel_data(dataset, data)
    codes, index = _samples(dataset, data)
    padding = _padding(dataset, codes)
    values, (voi, how) = modality_of(dataset)(codes), voi_of(dataset)
    flags = _flags(dataset)
    # INVERSE is how a DX object with MONOCHROME1 says the same thing again (PS3.3 C.8.11.1):
    # together they turn the picture round once, not twice.
    photometric = str(dataset.PhotometricInterpretation).strip()
    shape = str(dataset.get("PresentationLUTShape", "")).strip()
    if inverted := photometric == "MONOCHROME1" or shape == "INVERSE":
        flags.append(Flag.INVERTED)
    if voi is None or padding.any():
        seen = _seen(index, len(codes))
        image = seen & ~padding
        if not image.any():
            raise UnreadableFile("Nothing but padding: no pixel holds an image.")
        if (seen & padding).any():
            flags.append(Flag.PADDED)
        voi = voi or _stretch(values[image])
    shown = voi(values)
    grey = (1 - shown if inverted else shown).astype(np.float32)
    grey[padding] = 0
    study = str(dataset.get("StudyInstanceUID", None) or "").strip()
    return Picture(
        pixels=_looked_up(grey, index, canvas.of(index.shape)),
        form=Form.DICOM,
        photometric=photometric,
        bits=int(dataset.BitsStored),
        flags=(*flags, *how),
        study_key=f"{salted(study, _SALT):016x}" if study else "",
        view=view_of(dataset),
        laterality=laterality_of(dataset),
        age=age_of(dataset),
    )


def _check_header(dataset: Any) -> None:
    """Refuse by what the header declares, before any pixel is decoded."""
    if "Rows" not in dataset or "Columns" not in dataset:
        raise UnreadableFile("No image in it: truncated, or a DICOM object of another kind.")
    check_size(int(dataset.Rows), int(dataset.Columns))
    frames = int(dataset.get("NumberOfFrames", None) or 1)
    if frames != 1:
        raise UnreadableFile("Several frames in one file: wanted one image.")
    photometric = str(dataset.get("PhotometricInterpretation", "")).strip()
    if photometric not in _GREY or int(dataset.get("SamplesPerPixel", 1)) != 1:
        colour = photometric.startswith(_COLOUR)
        raise UnreadableFile(
            f"Not a grey image: {photometric[:16] if colour else 'no known photometry'}; "
            f"wanted {' or '.join(_GREY)}."
        )
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise UnreadableFile("Floating-point pixels: wanted whole numbers.")
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if allocated not in (8, 16, 32) or not 1 <= stored <= min(allocated, 16):
        raise UnreadableFile(
            f"Bit depth: {stored} stored in {allocated}; wanted 1-16 in 8, 16 or 32."
        )
    if int(dataset.get("HighBit", stored - 1)) != stored - 1:
        raise UnreadableFile("Bit depth: the high bit is not the last of the bits stored.")


def _check_pixel_data(dataset: Any, data: bytes) -> None:
    """Refuse pixel data shorter than the header says, or larger inside than outside."""
    from pydicom.encaps import generate_frames

    if "PixelData" not in dataset:
        raise UnreadableFile("No pixel data: truncated, or a DICOM object without an image.")
    rows, cols = int(dataset.Rows), int(dataset.Columns)
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        wanted = rows * cols * int(dataset.BitsAllocated) // 8
        there = _bytes_there(dataset, data)
        if there < wanted:
            raise UnreadableFile(f"Truncated: {there} of {wanted} bytes of pixels.")
        return
    inside = _codestream_size(next(generate_frames(dataset.PixelData, number_of_frames=1)))
    if inside not in (None, (rows, cols)):
        raise UnreadableFile(
            f"Sizes disagree: the header declares {rows} x {cols}, the compressed image another."
        )


def _left(dataset: Any) -> Any:
    """The element of the pixels where it was left in the file; None where it was read."""
    element = dataset.get_item("PixelData", keep_deferred=True)
    return element if element.is_raw and element.value is None else None


def _bytes_there(dataset: Any, data: bytes) -> int:
    """Bytes of pixels, of those declared, that the file has."""
    if (left := _left(dataset)) is None:
        return len(dataset.PixelData)
    return min(int(left.length), len(data) - int(left.value_tell))


def _codestream_size(frame: bytes) -> tuple[int, int] | None:
    """Rows and columns that a JPEG, JPEG-LS or JPEG 2000 stream itself declares, if it is one."""
    at = frame.find(b"\xff\x4f\xff\x51", 0, 1024)
    if at >= 0:  # JPEG 2000: SOC, SIZ (ISO 15444-1, A.5.1)
        right, bottom, left, top = struct.unpack_from(">4I", frame, at + 8)
        return bottom - top, right - left
    if not frame.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 <= len(frame) and frame[at] == 0xFF:
        marker, length = frame[at + 1], int.from_bytes(frame[at + 2 : at + 4], "big")
        frame_header = 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)
        if frame_header or marker == 0xF7:  # SOFn; SOF55 of JPEG-LS
            rows, cols = struct.unpack_from(">2H", frame, at + 5)
            return rows, cols
        at += 2 + length
    return None


def _samples(
    dataset: Any, data: bytes
) -> tuple[Num[np.ndarray, " codes"], Integer[np.ndarray, "rows cols"]]:
    """The values a sample can have, and which of them each pixel has.

    There are few of them, so what they stand for is worked out once for each and then looked up.
    """
    left = _left(dataset)
    if left is not None and _plain(dataset):
        wide = int(dataset.BitsAllocated) // 8
        shape = int(dataset.Rows), int(dataset.Columns)
        index = np.frombuffer(data, f"<u{wide}", count=shape[0] * shape[1], offset=left.value_tell)
        return _every(wide, dataset), index.reshape(shape)
    stored = _stored(dataset, data)
    if stored.itemsize > 2:  # of so many not all can be listed
        codes, places = np.unique(stored, return_inverse=True)
        return codes, places.reshape(stored.shape)
    native = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    every = np.arange(256**native.itemsize).astype(f"u{native.itemsize}")
    return every.view(native.dtype), native.view(every.dtype)


def _plain(dataset: Any) -> bool:
    """Whether the samples lie in the file as a processor wants them."""
    syntax = dataset.file_meta.TransferSyntaxUID
    return (
        not syntax.is_encapsulated
        and syntax.is_little_endian
        and int(dataset.BitsAllocated) in (8, 16)
    )


def _every(wide: int, dataset: Any) -> Integer[np.ndarray, " codes"]:
    """What each value of so many bytes says by the bits that are stored; the others say nothing."""
    unused = 8 * wide - int(dataset.BitsStored)
    every = np.arange(256**wide).astype(f"u{wide}")
    signed = every.view(f"i{wide}") if int(dataset.PixelRepresentation) else every
    stored: np.ndarray = signed << unused >> unused
    return stored


def _looked_up(
    grey: Float32[np.ndarray, " codes"],
    index: Integer[np.ndarray, "rows cols"],
    pixels: Float32[np.ndarray, "rows cols"],
) -> Float32[np.ndarray, "rows cols"]:
    for rows in _blocks(index):
        np.take(grey, index[rows], out=pixels[rows], mode="clip")  # which keeps no copy
    return pixels


def _seen(index: Integer[np.ndarray, "rows cols"], codes: int) -> Bool[np.ndarray, " codes"]:
    """Which values occur."""
    seen = np.zeros(codes, dtype=bool)
    for rows in _blocks(index):
        seen[index[rows]] = True
    return seen


def _blocks(index: Integer[np.ndarray, "rows cols"]) -> Iterator[slice]:
    """Rows of a film, as many at a time as a core's cache has room for with a word a pixel."""
    step = max(1, _BLOCK // index.shape[1])
    return (slice(start, start + step) for start in range(0, len(index), step))


def _stored(dataset: Any, data: bytes) -> Num[np.ndarray, "rows cols"]:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import JPEGExtended12Bit

    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        plain: np.ndarray = pixel_array(dataset, raw=True)
        return plain
    try:
        plugins = get_decoder(syntax).available_plugins
    except RuntimeError:  # pydicom knows no such syntax
        plugins = ()
    # gdcm would give 12-bit samples of lossy JPEG a shape and no sense; Pillow reads 8 bits.
    if not plugins or (syntax == JPEGExtended12Bit and dataset.BitsStored > 8):
        raise UnreadableFile(f"Compression nobody here decodes: {syntax.name[:64]}.")
    for plugin in (plugin for plugin in plugins if plugin != "gdcm"):
        try:
            with without_panic():
                stored: np.ndarray = pixel_array(dataset, raw=True, decoding_plugin=plugin)
        except RuntimeError:  # what pydicom raises where a plugin could not
            continue
        return stored
    if "gdcm" in plugins:
        return decode_apart(data)
    raise UnreadableFile("Damaged pixels: no decoder here can read them. Copy the file anew.")


def _padding(dataset: Any, codes: Num[np.ndarray, " codes"]) -> Bool[np.ndarray, " codes"]:
    """Which values hold no image (PS3.3 C.7.5.1.1.2)."""
    value = dataset.get("PixelPaddingValue", None)
    if value is None:
        return np.zeros(len(codes), dtype=bool)
    limit = dataset.get("PixelPaddingRangeLimit", None)
    # The header may hold the bits of a signed value as an unsigned one: compare them as stored.
    ends = np.array([value, value if limit is None else limit], dtype=np.int64)
    low, high = sorted(ends.astype(codes.dtype).tolist())
    inside: np.ndarray = (codes >= low) & (codes <= high)
    return inside


def _stretch(occurring: Float[np.ndarray, " values"]) -> Callable[[np.ndarray], np.ndarray]:
    """From values to their place between the lowest and the highest; 0 where they are one."""
    low, high = float(occurring.min()), float(occurring.max())

    def stretched(values: np.ndarray) -> np.ndarray:
        if low == high:
            return np.zeros(values.shape)
        values -= low
        values /= high - low
        return np.clip(values, 0, 1, out=values)

    return stretched


def _flags(dataset: Any) -> list[Flag]:
    said = {
        Flag.BURNED_IN: ("BurnedInAnnotation", "YES"),
        Flag.LOSSY: ("LossyImageCompression", "01"),
        Flag.UNPROCESSED: ("PresentationIntentType", "FOR PROCESSING"),
    }
    flags = [
        flag
        for flag, (keyword, value) in said.items()
        if str(dataset.get(keyword, "")).strip() == value
    ]
    modality = str(dataset.get("Modality", None) or "").strip()
    return flags if modality in _RADIOGRAPHS else [*flags, Flag.NO_RADIOGRAPH]

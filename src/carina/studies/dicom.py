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
from jaxtyping import Bool, Num

from carina.core import UnreadableFile, salted
from carina.studies.apart import decode_apart
from carina.studies.dicom_header import age_of, laterality_of, view_of
from carina.studies.dicom_values import modality_of, voi_of
from carina.studies.picture import Flag, Form, Picture, check_size
from carina.studies.quiet import quietly, without_panic

__all__ = ["looks_like_dicom", "read_dicom"]

_SALT = token_hex(16)  # of this process, so that no number kept tells of a study's
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_RADIOGRAPHS = ("CR", "DX", "DR", "RG", "RF", "XC", "OT", "SC", "")  # or what cannot tell
_GREY = ("MONOCHROME1", "MONOCHROME2")
_BLOCK = 1 << 16  # values worked on at a time
_COLOUR = ("RGB", "YBR", "PALETTE COLOR", *_GREY)


def looks_like_dicom(data: bytes) -> bool:
    """Whether bytes begin as DICOM does, with its preamble or with a first group of old files."""
    return data[128:132] == b"DICM" or data[:2] in (b"\x02\x00", b"\x08\x00")


def read_dicom(data: bytes) -> Picture:
    """The picture in the bytes of a single-frame grey DICOM object.

    With a VOI LUT or window (the first) 0 and 1 are the ends of its output; without, they are the
    lowest and highest value that is not padding, after the modality LUT. Dense is bright whatever
    the photometric interpretation. Padding becomes background, 0.

    Raises:
        UnreadableFile: with the reason: several frames, colour, no or truncated pixel data, a size
            beyond reason, a compression nobody here decodes, or a malformed header.
    """
    # pydicom takes 0.2 s to import: only who reads a DICOM file waits for it.
    from pydicom.errors import BytesLengthException, InvalidDicomError

    try:
        with quietly():
            _check_deflated(data)
            return _picture(_opened(data), data)
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

    dataset = dcmread(io.BytesIO(data), force=data[128:132] != b"DICM")
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit = dataset.original_encoding[0]
        dataset.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        )
    return dataset


def _picture(dataset: Any, data: bytes) -> Picture:
    _check_header(dataset)
    _check_pixel_data(dataset)
    stored = _stored(dataset, data)
    padding = _padding(dataset, stored)
    if padding is not None and padding.all():
        raise UnreadableFile("Nothing but padding: no pixel holds an image.")
    flags = _flags(dataset)
    modality, (voi, how) = modality_of(dataset), voi_of(dataset)
    if voi is None:
        voi = _stretch(*_ends(stored, padding, modality))
    # INVERSE is how a DX object with MONOCHROME1 says the same thing again (PS3.3 C.8.11.1):
    # together they turn the picture round once, not twice.
    photometric = str(dataset.PhotometricInterpretation).strip()
    shape = str(dataset.get("PresentationLUTShape", "")).strip()
    if inverted := photometric == "MONOCHROME1" or shape == "INVERSE":
        flags.append(Flag.INVERTED)
    if padding is not None and padding.any():
        flags.append(Flag.PADDED)
    pixels = np.empty(stored.shape, dtype=np.float32)
    for rows in _blocks(stored):
        shown = voi(modality(stored[rows]))
        pixels[rows] = np.subtract(1, shown, out=shown) if inverted else shown
    if padding is not None:
        pixels[padding] = 0
    study = str(dataset.get("StudyInstanceUID", None) or "").strip()
    return Picture(
        pixels=pixels,
        form=Form.DICOM,
        photometric=photometric,
        bits=int(dataset.BitsStored),
        flags=(*flags, *how),
        study_key=f"{salted(study, _SALT):016x}" if study else "",
        view=view_of(dataset),
        laterality=laterality_of(dataset),
        age=age_of(dataset),
    )


def _blocks(stored: Num[np.ndarray, "rows cols"]) -> Iterator[slice]:
    """Rows of a film, as many at a time as a core's cache has room for in float64."""
    step = max(1, _BLOCK // stored.shape[1])
    return (slice(start, start + step) for start in range(0, len(stored), step))


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


def _check_pixel_data(dataset: Any) -> None:
    """Refuse pixel data shorter than the header says, or larger inside than outside."""
    from pydicom.encaps import generate_frames

    if "PixelData" not in dataset:
        raise UnreadableFile("No pixel data: truncated, or a DICOM object without an image.")
    rows, cols = int(dataset.Rows), int(dataset.Columns)
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        wanted = rows * cols * int(dataset.BitsAllocated) // 8
        if len(dataset.PixelData) < wanted:
            raise UnreadableFile(
                f"Truncated: {len(dataset.PixelData)} of {wanted} bytes of pixels."
            )
        return
    inside = _codestream_size(next(generate_frames(dataset.PixelData, number_of_frames=1)))
    if inside not in (None, (rows, cols)):
        raise UnreadableFile(
            f"Sizes disagree: the header declares {rows} x {cols}, the compressed image another."
        )


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
    except NotImplementedError:  # what pydicom raises for a syntax it does not know
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


def _padding(
    dataset: Any, stored: Num[np.ndarray, "rows cols"]
) -> Bool[np.ndarray, "rows cols"] | None:
    """Pixels of the stored values that hold no image (PS3.3 C.7.5.1.1.2); None where none is named."""
    value = dataset.get("PixelPaddingValue", None)
    if value is None:
        return None
    limit = dataset.get("PixelPaddingRangeLimit", None)
    # The header may hold the bits of a signed value as an unsigned one: compare them as stored.
    ends = np.array([value, value if limit is None else limit], dtype=np.int64)
    low, high = sorted(ends.astype(stored.dtype).tolist())
    inside: np.ndarray = (stored >= low) & (stored <= high)
    return inside


def _ends(
    stored: Num[np.ndarray, "rows cols"],
    padding: Bool[np.ndarray, "rows cols"] | None,
    modality: Callable[[np.ndarray], np.ndarray],
) -> tuple[float, float]:
    """The lowest and the highest value that is not padding."""
    low, high = np.inf, -np.inf
    for rows in _blocks(stored):
        inside = stored[rows] if padding is None else stored[rows][~padding[rows]]
        if inside.size:
            values = modality(inside)
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    return low, high


def _stretch(low: float, high: float) -> Callable[[np.ndarray], np.ndarray]:
    """From values to their place between the two; 0 where they are one."""

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

"""PNG, JPEG and DICOM files to one grey picture; each file is read once."""

import io
import struct
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from PIL import Image, ImageOps

from carina.core import MissingFile, UnreadableFile, digest_image
from carina.studies.dicom import looks_like_dicom, read_dicom
from carina.studies.picture import Canvas, Flag, Form, Picture, check_size
from carina.studies.quiet import quietly

__all__ = ["decode_image", "image_bytes", "load_image", "looks_like_image", "read_image"]

_MAX_BYTES = 1 << 30
_SIGNATURES = {b"\x89PNG\r\n\x1a\n": Form.PNG, b"\xff\xd8\xff": Form.JPEG}
_SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")
_BITS = {"1": 1, "L": 8, "P": 8, "LA": 8, "PA": 8, "RGB": 8, "RGBA": 8, "CMYK": 8, "I;16": 16}


def read_image(path: Path) -> Picture:
    """The picture a file holds; see `decode_image`.

    Raises:
        MissingFile: where there is no such file.
        UnreadableFile: with the reason, which names neither the file nor the patient.
    """
    return decode_image(image_bytes(path))


def load_image(path: Path) -> tuple[str, Picture]:
    """The digest of a file's bytes and the picture they hold, from one reading.

    Raises:
        MissingFile, UnreadableFile: as `read_image`.
    """
    data = image_bytes(path)
    return digest_image(data), decode_image(data)


def decode_image(data: bytes, canvas: Canvas | None = None) -> Picture:
    """The picture in the bytes of a PNG, JPEG or DICOM file.

    PNG and JPEG samples are divided by the largest their depth can hold; colours and palettes
    become grey by their luma (ITU-R BT.601), what is transparent becomes background, and the
    orientation a JPEG declares is applied. For DICOM see `read_dicom`.

    Args:
        data: The file.
        canvas: Where the pixels of a DICOM film may be put, for a thread that is done with one
            picture before it asks for the next; new memory where not given.

    Raises:
        UnreadableFile: with the reason, which names neither the file nor the patient.
    """
    for signature, form in _SIGNATURES.items():
        if data.startswith(signature):
            return _raster(data, form)
    if looks_like_dicom(data):
        return read_dicom(data, canvas)
    if not data:
        raise UnreadableFile("The file is empty.")
    raise UnreadableFile(
        "Not a form carina reads; wanted PNG, JPEG or DICOM. Convert it, or leave the row out."
    )


def looks_like_image(path: Path) -> bool:
    """Whether a file is called a PNG, JPEG or DICOM file or begins as one; no more of it is read.

    DICOM files often have no suffix, or the end of a number for one.
    """
    if path.suffix.lower() in _SUFFIXES:
        return path.is_file()
    try:
        with path.open("rb") as file:
            begins = file.read(132)
    except OSError:
        return False
    return begins.startswith(tuple(_SIGNATURES)) or begins[128:] == b"DICM"


def image_bytes(path: Path) -> bytes:
    """The bytes of a file that may hold an image; of more than 1 GiB nothing is read.

    Raises:
        MissingFile: where there is no such file.
        UnreadableFile: where it is too large or cannot be opened, without a path in the message.
    """
    try:
        large = path.stat().st_size > _MAX_BYTES
        data = b"" if large else path.read_bytes()
    except FileNotFoundError:
        raise MissingFile("The file is not there.") from None
    except OSError as error:
        raise UnreadableFile(f"The file cannot be opened: {type(error).__name__}.") from None
    if large:
        raise UnreadableFile("Too large: the file has more than 1 GiB.")
    return data


def _raster(data: bytes, form: Form) -> Picture:
    try:
        with quietly(), Image.open(io.BytesIO(data), formats=[form]) as image:
            check_size(image.height, image.width)
            _check_mode(image)
            image.load()
            pixels = _grey(ImageOps.exif_transpose(image) if form is Form.JPEG else image)
            grey = image.mode in ("1", "L", "LA", "I;16")
            noted = {Flag.COLOUR: not grey, Flag.LOSSY: form is Form.JPEG}
            palette = image.mode in ("P", "PA")
            return Picture(
                pixels=pixels,
                form=form,
                photometric="MONOCHROME2" if grey else "PALETTE COLOR" if palette else "RGB",
                bits=_BITS[image.mode],
                flags=tuple(flag for flag, so in noted.items() if so),
            )
    except UnreadableFile:
        raise
    except Image.DecompressionBombError:
        raise UnreadableFile("Too large: the header declares more pixels than memory.") from None
    except (
        *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
        *(OSError, RuntimeError, SyntaxError, TypeError, ValueError, struct.error),
    ):
        raise UnreadableFile(
            f"Truncated or damaged {form}: its pixels cannot be decoded. Copy the file anew."
        ) from None


def _check_mode(image: Image.Image) -> None:
    if getattr(image, "n_frames", 1) > 1:
        raise UnreadableFile("Several frames in one file: wanted one image.")
    if image.mode not in _BITS:
        raise UnreadableFile(
            f"Samples of kind {image.mode!r}: wanted 8 or 16 bit grey, a palette or colour."
        )


def _grey(image: Image.Image) -> Float32[np.ndarray, "rows cols"]:
    if image.mode == "I;16":
        return np.asarray(image, dtype=np.float32) / 65535
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), colours)
    elif image.mode == "P":
        image = image.convert("RGB")
    return np.asarray(image.convert("L"), dtype=np.float32) / 255

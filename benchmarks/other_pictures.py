"""Pictures that are no chest films, for fitting and for judging the input guard.

They come out of packages that ship them (pydicom's own test files, sample images of scikit-learn,
matplotlib and scikit-image) and out of a pencil: pages of text, charts, noise, shapes. The two
parts share no source picture, and no kind of drawing.
"""

import io
from collections.abc import Callable, Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

PARTS = ("fit", "test")
_SKIMAGE = {
    "fit": (
        *("astronaut.png", "brick.png", "coins.png", "chelsea.png", "coffee.png", "gravel.png"),
        *("grass.png", "ihc.png", "page.png", "color.png", "logo.png", "camera.png"),
    ),
    "test": (
        *("retina.jpg", "rocket.jpg", "hubble_deep_field.jpg", "motorcycle_left.png", "moon.png"),
        *("cell.png", "text.png", "clock_motion.png", "horse.png", "microaneurysms.png"),
    ),
}
_DICOM = {
    "fit": ("CT_small.dcm", "MR_small.dcm", "examples_palette.dcm", "examples_rgb_color.dcm"),
    "test": (
        *("693_J2KI.dcm", "J2K_pixelrep_mismatch.dcm", "examples_overlay.dcm", "JPEG2000.dcm"),
        *("examples_ybr_color.dcm", "examples_jpeg2k.dcm", "liver_1frame.dcm"),
    ),
}
_CROPS = 8

Named = tuple[str, str, np.ndarray]
"""Kind, name of the source picture, and grey values in [0, 1]."""


def pictures(part: str, skimage_data: Path | None) -> Iterator[Named]:
    """Every picture of a part, each source picture whole and in crops.

    Args:
        part: "fit" or "test".
        skimage_data: The folder ``skimage/data``, where scikit-image is not installed.
    """
    random = np.random.default_rng(PARTS.index(part))
    for kind, name, image in _whole(part, skimage_data):
        for grey in _crops(image, random):
            yield kind, name, grey
    for number in range(12):
        for kind, draw in _DRAWN[part].items():
            yield "drawn", kind, draw(np.random.default_rng([number, len(kind)]))


def _whole(part: str, skimage_data: Path | None) -> Iterator[tuple[str, str, Image.Image]]:
    folder = skimage_data
    if folder is None and find_spec("skimage") is not None:
        folder = Path(str(files("skimage").joinpath("data")))
    if folder is not None:
        for name in _SKIMAGE[part]:
            yield "photograph or page", name, _flat(Image.open(folder / name))
        if part == "test":
            faces = np.load(folder / "lfw_subset.npy")[:200:4]
            for number, face in enumerate(faces):
                yield "face", f"face {number}", _bytes(face).resize((100, 100))
    if part == "test":
        for package, path in (
            ("sklearn.datasets", "images/china.jpg"),
            ("sklearn.datasets", "images/flower.jpg"),
            ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
        ):
            data = files(package).joinpath(path).read_bytes()
            yield "photograph or page", path, Image.open(io.BytesIO(data))
    for name in _DICOM[part]:
        yield "other body part", name, _dicom(name)


def _dicom(name: str) -> Image.Image:
    import pydicom
    from pydicom.data import get_testdata_file
    from pydicom.pixels.processing import apply_color_lut

    path = get_testdata_file(name, download=False)
    dataset = pydicom.dcmread(str(path))
    values = dataset.pixel_array
    if "PALETTE" in dataset.PhotometricInterpretation:
        values = apply_color_lut(values, dataset)
    values = (
        values[0] if values.ndim == 4 or (values.ndim == 3 and values.shape[-1] != 3) else values
    )
    return _bytes(values.mean(axis=-1) if values.ndim == 3 else values)


def _bytes(values: np.ndarray) -> Image.Image:
    low, high = np.percentile(values, [0.5, 99.5])
    spread = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    return Image.fromarray(np.round(255 * spread).astype(np.uint8))


def _flat(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "P"):
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, image.convert("RGBA"))
    return image


def _crops(image: Image.Image, random: np.random.Generator) -> Iterator[np.ndarray]:
    grey = image.convert("L")
    grey.thumbnail((512, 512))
    values = np.asarray(grey, dtype=np.float32) / 255
    yield values
    rows, cols = values.shape
    for _ in range(_CROPS if min(rows, cols) >= 64 else 0):
        height, width = (int(n * random.uniform(0.3, 0.7)) for n in (rows, cols))
        top, left = random.integers(rows - height + 1), random.integers(cols - width + 1)
        yield values[top : top + height, left : left + width]


def _text(random: np.random.Generator) -> np.ndarray:
    page = Image.new("L", (300, 400), 255)
    pencil = ImageDraw.Draw(page)
    for line in range(20, 380, 14):
        words = "".join(random.choice(list("abcdefghij lmnop "), size=int(random.integers(20, 45))))
        pencil.text((20, line), words, fill=0)
    return np.asarray(page, dtype=np.float32) / 255


def _noise(random: np.random.Generator) -> np.ndarray:
    return random.random((200, 180)).astype(np.float32)


def _stripes(random: np.random.Generator) -> np.ndarray:
    rows, cols = np.mgrid[0:200, 0:200]
    across, down = random.uniform(-0.5, 0.5, size=2)
    made: np.ndarray = (0.5 + 0.5 * np.sin(across * rows + down * cols)).astype(np.float32)
    return made


def _chart(random: np.random.Generator) -> np.ndarray:
    page = Image.new("L", (320, 240), 255)
    pencil = ImageDraw.Draw(page)
    pencil.line([(30, 10), (30, 210), (310, 210)], fill=0, width=2)
    for bar in range(8):
        high = int(random.integers(10, 190))
        pencil.rectangle([40 + 33 * bar, 210 - high, 62 + 33 * bar, 210], fill=110)
    return np.asarray(page, dtype=np.float32) / 255


def _blobs(random: np.random.Generator) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    values = gaussian_filter(random.standard_normal((220, 200)), 9)
    made: np.ndarray = (values - values.min()) / np.ptp(values)
    return made.astype(np.float32)


def _shapes(random: np.random.Generator) -> np.ndarray:
    page = Image.new("L", (256, 256), int(random.integers(256)))
    pencil = ImageDraw.Draw(page)
    for _ in range(int(random.integers(2, 9))):
        left, top = random.integers(0, 200, size=2).tolist()
        wide, high = random.integers(10, 120, size=2).tolist()
        shape = pencil.ellipse if random.random() < 0.5 else pencil.rectangle
        shape([left, top, left + wide, top + high], fill=int(random.integers(256)))
    return np.asarray(page, dtype=np.float32) / 255


_DRAWN: dict[str, dict[str, Callable[[np.random.Generator], np.ndarray]]] = {
    "fit": {"text": _text, "noise": _noise, "stripes": _stripes},
    "test": {"chart": _chart, "blobs": _blobs, "shapes": _shapes},
}

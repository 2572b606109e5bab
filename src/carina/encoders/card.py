"""What an encoder is, in words and numbers that change when, and only when, its numbers can."""

from dataclasses import dataclass, field, fields

from carina.core import InvalidValue, fingerprint, near

__all__ = [
    "DTYPES",
    "ENGINES",
    "FROM_FILE",
    "ONNX",
    "UNKNOWN_SOURCE",
    "EncoderCard",
    "Exposure",
    "Preprocess",
    "Stage",
]

UNKNOWN_SOURCE = "unknown"
"""Source of an exposure where nobody can say what was seen: it may be any data set."""

FROM_FILE = "file"
"""Engine of what is no model but a file of features: it has no preprocess and encodes nothing."""

ONNX = "onnx"
"""Engine of what onnxruntime runs."""

ENGINES = ("torch", ONNX)
"""What may run an encoder's network."""

_MODALITIES = ("image", "text")
_FITS = ("squash", "crop", "pad")
_INTERPOLATIONS = ("bilinear", "bicubic")
DTYPES = ("float32", "bfloat16", "float16")
"""What an encoder may compute in; its outputs are float32 all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """How one grey image in [0, 1] becomes the encoder's input.

    The image is stretched where asked for, resized with antialiasing, cropped or padded to a
    square, repeated to `channels`, then ``(pixel * scale - mean) / deviation``.

    Attributes:
        size: Rows and columns the encoder takes.
        fit: "squash" (both sides to size), "crop" (shorter side to resize, centre crop) or
            "pad" (longer side to size, padded with black, centred).
        resize: Shorter side before a centre crop; 0 means `size`.
        channels: 1, or 3 for three copies of the grey image.
        scale: What a pixel in [0, 1] is multiplied by first (255 for byte-valued recipes).
        mean: Subtracted, per channel, or one for all.
        deviation: Divided by, per channel, or one for all.
        interpolation: "bilinear" or "bicubic".
        stretch: Whether the image's darkest and brightest pixel first become 0 and 1.

    Raises:
        InvalidValue: naming the field no image could be prepared with.
    """

    size: int
    fit: str = "squash"
    resize: int = 0
    channels: int = 3
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)
    interpolation: str = "bilinear"
    stretch: bool = False

    def __post_init__(self) -> None:
        _one_of("fit", self.fit, _FITS)
        _one_of("interpolation", self.interpolation, _INTERPOLATIONS)
        if self.size < 1:
            raise InvalidValue(f"Preprocess.size is at least 1; got {self.size}.")
        if self.resize and (self.fit != "crop" or self.resize < self.size):
            raise InvalidValue(
                f"Preprocess.resize is for fit='crop' and at least size; got resize={self.resize}, "
                f"size={self.size}, fit={self.fit!r}."
            )
        if self.channels not in (1, 3):
            raise InvalidValue(f"Preprocess.channels is 1 or 3; got {self.channels}.")
        for name, values in (("mean", self.mean), ("deviation", self.deviation)):
            if len(values) not in (1, self.channels):
                raise InvalidValue(
                    f"Preprocess.{name} has one value, or one for each of {self.channels} "
                    f"channel(s); got {len(values)}."
                )
        if not (self.scale > 0 and min(self.deviation) > 0):
            raise InvalidValue("Preprocess.scale and every deviation are above 0.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Films and labels the weights have seen, so that no test on them passes for unseen.

    Attributes:
        source: Name of the data set, as a manifest's `source` gives it, or `UNKNOWN_SOURCE`.
        what: In words: which films, which labels, how it is known.
        unseen_column: Column of the data set's table that is "0" for films surely unseen, or "".
    """

    source: str
    what: str
    unseen_column: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A map inside an image encoder that a decoder may use as a skip.

    Attributes:
        stride: Input pixels a cell of the map spans, in either direction.
        width: Channels of the map.
    """

    stride: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderCard:
    """The identity of a frozen encoder.

    Attributes:
        name: As on the command line.
        modality: "image" or "text".
        revision: Upstream's version of the weights.
        recipe_version: Raised by hand when carina's own code changes an output.
        weights: Digest of the sorted (name, dtype, shape, bytes) of the weights, and of whatever
            else of a checkpoint shapes the numbers (its layers, its vocabulary); "" only in a
            listing, where no weights have been read.
        dim: Width of the pooled output.
        token_dim: Width of a token, or 0 where it gives none.
        grid: Rows and columns of the token map for images; (0, 0) where there is none.
        stages: Maps it can give beside, fine to coarse; none for most transformers.
        space: Encoders with one space are comparable by cosine; "" where it is alone.
        preprocess: For images.
        max_tokens: Where a text is cut; 0 where it never is.
        batch: Items a batch has unless told; another size may move the last bits of float32.
        dtype: What it computes in, one of `DTYPES`.
        engine: What runs it, one of `ENGINES`, or `FROM_FILE`.
        licence: As upstream states it.
        citation: One line.
        exposed_to: What its weights have seen.

    Raises:
        InvalidValue: where the fields contradict each other.
    """

    name: str
    modality: str
    revision: str
    recipe_version: int
    weights: str
    dim: int
    token_dim: int = 0
    grid: tuple[int, int] = (0, 0)
    stages: tuple[Stage, ...] = ()
    space: str = ""
    preprocess: Preprocess | None = None
    max_tokens: int = 0
    batch: int = 4
    dtype: str = "float32"
    engine: str = "torch"
    licence: str = ""
    citation: str = ""
    exposed_to: tuple[Exposure, ...] = field(default=())

    def __post_init__(self) -> None:
        _one_of("modality", self.modality, _MODALITIES)
        _one_of("dtype", self.dtype, DTYPES)
        takes_pixels = self.modality == "image" and self.engine != FROM_FILE
        if takes_pixels != (self.preprocess is not None):
            raise InvalidValue(
                f"Image encoders, and only they, have a preprocess; {self.name!r} reads "
                f"{self.modality} and has {'one' if self.preprocess else 'none'}."
            )
        if self.dim < 1 or self.batch < 1:
            raise InvalidValue(
                f"dim and batch of {self.name!r} are at least 1; got {self.dim} and {self.batch}."
            )

    @property
    def fingerprint(self) -> str:
        """Over what can change a number: not over licence, citation or exposure.

        Nor over `batch`: a family's own choice of it is part of `recipe_version`.
        """
        return fingerprint(
            {
                "name": self.name,
                "modality": self.modality,
                "revision": self.revision,
                "recipe_version": self.recipe_version,
                "weights": self.weights,
                "preprocess": _told(self.preprocess),
                "max_tokens": self.max_tokens,
                "dtype": self.dtype,
                "engine": self.engine,
            }
        )


def _told(spec: Preprocess | None) -> dict[str, object] | None:
    """A recipe without the steps it does not take that came later: stores made before stay found."""
    if spec is None:
        return None
    told = {"kind": type(spec).__name__} | {
        each.name: getattr(spec, each.name) for each in fields(spec)
    }
    if not spec.stretch:
        del told["stretch"]
    return told


def _one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        hint = near(value, known)
        raise InvalidValue(f"No {what} {value!r}.{hint} Known: {', '.join(known)}.")

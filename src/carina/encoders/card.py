"""What an encoder is, in words and numbers that change when, and only when, its numbers can."""

from dataclasses import dataclass, field

from carina.core import fingerprint

__all__ = ["EncoderCard", "Exposure", "Preprocess"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """How one grey image in [0, 1] becomes the encoder's input.

    The image is resized with antialiasing, cropped or padded to a square, repeated to
    `channels`, then ``(pixel * scale - mean) / deviation``.

    Attributes:
        size: Rows and columns the encoder takes.
        fit: "squash" (both sides to size), "crop" (shorter side to resize, centre crop) or
            "pad" (longer side to size, padded with black, centred).
        resize: Shorter side before a centre crop; 0 means `size`.
        channels: 1, or 3 for three copies of the grey image.
        scale: What a pixel in [0, 1] is multiplied by first (255 for byte-valued recipes).
        mean: Subtracted, per channel.
        deviation: Divided by, per channel.
        interpolation: "bilinear" or "bicubic".
    """

    size: int
    fit: str = "squash"
    resize: int = 0
    channels: int = 3
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)
    interpolation: str = "bilinear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Films and labels the weights have seen, so that no test on them passes for unseen.

    Attributes:
        source: Name of the data set, as a manifest's `source` gives it.
        what: In words: which films, which labels, how it is known.
        unseen_column: Column of the data set's table that is "0" for films surely unseen, or "".
    """

    source: str
    what: str
    unseen_column: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderCard:
    """The identity of a frozen encoder.

    Attributes:
        name: As on the command line.
        modality: "image" or "text".
        revision: Upstream's version of the weights.
        recipe_version: Raised by hand when carina's own code changes an output.
        weights: Digest of the sorted (name, dtype, shape, bytes) of the weights.
        dim: Width of the pooled output.
        token_dim: Width of a token, or 0 where it gives none.
        grid: Rows and columns of the token map for images; (0, 0) where there is none.
        space: Encoders with one space are comparable by cosine; "" where it is alone.
        preprocess: For images.
        max_tokens: For texts.
        dtype: What it computes in.
        engine: What runs it ("torch").
        licence: As upstream states it.
        citation: One line.
        exposed_to: What its weights have seen.
    """

    name: str
    modality: str
    revision: str
    recipe_version: int
    weights: str
    dim: int
    token_dim: int = 0
    grid: tuple[int, int] = (0, 0)
    space: str = ""
    preprocess: Preprocess | None = None
    max_tokens: int = 0
    dtype: str = "float32"
    engine: str = "torch"
    licence: str = ""
    citation: str = ""
    exposed_to: tuple[Exposure, ...] = field(default=())

    @property
    def fingerprint(self) -> str:
        """Over what can change a number: not over licence, citation or exposure."""
        return fingerprint(
            {
                "name": self.name,
                "modality": self.modality,
                "revision": self.revision,
                "recipe_version": self.recipe_version,
                "weights": self.weights,
                "preprocess": self.preprocess,
                "max_tokens": self.max_tokens,
                "dtype": self.dtype,
                "engine": self.engine,
            }
        )

"""Images to answers: each file read once, in batches of a fixed size, with the bits of the run."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from carina.adaptors import finding_map, upsampled
from carina.bundles import AnswerRule, Bundle, read_bundle
from carina.core import InvalidValue, Mismatch, MissingFile, UnreadableFile
from carina.encoders import (
    FROM_FILE,
    EncoderCard,
    ImageEncoder,
    encode_images,
    encoder_info,
    load_image_encoder,
    prepare,
    side_by_side,
    user_settings,
)
from carina.serving.answers import Prediction, Predictions, SetAside, answered, by_study
from carina.serving.heat import Heat
from carina.studies import inspect, read_image

__all__ = ["Predictor", "load_predictor"]

_CHUNK = 64  # images held in memory at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictor:
    """A bundle and the encoders it stands on.

    An image's answers are the same bits alone, in any company, and in the run that was bundled, on
    one machine with one number of threads: another number moved EfficientNet's features by up to
    5e-6 (measured).

    Attributes:
        bundle: What answers.
        encoders: Those its cards name, in their order.
        check_input: Whether pictures that are probably inverted, rotated, lateral or no chest
            films get "out of scope" and no answer; see `carina.studies.inspect`.

    Raises:
        Mismatch: where an encoder is not the one the bundle was made with.
    """

    bundle: Bundle
    encoders: tuple[ImageEncoder, ...]
    check_input: bool = True

    def __post_init__(self) -> None:
        _check_pixels(self.bundle.encoders)
        if len(self.encoders) != len(self.bundle.encoders):
            raise Mismatch(
                f"The bundle stands on {len(self.bundle.encoders)} image encoder(s); got "
                f"{len(self.encoders)}."
            )
        for wanted, came in zip(self.bundle.encoders, self.encoders, strict=True):
            if came.card.fingerprint != wanted.fingerprint:
                raise Mismatch(_another(wanted, came.card))

    def predict(
        self, images: Iterable[Path], *, study_of: Callable[[Path], str] | None = None
    ) -> Iterator[Prediction | SetAside]:
        """Answers image by image, in order; what cannot be read is set aside with its reason.

        Args:
            images: PNG, JPEG or DICOM files.
            study_of: Names the study of an image file (`by_folder`, or a look into a table; "" for
                none). Without it, DICOM files belong together by their study instance UID, and
                PNG and JPEG files, which do not say, stand alone.
        """
        numbers: dict[str, int] = {}
        waiting = iter(images)
        while chunk := list(islice(waiting, _CHUNK)):
            found = [self._read(image, study_of) for image in chunk]
            scores = iter(self._scores([one for one in found if _in_scope(one)]))
            for one in found:
                if isinstance(one, SetAside):
                    yield one
                else:
                    yield self._said(one, next(scores) if _in_scope(one) else None, numbers)

    def predict_all(
        self, images: Iterable[Path], *, study_of: Callable[[Path], str] | None = None
    ) -> Predictions:
        """`predict` to its end, with the answers for studies of several images."""
        return self.gathered(self.predict(images, study_of=study_of))

    def gathered(self, said: Iterable[Prediction | SetAside]) -> Predictions:
        """What one `predict` said, with the answers for studies of several images."""
        every = list(said)
        predictions = [one for one in every if isinstance(one, Prediction)]
        return Predictions(
            bundle=self.bundle.fingerprint,
            images=tuple(predictions),
            studies=by_study(predictions, self._rules),
            set_aside=tuple(one for one in every if isinstance(one, SetAside)),
            intended_use=self.bundle.intended_use,
        )

    def require_grid(self) -> None:
        """Refuse to say where, for a bundle that cannot; asked before any image is read.

        Raises:
            Mismatch: where the bundle stands on several encoders, or its encoder gives no grid.
        """
        card = self.encoders[0].card
        if len(self.encoders) > 1 or not card.token_dim or card.preprocess is None:
            names = " + ".join(encoder.card.name for encoder in self.encoders)
            raise Mismatch(
                f"A heat map needs one encoder with a grid; this bundle stands on {names}. Bundle "
                "a run over one encoder; carina encoders --json shows which have a grid."
            )

    def heat(self, image: Path, findings: Sequence[str]) -> tuple[Heat, ...]:
        """Where on an image the reader sees some findings; see `finding_map` for what it means.

        Where an Adaptor stands before the readout, it takes each cell as if it were a whole film.

        Args:
            image: PNG, JPEG or DICOM file.
            findings: Of those the bundle scores.

        Raises:
            Mismatch: as `require_grid`.
            UnknownName: for a finding the bundle does not score.
            MissingFile, UnreadableFile: where the image cannot be read.
        """
        self.require_grid()
        card = self.encoders[0].card
        assert card.preprocess is not None  # noqa: S101 - asked before
        pixels = read_image(image).pixels
        (found,) = encode_images(self.encoders[0], [prepare(pixels, card.preprocess)], tokens=True)
        assert found.tokens is not None  # noqa: S101 - the card says it gives them
        size = card.preprocess.size
        as_seen = replace(card.preprocess, channels=1, scale=1.0, mean=(0.0,), deviation=(1.0,))
        film = prepare(pixels, as_seen)[0]
        pooled, cells = self.bundle.taken(found.pooled), self._cells(found.tokens)
        maps = (finding_map(self.bundle.readout, finding, pooled, cells) for finding in findings)
        return tuple(
            Heat(
                image=image,
                finding=finding,
                film=film,
                heat=upsampled(each, card.grid, size)[0].numpy(),
            )
            for finding, each in zip(findings, maps, strict=True)
        )

    def _cells(
        self, tokens: Float[Tensor, "films cells dim"]
    ) -> Float[Tensor, "films cells taken"]:
        """Cells of films as the readout takes them."""
        over = self.bundle.pretrained
        if over is None:
            return tokens
        if tokens.shape[2] != over.image_dim:
            raise Mismatch(
                f"The encoder's cells are {tokens.shape[2]} wide and the bundle's Adaptor takes "
                f"{over.image_dim}, so it cannot read them. Heat maps are of readers over one "
                "encoder whose cells are as wide as its pooled vector."
            )
        taken = self.bundle.taken(tokens.flatten(0, 1))
        return taken.reshape(*tokens.shape[:2], -1)

    @property
    def _rules(self) -> dict[str, AnswerRule]:
        return {rule.label: rule for rule in self.bundle.rules}

    def _read(self, image: Path, study_of: Callable[[Path], str] | None) -> "_Read | SetAside":
        try:
            picture = read_image(image)
            specs = [encoder.card.preprocess for encoder in self.encoders]
            prepared = tuple(prepare(picture.pixels, spec) for spec in specs if spec is not None)
        except (InvalidValue, MissingFile, UnreadableFile) as error:
            return SetAside(image=image, reason=str(error))
        study = picture.study_key if study_of is None else study_of(image)
        problems = inspect(picture).problems if self.check_input else ()
        return _Read(
            image=image,
            study=study,
            prepared=prepared,
            out_of_scope=tuple(str(problem) for problem in problems),
        )

    def _scores(self, read: "list[_Read | SetAside]") -> Float[np.ndarray, "images labels"]:
        if not read:
            return np.empty((0, len(self.bundle.labels)))
        blocks = [
            torch.cat(
                [
                    batch.pooled.float()
                    for batch in encode_images(
                        encoder, [one.prepared[place] for one in read if isinstance(one, _Read)]
                    )
                ]
            )
            for place, encoder in enumerate(self.encoders)
        ]
        scores: np.ndarray = self.bundle.answer(side_by_side(blocks)).difference.double().numpy()
        return scores

    def _said(
        self, read: "_Read", scores: Float[np.ndarray, " labels"] | None, numbers: dict[str, int]
    ) -> Prediction | SetAside:
        study = numbers.setdefault(read.study, len(numbers) + 1) if read.study else None
        if scores is None:
            return Prediction(
                image=read.image, study=study, findings={}, out_of_scope=read.out_of_scope
            )
        if not np.isfinite(scores).all():
            return SetAside(
                image=read.image, reason="The encoder gave numbers that are not finite."
            )
        rules = self._rules
        return Prediction(
            image=read.image,
            study=study,
            findings={
                label: answered(score, rules.get(label))
                for label, score in zip(self.bundle.labels, scores.tolist(), strict=True)
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Read:
    """An image as each encoder takes it, and the study it belongs to, "" where nothing says.

    Encoders take images of different sizes, so no axis of `prepared` is named.
    """

    image: Path
    study: str
    prepared: tuple[Float[np.ndarray, "..."], ...]
    out_of_scope: tuple[str, ...]


def _in_scope(one: "_Read | SetAside") -> bool:
    return isinstance(one, _Read) and not one.out_of_scope


def load_predictor(
    folder: Path,
    *,
    weights: Path | None = None,
    device: torch.device | None = None,
    check_input: bool = True,
) -> Predictor:
    """The predictor of a bundle, with the encoders its cards name.

    Args:
        folder: The bundle's.
        weights: File of weights for an encoder that comes without; where none is named, the user's
            settings may say.
        device: Where the encoders run; the CPU where not given, as in a run.
        check_input: As `Predictor`.

    Raises:
        MissingFile, UnreadableFile, ConfigError: where there is no whole bundle.
        UnknownName: where the bundle wants an encoder nobody registered here.
        InvalidValue: where an encoder comes without weights and none are named.
        Mismatch: where the weights are not those the bundle was made with.
    """
    bundle = read_bundle(folder)
    _check_pixels(bundle.encoders)
    takers = _takers(bundle.encoders) if weights is not None else set()
    return Predictor(
        bundle=bundle,
        check_input=check_input,
        encoders=tuple(
            load_image_encoder(
                card.name,
                weights=weights if card.name in takers else None,
                device=device,
                dtype=card.dtype,
                engine=card.engine,
            )
            for card in bundle.encoders
        ),
    )


def _check_pixels(cards: tuple[EncoderCard, ...]) -> None:
    if files := [card.name for card in cards if card.engine == FROM_FILE]:
        raise Mismatch(
            f"This bundle answers features only: it learned from {files[0]}, a file of features, "
            "and no model here makes such features of an image. In Python: "
            "read_bundle(FOLDER).answer(FEATURES)."
        )


def _takers(cards: tuple[EncoderCard, ...]) -> set[str]:
    """Whom a weights file is for: who cannot do without, else who can take one, else anybody.

    Of several who cannot do without, those whose weights the user's settings tell are served.
    """
    takes = {card.name: encoder_info(card.name).weights for card in cards}
    for need in ("required", "optional"):
        if need in takes.values():
            able = {name for name, taken in takes.items() if taken == need}
            return able - set(user_settings().encoders) or able
    return set(takes)


def _another(wanted: EncoderCard, came: EncoderCard) -> str:
    what = f"The bundle was made with {wanted.name} ({wanted.fingerprint}), this is {came.name}"
    if came.name != wanted.name:
        return f"{what} ({came.fingerprint}). Give the encoders in the order of the bundle's cards."
    if came.weights != wanted.weights:
        return (
            f"{what} with other weights ({came.fingerprint}). "
            "Name the file of those it was made with: --weights PATH."
        )
    return (
        f"{what} with the same weights used in another way ({came.fingerprint}). "
        "Use the carina it was made with, or bundle the run again."
    )

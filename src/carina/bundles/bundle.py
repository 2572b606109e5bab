"""A reader ready to be used: what scores, how scores become answers, and where it all comes from."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from jaxtyping import Float
from torch import Tensor

from carina.adaptors import (
    Answer,
    CacheReadout,
    PretrainedAdaptor,
    Readout,
    Reads,
    answer_in_blocks,
    embed_in_blocks,
    pack,
    pack_pretrained,
    readout_bytes,
)
from carina.core import Estimate, InvalidValue, Mismatch, digest_arrays, fingerprint, unknown
from carina.encoders import EncoderCard
from carina.measures import Sigmoid

__all__ = ["INTENDED_USE", "AnswerRule", "Bundle", "Lesson", "UpdateState"]

INTENDED_USE = (
    "Research use only: not for diagnosis, triage or any decision about a patient. It answers for "
    "frontal chest radiographs like those it was taught on, and knows no other finding than those "
    "listed. A probability is as good as its calibration on the data it was taught on; on films of "
    "another hospital it may be wrong."
)
"""What a bundle is for, and what not, as its card says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRule:
    """How a finding's score becomes a probability, and a yes or no.

    Attributes:
        label: The finding.
        slope: Log odds gained a unit of score; not negative.
        intercept: Log odds at score 0.
        threshold: Score from which the answer is yes.
        rule: How the threshold was chosen ("best F1 out of fold").

    Raises:
        InvalidValue: where a number is not finite or the slope is negative.
    """

    label: str
    slope: float
    intercept: float
    threshold: float
    rule: str

    def __post_init__(self) -> None:
        _ = self.sigmoid  # which says what it wants
        if not isfinite(self.threshold):
            raise InvalidValue(f"A threshold is a finite score; got {self.threshold}.")

    @property
    def sigmoid(self) -> Sigmoid:
        """Score to probability."""
        return Sigmoid(slope=self.slope, intercept=self.intercept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A run, or an update, that taught the readout; nothing in it leads to a patient or to a day.

    Attributes:
        recipe: Its name; an update goes by the recipe of the run before.
        strategy: Kind of the strategy.
        source: The data set.
        run: Name of the run's folder, which changes with recipe, data and encoders; of an update,
            the beginning of the digest that the reader's history had.
        plan_id: Of the stream it followed.
        seed: Of everything random.
        after: How many experiences it had lived.
        experiences: Their names.
    """

    recipe: str
    strategy: str
    source: str
    run: str
    plan_id: str
    seed: int
    after: int
    experiences: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.after != len(self.experiences):
            raise InvalidValue(
                f"A lesson names each experience it had; got {len(self.experiences)} for "
                f"{self.after}."
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bundle:
    """What predicts.

    Attributes:
        readout: Head, or adaptors with encoded prompts and, where there is one, the alignment.
        rules: How scores become answers. A finding without a rule is 'not calibrated': its
            answer is a score, and no probability.
        encoders: Cards of the image encoders, side by side in this order (`side_by_side`).
        text_encoder: Card of the encoder whose prompts are inside; predicting does not need it.
        pretrained: The frozen Adaptor between the encoders and the readout; None for nothing.
        lineage: What taught it, first to last.
        auroc: On the patients the last run held back, by finding.
        single_patients: Whether a sum behind it, or a class it was learned from, may cover fewer
            than five patients.
        intended_use: For whoever reads the card.

    Raises:
        InvalidValue: where it answers for no finding, has two rules for one, or would hold rows of
            patients.
        UnknownName: where a rule or an AUROC is of a finding it does not score.
        Mismatch: where the encoders' features are not what the Adaptor or the readout takes, or
            the Adaptor stands on other encoders.
    """

    readout: Readout
    rules: tuple[AnswerRule, ...]
    encoders: tuple[EncoderCard, ...]
    text_encoder: EncoderCard | None = None
    pretrained: PretrainedAdaptor | None = None
    lineage: tuple[Lesson, ...] = ()
    auroc: Mapping[str, Estimate] = field(default_factory=dict)
    single_patients: bool
    intended_use: str = INTENDED_USE

    def __post_init__(self) -> None:
        if not self.labels:
            raise InvalidValue("A bundle answers for one finding or more; its readout has none.")
        if isinstance(self.readout, CacheReadout):
            raise InvalidValue(
                f"This readout predicts with patients' rows as they are, up to "
                f"{self.readout.values.shape[1]} a finding, and those leave no house. Bundle a run of "
                "a strategy that predicts without them (Ridge, Heads, RETune)."
            )
        named = [rule.label for rule in self.rules]
        for name in (*named, *self.auroc):
            if name not in self.labels:
                raise unknown("finding of this bundle", name, self.labels)
        if len(set(named)) < len(named):
            raise InvalidValue(f"A finding has one rule; got {', '.join(named)}.")
        wrong = [card.name for card in self.encoders if card.modality != "image"]
        if wrong or (self.text_encoder and self.text_encoder.modality != "text"):
            raise Mismatch(
                "A bundle stands on image encoders, and on a text encoder for its prompts; got "
                f"{wrong[0] if wrong else getattr(self.text_encoder, 'name', '')} in the other's "
                "place."
            )
        width, names = sum(card.dim for card in self.encoders), _names(self.encoders)
        over = self.pretrained
        if over is not None:
            _check_encoders(over, self.encoders, self.text_encoder)
            width, names = over.width, f"The Adaptor over {names}"
        if width != self.readout.dim:
            raise Mismatch(
                f"{names} gives features {width} wide, the readout takes {self.readout.dim}."
            )

    @property
    def labels(self) -> tuple[str, ...]:
        """The findings it answers for, in the order of the readout."""
        return self.readout.labels

    @property
    def fingerprint(self) -> str:
        """Changes when, and only when, something in it does."""
        plain, tensors = pack(self.readout)
        return fingerprint(
            {
                "readout": plain,
                "tensors": _digest(tensors),
                "rules": self.rules,
                "encoders": self.encoders,
                "text_encoder": self.text_encoder,
                "lineage": self.lineage,
                "auroc": self.auroc,
                "single_patients": self.single_patients,
                "intended_use": self.intended_use,
                **self._fingerprinted(),
            }
        )

    @property
    def bytes(self) -> dict[str, int]:
        """Bytes of numbers, by kind: "adaptor", "head", "prompts", "alignment", "pretrained"."""
        counted = readout_bytes(self.readout)
        if self.pretrained is not None:
            counted["pretrained"] = self.pretrained.bytes
        return counted

    def taken(self, features: Float[Tensor, "images dim"]) -> Float[Tensor, "images taken"]:
        """What the readout takes of the encoders' features: themselves, or what the Adaptor gives.

        An image's are the same bits in any company.

        Raises:
            Mismatch: where the features have another width.
        """
        return features if self.pretrained is None else embed_in_blocks(self.pretrained, features)

    def answer(self, features: Float[Tensor, "images dim"]) -> Answer:
        """Scores of images by their encoders' features; see `answer_in_blocks`.

        Raises:
            Mismatch: as `taken`.
        """
        return answer_in_blocks(self.readout, self.taken(features))

    def _fingerprinted(self) -> dict[str, Any]:
        """What an Adaptor adds to the fingerprint; nothing where there is none."""
        if self.pretrained is None:
            return {}
        plain, tensors = pack_pretrained(self.pretrained)
        return {"pretrained": plain, "pretrained_tensors": _digest(tensors)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UpdateState:
    """What learning on needs beside the readout; it leaves a house only where somebody asks for it.

    Attributes:
        tensors: By name, their kind before the first slash: "sums/...", "optimiser/...".
        notes: Plain JSON values that go with them.
        fewest_patients: At least so many patients are in any kept sum; None where none is kept.
        single_patients: Whether anything in it may stem from fewer than five patients.
        withheld: Findings whose sums stayed behind, and why.
    """

    tensors: Mapping[str, Tensor]
    notes: Mapping[str, Any] = field(default_factory=dict)
    fewest_patients: int | None
    single_patients: bool
    withheld: Mapping[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> dict[str, int]:
        """Bytes of numbers, by kind."""
        counted: Counter[str] = Counter()
        for name, tensor in self.tensors.items():
            counted[name.partition("/")[0]] += tensor.nbytes
        return dict(sorted(counted.items()))


def _check_encoders(
    over: PretrainedAdaptor, images: tuple[EncoderCard, ...], text: EncoderCard | None
) -> None:
    if over.reads is not Reads.VECTORS:
        raise Mismatch(
            "A bundle's encoders give one vector a film, and this Adaptor reads patches and words. "
            "Run the recipe over one that was pre-trained with reads = 'vectors'."
        )
    cards = (*images, *([text] if text else []))
    if [card.fingerprint for card in cards] != [over.image_encoder, over.text_encoder]:
        raise Mismatch(
            f"The Adaptor stands on other encoders than {_names(cards)}, or on other weights of "
            "theirs. Name an image encoder and a text encoder: those it was pre-trained over."
        )


def _names(cards: tuple[EncoderCard, ...]) -> str:
    return " + ".join(card.name for card in cards) or "No encoder"


def _digest(tensors: Mapping[str, Tensor]) -> str:
    return digest_arrays({name: tensor.numpy() for name, tensor in tensors.items()})

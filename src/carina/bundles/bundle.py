"""A reader ready to be used: what scores, how scores become answers, and where it all comes from."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from torch import Tensor

from carina.adaptors import CacheReadout, Readout, pack, readout_bytes
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
        lineage: What taught it, first to last.
        auroc: On the patients the last run held back, by finding.
        single_patients: Whether a sum behind it, or a class it was learned from, may cover fewer
            than five patients.
        intended_use: For whoever reads the card.

    Raises:
        InvalidValue: where it answers for no finding, has two rules for one, or would hold rows of
            patients.
        UnknownName: where a rule or an AUROC is of a finding it does not score.
        Mismatch: where the encoders' features are not what the readout takes.
    """

    readout: Readout
    rules: tuple[AnswerRule, ...]
    encoders: tuple[EncoderCard, ...]
    text_encoder: EncoderCard | None = None
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
        width = sum(card.dim for card in self.encoders)
        if width != self.readout.dim:
            raise Mismatch(
                f"{' + '.join(card.name for card in self.encoders) or 'No encoder'} gives features "
                f"{width} wide, the readout takes {self.readout.dim}."
            )

    @property
    def labels(self) -> tuple[str, ...]:
        """The findings it answers for, in the order of the readout."""
        return self.readout.labels

    @property
    def fingerprint(self) -> str:
        """Changes when, and only when, something in it does."""
        plain, tensors = pack(self.readout)
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        return fingerprint(
            {
                "readout": plain,
                "tensors": digest_arrays(arrays),
                "rules": self.rules,
                "encoders": self.encoders,
                "text_encoder": self.text_encoder,
                "lineage": self.lineage,
                "auroc": self.auroc,
                "single_patients": self.single_patients,
                "intended_use": self.intended_use,
            }
        )

    @property
    def bytes(self) -> dict[str, int]:
        """Bytes of numbers, by kind: "adaptor", "head", "prompts", "alignment"."""
        return readout_bytes(self.readout)


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

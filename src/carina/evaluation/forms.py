"""The parts of results.json that say where its numbers come from."""

from dataclasses import dataclass, field

from carina.core import Estimate

__all__ = ["Drift", "EncoderUsed", "ExperienceResult", "Language", "Lived", "PartResults"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What one experience took, and what it left behind: see `carina.learning.kept`.

    Attributes:
        seconds: Wall-clock time of learning, without scoring.
        optimiser_steps: Taken in it; 0 for closed forms.
        kept_bytes: What stays behind, by kind; "pretrained" is the Adaptor a run stands on.
        fewest_patients: Fewest patients in any kept sum, or None.
        single_patients: Whether anything kept stems from single patients.
        patient_rows: Rows of single patients' features kept as they are: patients' data.
        marks: What the strategy could not make of it.
    """

    seconds: float
    optimiser_steps: int
    kept_bytes: dict[str, int]
    fewest_patients: int | None
    single_patients: bool
    patient_rows: int
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperienceResult:
    """One step as it was lived.

    Attributes:
        name: The experience's.
        visible: Findings whose labels it showed.
        images: Films learned from.
        patients: Their patients.
        retracts: Whether what it shows was taken back instead of learned.
        confounding: Finding to the AUROC of a reader who knows the site alone; empty where films
            are of one site or of none that is known.
        marks: What is unusual about it ("Edema without negatives").
        lived: What it took and what it left behind.
    """

    name: str
    visible: tuple[str, ...]
    images: int
    patients: int
    retracts: bool = False
    confounding: dict[str, Estimate] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    lived: Lived


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderUsed:
    """A frozen encoder a run stands on, and what its weights have seen of the data.

    Attributes:
        name: As on the command line.
        fingerprint: Of its card.
        weights: Digest of its weights.
        modality: "image" or "text".
        dim: Width of its output.
        licence: As upstream states it.
        citation: One line.
        exposed: What it has seen of this very data set; "" where nothing is known.
    """

    name: str
    fingerprint: str
    weights: str
    modality: str
    dim: int
    licence: str
    citation: str
    exposed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartResults:
    """The means of one part, without its cells: see `Assessment`.

    Attributes:
        images: Films scored.
        patients: Their patients.
        macro: metric -> group -> one estimate per experience.
        summary: metric -> name -> estimate, of the last step.
    """

    images: int
    patients: int
    macro: dict[str, dict[str, tuple[Estimate, ...]]]
    summary: dict[str, dict[str, Estimate]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How a finding's adapted prompts move from step to step, as cosines; None before it was taught.

    Attributes:
        positive: After each experience, the positive prompt with what it was just after it was
            taught.
        negative: The negative prompt likewise.
        opposition: The positive with the negative prompt: near -1 they are opposed, and near 1
            they say the same.
    """

    positive: tuple[float | None, ...]
    negative: tuple[float | None, ...]
    opposition: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """What the same way of learning comes to with less language, or none.

    Attributes:
        auroc: Over the headline's findings after the last step, with the control in the place of
            the prompts.
        lost: That of the prompts less that of the control, paired by patient: what they gave.
    """

    auroc: Estimate
    lost: Estimate

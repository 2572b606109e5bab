"""What a run leaves for machines to read: the form of results.json."""

from dataclasses import dataclass, field
from pathlib import Path

from carina.core import Estimate, read_json, write_json

__all__ = [
    "SCHEMA_VERSION",
    "EncoderUsed",
    "ExperienceResult",
    "PartResults",
    "Results",
    "read_results",
    "write_results",
]

SCHEMA_VERSION = 1
"""Of the form of ``results.json``."""


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
        marks: What is unusual about it ("Edema without negatives"), and what the strategy could
            not make of it.
        seconds: Wall-clock time of learning, without scoring.
        optimiser_steps: Taken in it; 0 for closed forms.
        kept_bytes: What stays behind, by kind.
        fewest_patients: Fewest patients in any kept sum, or None.
        single_patients: Whether anything kept stems from single patients.
        patient_rows: Rows of single patients' features kept as they are: patients' data.
    """

    name: str
    visible: tuple[str, ...]
    images: int
    patients: int
    retracts: bool = False
    confounding: dict[str, Estimate] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    seconds: float
    optimiser_steps: int
    kept_bytes: dict[str, int]
    fewest_patients: int | None
    single_patients: bool
    patient_rows: int


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
class Results:
    """A run's numbers; every one of them on the card stands here.

    Attributes:
        schema_version: Of this form.
        run: Name of the run's folder.
        recipe: Name of the recipe.
        strategy: Kind of the strategy.
        source: The data set.
        plan_kind: The scenario: "by-class", "by-site", "deletion" and so on.
        plan_variant: Which form of it.
        plan_id: Runs of different plan ids never share a table.
        seed: Of everything random.
        labels: Findings, in order.
        taught: Step, from 1, that first showed each finding.
        groups: Named groups of findings, over which means are taken.
        headline: Name of the group that heads every table.
        experiences: The steps.
        zero_shot: Whether images and prompts share a space; if not, why_no_zero_shot says so.
        scores: metric -> one entry per experience -> finding -> estimate, on the test part.
        baseline: metric -> finding -> estimate, before any experience.
        macro: metric -> group -> one estimate per experience.
        summary: metric -> name -> estimate, of the last step.
        test_images: Films of the test part.
        test_patients: Their patients.
        out_of_fold: The same means for training patients, each scored by a learner that never
            saw them.
        unseen: The same means on test films no encoder's weights can have seen, where some may.
        encoders: What the run stands on.
        set_aside: Films that could not be read, by reason.
        leaks: Why every number here is too good, where the data's split is a published one that
            does not keep patients apart; "" otherwise.
        seconds: Wall-clock time by stage, of the attempt that finished the run.
        peak_memory_bytes: Largest resident size of the process.
        citations: Works this run owes.
    """

    schema_version: int = SCHEMA_VERSION
    run: str
    recipe: str
    strategy: str
    source: str
    plan_kind: str
    plan_variant: str
    plan_id: str
    seed: int
    labels: tuple[str, ...]
    taught: tuple[int, ...]
    groups: dict[str, tuple[str, ...]]
    headline: str
    experiences: tuple[ExperienceResult, ...]
    zero_shot: bool
    why_no_zero_shot: str = ""
    scores: dict[str, tuple[dict[str, Estimate], ...]]
    baseline: dict[str, dict[str, Estimate]]
    macro: dict[str, dict[str, tuple[Estimate, ...]]]
    summary: dict[str, dict[str, Estimate]]
    test_images: int
    test_patients: int
    out_of_fold: PartResults
    unseen: PartResults | None = None
    encoders: tuple[EncoderUsed, ...]
    set_aside: dict[str, int] = field(default_factory=dict)
    leaks: str = ""
    seconds: dict[str, float]
    peak_memory_bytes: int
    citations: tuple[str, ...] = ()


def write_results(path: Path, results: Results) -> None:
    """As JSON, whole or not at all."""
    write_json(path, results)


def read_results(path: Path) -> Results:
    """What `write_results` wrote.

    Raises:
        MissingFile, UnreadableFile, ConfigError: where it is not there or not of this form.
    """
    return read_json(path, Results)

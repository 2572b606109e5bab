"""What a run leaves for machines to read: the form of results.json."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from carina.core import ConfigError, Estimate, load, read_json, write_json
from carina.evaluation.calibrated import Calibration, CalibrationWay
from carina.evaluation.forms import Drift, EncoderUsed, ExperienceResult, Language, PartResults
from carina.evaluation.grouped import Subgroups
from carina.evaluation.operating import Operation

__all__ = ["SCHEMA_VERSION", "Results", "read_results", "write_results"]

SCHEMA_VERSION = 2
"""Of the form of ``results.json``."""


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
        positives: finding -> films shown with it over all experiences, each film once.
        groups: Named groups of findings, over which means are taken.
        headline: Name of the group that heads every table.
        experiences: The steps.
        zero_shot: Whether images and prompts share a space; if not, why_no_zero_shot says so.
        scores: metric -> one entry per experience -> finding -> estimate, on the test part.
        baseline: metric -> finding -> estimate, before any experience.
        macro: metric -> group -> one estimate per experience.
        progress: metric of ranking -> "learning", "potential" or "retention" -> one estimate per
            experience.
        decisions: "f1" or "f1_at_zero" -> measure of `DECIDED` -> one estimate per experience, over
            the headline's findings, decided as that metric decides.
        summary: metric -> name -> estimate, of the last step: see `Assessment`.
        delong: finding -> AUROC after the last step with DeLong's interval, of patients.
        calibration: finding -> whether its probabilities mean what they say, after the last step.
        over_prevalence: Mean over the headline's calibrated findings of Brier less that of always
            answering the prevalence, one estimate per experience.
        calibration_ways: way of calibrating -> what it comes to, beside the one the recipe chose.
        operating: finding -> its operating points, after the last step.
        subgroups: attribute of patients -> groups told apart by it.
        drift: finding -> how its adapted prompts moved; empty for strategies without.
        language: control -> what stands in the place of the prompts comes to; empty where the
            recipe asks for none.
        test_images: Films of the test part.
        test_patients: Their patients.
        out_of_fold: The same means for training patients, each scored by a learner that never
            saw them; or for those of val, where the recipe holds them apart.
        held_apart: Whether it does: calibration and thresholds are then chosen on val.
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
    positives: dict[str, int]
    groups: dict[str, tuple[str, ...]]
    headline: str
    experiences: tuple[ExperienceResult, ...]
    zero_shot: bool
    why_no_zero_shot: str = ""
    scores: dict[str, tuple[dict[str, Estimate], ...]]
    baseline: dict[str, dict[str, Estimate]]
    macro: dict[str, dict[str, tuple[Estimate, ...]]]
    progress: dict[str, dict[str, tuple[Estimate, ...]]]
    decisions: dict[str, dict[str, tuple[Estimate, ...]]]
    summary: dict[str, dict[str, Estimate]]
    delong: dict[str, Estimate]
    calibration: dict[str, Calibration]
    over_prevalence: tuple[Estimate, ...]
    calibration_ways: dict[str, CalibrationWay]
    operating: dict[str, tuple[Operation, ...]]
    subgroups: dict[str, Subgroups]
    drift: dict[str, Drift] = field(default_factory=dict)
    language: dict[str, Language] = field(default_factory=dict)
    test_images: int
    test_patients: int
    out_of_fold: PartResults
    held_apart: bool = False
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
        MissingFile, UnreadableFile, ConfigError: where it is not there, not of this form, or of a
            version that an earlier or a later carina wrote.
    """
    plain: dict[str, Any] = read_json(path, dict)
    version = plain.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise ConfigError(
            f"{path.name} is of form {version}, and this carina reads form {SCHEMA_VERSION}. Move "
            "the run's folder away and run the recipe again."
        )
    return load(plain, Results, what=path.name)

"""From answers to results: what the scores of a run amount to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from carina.adaptors import Control, Readout
from carina.core import Estimate, generator
from carina.evaluation import (
    VALIDATION,
    Calibration,
    CalibrationWay,
    Cells,
    EncoderUsed,
    ExperienceResult,
    Lived,
    Operation,
    Part,
    PartResults,
    Results,
    Scores,
    assess,
    calibration_way,
    cells_of,
    judge_calibration,
    operated,
    subgroups,
)
from carina.measures import brier_over_prevalence, delong
from carina.recipes.calibrate import Calibrated, decided
from carina.recipes.citations import citations
from carina.recipes.drift import drift_of
from carina.recipes.passes import Walked
from carina.recipes.preparation import Prepared
from carina.recipes.recipe import CalibrateBy, Continual
from carina.recipes.steering import language_of
from carina.streams import Stream

__all__ = ["Answered", "Steps", "results_of", "scores_of"]

_RANKED = ("auroc", "auroc_authors", "average_precision")

Steps = Sequence[Mapping[int, Calibrated]]
"""Calibration by step and column, from step 0."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered:
    """All that a run's results are made of.

    Attributes:
        recipe: What was run.
        prepared: On what.
        stream: Along which steps.
        ways: Calibration in every way; the recipe's own decides.
        outside: Scores of the part that choices are made on.
        test: Scores of the test part.
        lived: What each experience took and left behind.
        controls: What was answered with each control in the place of the prompts.
        readouts: What predicted after each.
        positives: Films that were shown with each finding, each once.
    """

    recipe: Continual
    prepared: Prepared
    stream: Stream
    ways: Mapping[CalibrateBy, Steps]
    outside: Scores
    test: Scores
    lived: tuple[Lived, ...]
    controls: Mapping[Control, Walked]
    readouts: Sequence[Readout | None]
    positives: Mapping[str, int]

    @property
    def calibration(self) -> Steps:
        """The recipe's."""
        return self.ways[self.recipe.calibration]

    @property
    def shown(self) -> Bool[np.ndarray, "experiences labels"]:
        """Whether each experience showed labels of each finding."""
        names = self.stream.space.names
        return np.array(
            [
                [name in experience.visible for name in names]
                for experience in self.stream.experiences
            ]
        )


def scores_of(
    name: str,
    prepared: Prepared,
    stream: Stream,
    rows: Int[np.ndarray, " rows"],
    answers: Walked,
    calibration: Steps,
) -> Scores:
    """The scores of one part: what was answered, as probabilities and decisions too."""
    probability, decision = decided(answers.difference, calibration)
    labelled, names = prepared.labelled, stream.space.names
    return Scores(
        part=Part(
            name=name,
            images=tuple(prepared.digests[row] for row in rows),
            patients=_ordinals(labelled.patients, rows),
            target=labelled.target[rows] & prepared.certain[rows],
            known=prepared.certain[rows],
            unseen=None if prepared.unseen is None else prepared.unseen[rows],
        ),
        space=stream.space,
        experiences=tuple(experience.name for experience in stream.experiences),
        difference=answers.difference,
        positive=answers.positive,
        probability=probability,
        decision=decision,
        why_undefined=_why(prepared, stream),
        why_no_probability={
            names[c]: each.why_no_probability
            for c, each in calibration[-1].items()
            if each.why_no_probability
        },
        why_no_decision={
            names[c]: each.why_no_decision
            for c, each in calibration[-1].items()
            if each.why_no_decision
        },
    )


def results_of(answered: Answered, name: str) -> Results:
    """Every number of a run, but for what it took.

    Args:
        answered: What it answered.
        name: Of its folder.
    """
    recipe, prepared, stream = answered.recipe, answered.prepared, answered.stream
    groups, outside, test = _groups(recipe, prepared), answered.outside, answered.test
    headline = next(iter(groups))
    cells = _cells(answered, test, "test")
    numbers = assess(cells, groups=groups, shown=answered.shown)
    unseen = test.part.unseen
    taught = _taught(answered.shown)
    return Results(
        run=name,
        recipe=recipe.name,
        strategy=type(recipe.strategy).__name__,
        source=prepared.source,
        plan_kind=stream.kind,
        plan_variant=stream.variant,
        plan_id=stream.plan_id,
        seed=recipe.seed,
        labels=stream.space.names,
        taught=taught,
        positives=dict(answered.positives),
        groups=groups,
        headline=headline,
        experiences=_experiences(answered),
        zero_shot=not prepared.why_no_zero_shot,
        why_no_zero_shot=prepared.why_no_zero_shot,
        scores=numbers.scores,
        baseline=numbers.baseline,
        macro=numbers.macro,
        progress=numbers.progress,
        decisions=numbers.decisions,
        summary=numbers.summary,
        delong=_delong(test),
        calibration=_judged(answered, cells),
        over_prevalence=_over_prevalence(answered, cells, groups[headline]),
        calibration_ways=_ways(answered, cells, groups[headline]),
        operating=_operating(answered, cells),
        subgroups=subgroups(
            cells,
            {
                attribute: [column[row] for row in prepared.test]
                for attribute, column in prepared.groups.items()
            },
            names=groups[headline],
        ),
        drift=drift_of(answered.readouts, stream.space.names, taught),
        language=language_of(recipe, test, answered.controls, groups[headline]),
        test_images=len(test.part.images),
        test_patients=len(np.unique(test.part.patients)),
        out_of_fold=_part(answered, outside, outside.part.name, metrics=_RANKED),
        held_apart=outside.part.name == VALIDATION,
        unseen=None
        if unseen is None or not unseen.any()
        else _part(answered, test.limited_to(unseen), "unseen"),
        encoders=_encoders(prepared),
        set_aside=dict(prepared.set_aside),
        leaks=prepared.leaks,
        seconds={},
        peak_memory_bytes=0,
        citations=citations(recipe, prepared.cards),
    )


def _cells(answered: Answered, scores: Scores, purpose: str) -> Cells:
    rng = generator(answered.recipe.seed, "resamples", purpose)
    return cells_of(scores, draws=answered.recipe.draws, rng=rng)


def _part(
    answered: Answered, scores: Scores, purpose: str, **metrics: tuple[str, ...]
) -> PartResults:
    groups = _groups(answered.recipe, answered.prepared)
    cells = _cells(answered, scores, purpose)
    numbers = assess(cells, groups=groups, shown=answered.shown, **metrics)
    return PartResults(
        images=len(scores.part.images),
        patients=len(np.unique(scores.part.patients)),
        macro=numbers.macro,
        summary=numbers.summary,
    )


def _taught(shown: Bool[np.ndarray, "experiences labels"]) -> tuple[int, ...]:
    """The step, from 1, that first showed each finding; 0 where none did."""
    first = np.where(shown.any(axis=0), shown.argmax(axis=0) + 1, 0)
    return tuple(first.tolist())


def _delong(test: Scores) -> dict[str, Estimate]:
    """AUROC after the last step of every finding that has a score."""
    part = test.part
    return {
        name: delong(column, part.target[:, c], part.patients, known=part.known[:, c])
        for c, (name, column) in enumerate(
            zip(test.space.names, test.difference[-1].T, strict=True)
        )
        if not np.isnan(column).any()
    }


def _judged(answered: Answered, cells: Cells) -> dict[str, Calibration]:
    """Whether probabilities mean what they say, of every calibrated finding."""
    test, seed = answered.test, answered.recipe.seed
    judged = {}
    for column, calibrated in sorted(answered.calibration[-1].items()):
        name, said = test.space.names[column], test.probability[-1, :, column]
        if np.isnan(said).any():
            continue
        found = judge_calibration(
            said,
            test.part.target[:, column],
            test.part.known[:, column],
            cells.draws.resamples,
            fitted=calibrated.fitted,
            rng=generator(seed, "calibrated readers", name),
        )
        if found is not None:
            judged[name] = found
    return judged


def _over_prevalence(
    answered: Answered, cells: Cells, names: tuple[str, ...]
) -> tuple[Estimate, ...]:
    """Brier less that of always answering the prevalence, after each step."""
    test, labels = answered.test, answered.test.space.indices(names)
    told = []
    for step, by_column in enumerate(answered.calibration[1:], start=1):
        here = [c for c in labels if not np.isnan(test.probability[step, :, c]).any()]
        if not here:
            told.append(Estimate.undefined("no finding is calibrated by this step"))
            continue
        told.append(
            brier_over_prevalence(
                test.probability[step][:, here],
                np.array([by_column[c].fitted.prevalence for c in here]),
                test.part.target[:, here],
                cells.draws.resamples,
                known=test.part.known[:, here],
            )
        )
    return tuple(told)


def _ways(answered: Answered, cells: Cells, names: tuple[str, ...]) -> dict[str, CalibrationWay]:
    """Every way of calibrating after the last step."""
    last = answered.test.difference[[-1]]
    ways = {}
    for by, steps in answered.ways.items():
        probability, _ = decided(last, steps[-1:])
        prevalence = np.full(last.shape[2], np.nan)
        for column, calibrated in steps[-1].items():
            prevalence[column] = calibrated.fitted.prevalence
        ways[str(by)] = calibration_way(
            cells, probability[0], prevalence, cells.draws.resamples, names=names
        )
    return ways


def _operating(answered: Answered, cells: Cells) -> dict[str, tuple[Operation, ...]]:
    """What thresholds chosen out of fold achieve on the test part."""
    test, stated = answered.test, answered.recipe.prevalence
    told = {}
    for column, calibrated in sorted(answered.calibration[-1].items()):
        name, scores = test.space.names[column], test.difference[-1, :, column]
        if calibrated.points and not np.isnan(scores).any():
            told[name] = operated(
                calibrated.points,
                scores,
                test.part.target[:, column],
                test.part.known[:, column],
                cells.draws.resamples,
                prevalence=stated.get(name, calibrated.fitted.prevalence),
                stated=name in stated,
            )
    return told


def _ordinals(
    patients: Int[np.ndarray, " images"], rows: Int[np.ndarray, " rows"]
) -> Int[np.ndarray, " rows"]:
    """Patients as 0, 1, ...: enough to resample them, and nothing that leads back to one."""
    return np.unique(patients[rows], return_inverse=True)[1].reshape(-1).astype(np.int64)


def _why(prepared: Prepared, stream: Stream) -> dict[str, str]:
    reason = prepared.why_no_zero_shot or "not met by this step"
    return dict.fromkeys(
        stream.space.names,
        f"not met by this step; {reason}" if prepared.why_no_zero_shot else reason,
    )


def _groups(recipe: Continual, prepared: Prepared) -> dict[str, tuple[str, ...]]:
    """Headline first, then all findings, then those with ten positive test patients or more."""
    labelled, names = prepared.labelled, prepared.labelled.space.names
    headline = recipe.headline or names
    positive = [
        len(np.unique(labelled.patients[prepared.test][labelled.target[prepared.test, column]]))
        for column in range(len(names))
    ]
    common = tuple(n for n, count in zip(names, positive, strict=True) if count >= 10)
    groups = {f"{len(headline)} findings": headline}
    if set(headline) != set(names):
        groups[f"all {len(names)}"] = names
    if common and set(common) != set(headline):
        groups[f"{len(common)} with 10 positive test patients or more"] = common
    return groups


def _experiences(answered: Answered) -> tuple[ExperienceResult, ...]:
    patients = answered.prepared.labelled.patients
    return tuple(
        ExperienceResult(
            name=experience.name,
            visible=experience.visible,
            images=len(experience.rows),
            patients=len(np.unique(patients[experience.rows])),
            retracts=experience.retracts,
            confounding=dict(experience.confounding),
            marks=experience.marks,
            lived=life,
        )
        for experience, life in zip(answered.stream.experiences, answered.lived, strict=True)
    )


def _encoders(prepared: Prepared) -> tuple[EncoderUsed, ...]:
    return tuple(
        EncoderUsed(
            name=card.name,
            fingerprint=card.fingerprint,
            weights=card.weights,
            modality=card.modality,
            dim=card.dim,
            licence=card.licence,
            citation=card.citation,
            exposed=exposed,
        )
        for card, exposed in zip(prepared.cards, prepared.exposed, strict=True)
    )

"""What a probe of frozen features leaves for machines to read: the form of probe.json."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from carina.core import Estimate
from carina.evaluation.scores import Scores
from carina.measures import mean_interval, resample_patients

__all__ = ["ProbeResults", "ShareResult", "class_accuracy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareResult:
    """What was learned from one share of the labels.

    Attributes:
        share: Of the training patients.
        patients: As many.
        films: Of theirs, in the mean over draws.
        draws: How often it was drawn, or learned.
        means: metric -> mean over the headline's findings that every draw answers.
        findings: finding -> AUROC; undefined where a draw showed but one class of it.
        positives: finding -> films shown with it, in the mean over draws.
        accuracy: Share of the test films classed right, where findings exclude each other; its
            interval holds patients, not draws.
    """

    share: float
    patients: int
    films: float
    draws: int
    means: dict[str, Estimate]
    findings: dict[str, Estimate]
    positives: dict[str, float]
    accuracy: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResults:
    """``probe.json``: a probe's numbers.

    Attributes:
        schema_version: Of this form.
        run: Name of its folder.
        name: The probe's.
        source: The data set.
        encoders: Names and fingerprints of the frozen encoders.
        exposed: What their weights have seen of this data set, by name.
        adaptor: Fingerprint of the Adaptor the features went through, or "".
        dim: Width of what heads stand on.
        trainable: Parameters of a head.
        headline: Findings of the means.
        shares: From the smallest.
        validation_films: That heads stop by.
        test_films: Asked about.
        test_patients: Theirs.
        leaks: Why every number is too good, or "".
        seconds: Of all the learning.
    """

    schema_version: int = 1
    run: str
    name: str
    source: str
    encoders: dict[str, str]
    exposed: dict[str, str]
    adaptor: str = ""
    dim: int
    trainable: int
    headline: tuple[str, ...]
    shares: tuple[ShareResult, ...]
    validation_films: int
    test_films: int
    test_patients: int
    leaks: str
    seconds: float


def class_accuracy(
    answers: Sequence[Scores], classes: tuple[str, ...], *, draws: int, rng: np.random.Generator
) -> Estimate:
    """Share of the films that have just one of the classes whose highest answer is that one.

    The mean over answers to the same films, with an interval by patient. A class nobody answered
    (NaN) is never chosen.

    Args:
        answers: Of several heads, after their last step.
        classes: Findings that exclude each other.
        draws: Resamples of patients.
        rng: Where they come from.
    """
    part, columns = answers[0].part, answers[0].space.indices(classes)
    target, known = part.target[:, columns], part.known[:, columns]
    one = known.all(axis=1) & (target.sum(axis=1) == 1)
    told = [np.nan_to_num(each.difference[-1][:, columns], nan=-np.inf) for each in answers]
    right = np.mean([each.argmax(axis=1) == target.argmax(axis=1) for each in told], axis=0)
    resamples = resample_patients(part.patients, draws=draws, rng=rng)
    return mean_interval(right, one, resamples, known=one)

"""What a predictor says of an image, and of a study that several images belong to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carina.bundles import AnswerRule

__all__ = [
    "FindingAnswer",
    "Prediction",
    "Predictions",
    "SetAside",
    "StudyPrediction",
    "answered",
    "by_study",
]

_NOT_CALIBRATED = "not calibrated"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingAnswer:
    """The answer for one finding.

    Attributes:
        score: What the readout says; comparable within a finding only.
        probability: Calibrated; None where the finding is not calibrated.
        present: Whether the score reaches the threshold; None likewise.
        threshold: Of the score; None likewise.
        threshold_probability: The probability at the threshold; None likewise. A rare finding is
            often present from well below one half.
        why_undefined: The reason, exactly where there is no probability.
    """

    score: float
    probability: float | None = None
    present: bool | None = None
    threshold: float | None = None
    threshold_probability: float | None = None
    why_undefined: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The answers for one image.

    Attributes:
        image: Its file, as it was asked for.
        study: Number of the study it belongs to, counted from 1 within one asking; None where
            nothing says which.
        findings: In the order of the bundle; none where the image is out of scope.
        out_of_scope: Why the image is nothing to answer for, in words; see `carina.studies.inspect`.
    """

    image: Path
    study: int | None
    findings: Mapping[str, FindingAnswer]
    out_of_scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPrediction:
    """The answers for a study of several images; see `by_study`.

    Attributes:
        study: Its number.
        images: Its files.
        findings: In the order of the bundle.
    """

    study: int
    images: tuple[Path, ...]
    findings: Mapping[str, FindingAnswer]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """An image without answers, and why; the reason quotes nothing of the file."""

    image: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """All that was said in one asking.

    Attributes:
        bundle: Fingerprint of the bundle that answered.
        images: Answers by image, in the order asked.
        studies: Answers by study, for studies of several images.
        set_aside: Images without answers.
        intended_use: The bundle's.
    """

    bundle: str
    images: tuple[Prediction, ...]
    studies: tuple[StudyPrediction, ...]
    set_aside: tuple[SetAside, ...]
    intended_use: str


def answered(score: float, rule: AnswerRule | None) -> FindingAnswer:
    """What a score means by a finding's rule."""
    if rule is None:
        return FindingAnswer(score=score, why_undefined=_NOT_CALIBRATED)
    probability, cut = rule.sigmoid(np.array([score, rule.threshold])).tolist()
    return FindingAnswer(
        score=score,
        probability=probability,
        present=score >= rule.threshold,
        threshold=rule.threshold,
        threshold_probability=cut,
    )


def by_study(
    predictions: Iterable[Prediction], rules: Mapping[str, AnswerRule]
) -> tuple[StudyPrediction, ...]:
    """One answer for each study of several images: the finding's rule on their mean score.

    A rule's log odds are a straight line in the score, so the probability is that of the mean of
    the images' calibrated log odds: views count alike, and one image more of the same changes
    nothing. The threshold is the one for images. Images out of scope have no part in it.
    """
    groups: dict[int, list[Prediction]] = {}
    for prediction in predictions:
        if prediction.study is not None and not prediction.out_of_scope:
            groups.setdefault(prediction.study, []).append(prediction)
    return tuple(
        StudyPrediction(
            study=study,
            images=tuple(one.image for one in group),
            findings={
                name: answered(
                    float(np.mean([one.findings[name].score for one in group])), rules.get(name)
                )
                for name in group[0].findings
            },
        )
        for study, group in groups.items()
        if len(group) > 1
    )

"""Calibration and thresholds of a reader that learned on, and which answers they change."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from carina.bundles import AnswerRule
from carina.measures import Sigmoid, best_f1, fit_sigmoid, not_enough_data

__all__ = ["Flips", "Ruled", "flips", "ruled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """A finding's rule after an update, and where it comes from.

    Attributes:
        rule: None where the finding is not calibrated: it has a score only.
        calibration: "from the sums", "from N positive films held out", "as before", "none".
        threshold: Likewise.
        anew: Whether the threshold was chosen on the films held out.
    """

    rule: AnswerRule | None
    calibration: str
    threshold: str
    anew: bool


_NONE = Ruled(rule=None, calibration="none", threshold="none", anew=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """Films whose answer changes.

    Attributes:
        finding: For which.
        films: With an answer of both readers.
        to_yes: From no to yes.
        to_no: From yes to no.
        to_yes_absent: Of those to yes, how many are known to be without the finding.
        to_no_present: Of those to no, how many are known to have it.
    """

    finding: str
    films: int
    to_yes: int
    to_no: int
    to_yes_absent: int
    to_no_present: int


def ruled(
    label: str,
    old: AnswerRule | None,
    own: Sigmoid | None,
    scores: Float[np.ndarray, " films"],
    present: Bool[np.ndarray, " films"],
    *,
    when: str,
) -> Ruled:
    """The rule of a finding that was learned.

    The strategy's own calibration goes first, for it knows all films it ever met; otherwise the
    held-out scores of new films make one where they are enough (`not_enough_data`). A threshold
    needs them in any case. What cannot be made anew stays as it was.

    Args:
        label: The finding.
        old: Its rule so far.
        own: Calibration that the strategy knows from its own sums.
        scores: Of new films whose label is certain, by readers that never learned from the patient.
        present: Whether the finding is.
        when: Which update it is, for the rule's words.
    """
    positives = int(present.sum())
    size = {"positives": positives, "negatives": len(present) - positives}
    fresh = f"from {positives} positive films held out"
    made = not_enough_data("threshold", **size) is None
    sigmoid, calibration = own, "from the sums"
    if own is None and not_enough_data("sigmoid", **size) is None:
        sigmoid, calibration = fit_sigmoid(scores, present), fresh
    elif own is None:
        sigmoid, calibration = old.sigmoid if old else None, "as before"
    if made:
        threshold, rule = best_f1(scores, present).threshold, f"best F1 out of fold, {when}"
    elif old is not None:
        threshold, rule = old.threshold, old.rule
    else:
        return _NONE
    if sigmoid is None:
        return _NONE
    return Ruled(
        rule=AnswerRule(
            label=label,
            slope=sigmoid.slope,
            intercept=sigmoid.intercept,
            threshold=threshold,
            rule=rule,
        ),
        calibration=calibration,
        threshold=fresh if made else "as before",
        anew=made,
    )


def flips(
    finding: str,
    old: Float[np.ndarray, " films"],
    new: Float[np.ndarray, " films"],
    rules: Mapping[str, tuple[AnswerRule | None, AnswerRule | None]],
    target: Bool[np.ndarray, " films"],
    known: Bool[np.ndarray, " films"],
) -> Flips | None:
    """How many answers change; None where one of the readers gives no answers.

    Args:
        finding: Which.
        old: Scores of the old reader; NaN where it has none.
        new: Of the new one.
        rules: By finding, the old and the new rule.
        target: Whether present.
        known: Whether that is certain.
    """
    before, after = rules[finding]
    if before is None or after is None:
        return None
    both = ~np.isnan(old) & ~np.isnan(new)
    was, is_now = old[both] >= before.threshold, new[both] >= after.threshold
    present, sure = target[both], known[both]
    to_yes, to_no = ~was & is_now, was & ~is_now
    return Flips(
        finding=finding,
        films=int(both.sum()),
        to_yes=int(to_yes.sum()),
        to_no=int(to_no.sum()),
        to_yes_absent=int((to_yes & sure & ~present).sum()),
        to_no_present=int((to_no & sure & present).sum()),
    )

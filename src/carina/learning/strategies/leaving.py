"""A learner as it may leave the machine: with sums over enough patients, and heads that tell no more.

A head and the second moment beneath it give back the class sums it was learned from: of
``((m / n) S + lambda I) w = m d`` only d is not known. So where a finding's sums stay behind, its
head does too, unless it is the text's alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from carina.core import InvalidValue, Mismatch
from carina.learning.learner import Learner
from carina.learning.strategies.linear import grown_head, head_of, without_heads
from carina.learning.strategies.releasing import ENOUGH, released
from carina.learning.strategies.ridge import CHOSEN, sums_in, with_sums
from carina.studies import LabelSpace

__all__ = ["Leaving", "leaving"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What may leave of a learner.

    Attributes:
        learner: As it may leave; a finding that is withheld is in it only with the text's head.
        withheld: Findings whose sums stay behind, and why.
        unchanged: Findings that stand as they left before, head and all, and why.
        home: The learner to learn on with here; its sums know what left.
    """

    learner: Learner
    withheld: Mapping[str, str]
    unchanged: Mapping[str, str]
    home: Learner


def leaving(learner: Learner, *, before: Learner | None = None, enough: int = ENOUGH) -> Leaving:
    """What of a learner may leave the machine; one that carries no sums leaves as it is.

    Sums that are not kept by finding and fold, as those of L3A, AnaCP and SLCA, may not: nothing
    tells which of them cover enough patients.

    Args:
        learner: What stays here.
        before: What left last, `Leaving.learner` of then.
        enough: As `released` takes it.

    Raises:
        Mismatch: where ``before`` is no earlier state of the learner.
        InvalidValue: where the learner's sums may not leave.
    """
    if "sums" not in learner.notes:
        if any(name.startswith("sums/") for name in learner.carried):
            raise InvalidValue(
                "This strategy keeps sums that nobody can tell the patients of one by one, and those "
                "leave no house. Leave --updatable out, or run a strategy that keeps sums by finding "
                "and fold (Ridge, RanPAC, KLDA, SLDA)."
            )
        return Leaving(learner=learner, withheld={}, unchanged={}, home=learner)
    last = None if before is None else sums_in(before)
    out = released(sums_in(learner), before=last, enough=enough)
    source: dict[str, Learner] = {}
    for label in learner.labels.names:
        if before is not None and label in out.unchanged:
            source[label] = before
        elif label not in out.withheld or _is_the_texts(learner, label):
            source[label] = learner
    heads = {label: _head(home, label) for label, home in source.items()}
    left = replace(
        learner,
        labels=LabelSpace(names=tuple(source)),
        readout=grown_head(without_heads(head_of(learner)), heads),
        calibration={
            label: home.calibration[label]
            for label, home in source.items()
            if label in home.calibration
        },
        notes={
            **learner.notes,
            **{
                name: {label: _noted(home, name)[label] for label, home in source.items()}
                for name in CHOSEN
                if name in learner.notes
            },
        },
    )
    return Leaving(
        learner=with_sums(left, out.sums),
        withheld=out.withheld,
        unchanged=out.unchanged,
        home=with_sums(learner, out.home),
    )


def _head(learner: Learner, label: str) -> tuple[Tensor, float]:
    readout = head_of(learner)
    at = readout.labels.index(label)
    return readout.weight[at], float(readout.bias[at])


def _is_the_texts(learner: Learner, label: str) -> bool:
    """Whether a head is the text's alone, which `Ridge` notes as no penalty."""
    return "prior" in learner.notes and _noted(learner, "penalty")[label] is None


def _noted(learner: Learner, name: str) -> Mapping[str, Any]:
    """What `Ridge` chose for each finding."""
    chosen = learner.notes[name]
    if not isinstance(chosen, Mapping):
        raise Mismatch(f"This learner's notes tell no {name} by finding; Ridge did not teach it.")
    return chosen

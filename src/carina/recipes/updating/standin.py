"""A stand-in until learning has these."""

from collections.abc import Mapping
from dataclasses import dataclass

from carina.learning import Learner


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What may leave of a learner."""

    learner: Learner
    withheld: Mapping[str, str]
    unchanged: Mapping[str, str]
    home: Learner


def leaving(learner: Learner, *, before: Learner | None = None) -> Leaving:
    """All of it."""
    del before
    return Leaving(learner=learner, withheld={}, unchanged={}, home=learner)

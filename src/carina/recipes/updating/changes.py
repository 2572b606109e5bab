"""What an update changed in a reader, finding by finding."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor

from carina.adaptors import CacheReadout, LinearReadout, PromptReadout, Readout, pack
from carina.bundles import AnswerRule
from carina.recipes.updating.answering import Ruled
from carina.streams import Labelled

__all__ = ["FindingChange", "How", "changes", "unchanged"]


class How(StrEnum):
    """What an update did to a finding."""

    LEARNED = "learned"
    """It learned new cells of it."""
    ADDED = "added"
    """The reader did not know it."""
    MOVED = "moved"
    """It shares weights with findings that were learned."""
    UNCHANGED = "unchanged"
    """Not a bit of weights, calibration or threshold is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingChange:
    """What an update changed in one finding.

    Attributes:
        finding: Which.
        how: In a word.
        positives: Positive films it learned.
        negatives: Negative ones.
        soft: Films whose cell is soft.
        distance: Length of the change of its weights over their length before; of a finding that
            shares weights with others, of those. None where it is new.
        cosine: Of its weights before and after; None likewise, and for shared weights.
        calibration: Where the calibration comes from.
        threshold: Where the threshold comes from.
        before: Its rule before; None where it had none.
        after: Its rule after; None where it has a score only.
    """

    finding: str
    how: How
    positives: int
    negatives: int
    soft: int
    distance: float | None
    cosine: float | None
    calibration: str
    threshold: str
    before: AnswerRule | None
    after: AnswerRule | None


def unchanged(
    old: Readout,
    new: Readout,
    rules: Mapping[str, tuple[AnswerRule | None, AnswerRule | None]],
) -> frozenset[str]:
    """Findings of which every bit of weights and rule is as it was."""
    return frozenset(
        label
        for label in new.labels
        if label in old.labels
        and rules[label][0] == rules[label][1]
        and _same(_weights(old, label), _weights(new, label))
    )


def changes(
    old: Readout,
    new: Readout,
    labelled: Labelled,
    rules: Mapping[str, Ruled],
    before: Mapping[str, AnswerRule],
) -> tuple[FindingChange, ...]:
    """What became of every finding of the new reader.

    Args:
        old: What predicted.
        new: What predicts now.
        labelled: The cells that were learned.
        rules: Of findings that were learned, the rules they have now.
        before: The rules the old reader had.
    """
    after = {**before, **{label: ruled.rule for label, ruled in rules.items()}}
    pairs = {label: (before.get(label), after.get(label)) for label in new.labels}
    same = unchanged(old, new, pairs)
    found = []
    for label in new.labels:
        learned = label in labelled.space.names
        how = How.LEARNED if learned else How.MOVED
        if label not in old.labels:
            how = How.ADDED
        elif label in same:
            how = How.UNCHANGED
        distance, cosine = _moved(old, new, label)
        counts = _counts(labelled, label) if learned else (0, 0, 0)
        ruled = rules.get(label)
        found.append(
            FindingChange(
                finding=label,
                how=how,
                positives=counts[0],
                negatives=counts[1],
                soft=counts[2],
                distance=distance,
                cosine=cosine,
                calibration="as before" if ruled is None else ruled.calibration,
                threshold="as before" if ruled is None else ruled.threshold,
                before=pairs[label][0],
                after=pairs[label][1],
            )
        )
    return tuple(found)


def _counts(labelled: Labelled, label: str) -> tuple[int, int, int]:
    column = labelled.space.index(label)
    known, target = labelled.known[:, column], labelled.target[:, column]
    soft = 0 if labelled.soft is None else int((~np.isnan(labelled.soft[:, column])).sum())
    return int((known & target).sum()), int((known & ~target).sum()), soft


def _weights(readout: Readout, label: str) -> dict[str, Tensor]:
    """Every number a finding's score is made of."""
    at = readout.labels.index(label)
    match readout:
        case LinearReadout():
            return {"weight": readout.weight[at], "bias": readout.bias[at]}
        case PromptReadout():
            scale = torch.tensor(readout.scale, dtype=torch.float64)
            prompts = {"positive": readout.positive[at], "negative": readout.negative[at]}
            return {**_shared(readout), "scale": scale, **prompts}
        case CacheReadout():
            named = ("keys", "values", "text", "alpha", "beta")
            return {name: getattr(readout, name)[at] for name in named}


def _shared(readout: PromptReadout) -> dict[str, Tensor]:
    return {
        name: tensor for name, tensor in pack(readout)[1].items() if not name.startswith("prompts.")
    }


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def _moved(old: Readout, new: Readout, label: str) -> tuple[float | None, float | None]:
    if label not in old.labels:
        return None, None
    if isinstance(old, LinearReadout) and isinstance(new, LinearReadout):
        was, now = (one.weight[one.labels.index(label)] for one in (old, new))
        cosine = float(torch.nn.functional.cosine_similarity(was, now, dim=0))
        return _distance([was], [now]), cosine
    if isinstance(old, PromptReadout) and isinstance(new, PromptReadout):
        return _distance(list(_shared(old).values()), list(_shared(new).values())), None
    return None, None


def _distance(was: list[Tensor], now: list[Tensor]) -> float | None:
    """None where there was nothing: a relative change from zero has no size."""
    length = sum(float(tensor.double().square().sum()) for tensor in was)
    moved = sum(
        float((one.double() - other.double()).square().sum())
        for one, other in zip(was, now, strict=True)
    )
    return (moved / length) ** 0.5 if length else None

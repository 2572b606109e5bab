"""What uncertain and unmentioned cells count as: policies, the ones papers used, and their effect."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from jaxtyping import Bool, Float32, Int8

from carina.core import InvalidValue, unknown
from carina.studies.findings import FINDINGS, canonical
from carina.studies.labels import LabelSpace, Presence
from carina.studies.manifest import Manifest, Split

__all__ = [
    "POLICIES",
    "FindingPolicy",
    "LabelPolicy",
    "Prevalence",
    "Targets",
    "Uncertain",
    "Unmentioned",
    "prevalences",
]


class Uncertain(StrEnum):
    """What an UNCERTAIN cell counts as."""

    IGNORED = "ignored"
    ABSENT = "absent"
    PRESENT = "present"
    SOFT = "soft"
    """Present to a stated share, in learning; never scored."""


class Unmentioned(StrEnum):
    """What an UNMENTIONED cell counts as. An UNANNOTATED one is never known, whatever this says."""

    IGNORED = "ignored"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What the cells of a label table count as; all four are (images, labels).

    Attributes:
        target: Whether present; False where not known.
        known: Whether learned from as plainly present or absent.
        certain: Whether scored: known, and not by a policy's guess at an UNCERTAIN cell.
        soft: Share, between 0 and 1, to which a cell that is not known is present, and NaN
            elsewhere; None where a policy has none.
    """

    target: Bool[np.ndarray, "images labels"]
    known: Bool[np.ndarray, "images labels"]
    certain: Bool[np.ndarray, "images labels"]
    soft: Float32[np.ndarray, "images labels"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingPolicy:
    """How one finding differs from the others; what is None is as theirs.

    Attributes:
        uncertain: What its UNCERTAIN cells count as.
        unmentioned: What its UNMENTIONED cells count as.
        value: Share of presence where its UNCERTAIN cells are soft.
    """

    uncertain: Uncertain | None = None
    unmentioned: Unmentioned | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        _check_share(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPolicy:
    """How the four presences become a target and whether it is known; chosen in the recipe.

    The default decides nothing: what nobody asserted is not known. A recipe file may also give
    the name of one of `POLICIES`.

    Attributes:
        uncertain: What an UNCERTAIN cell counts as.
        unmentioned: What an UNMENTIONED cell counts as.
        value: Share of presence, from 0 to 1, where UNCERTAIN cells are soft.
        findings: By finding, under any of its names, what differs for it.
    """

    uncertain: Uncertain = Uncertain.IGNORED
    unmentioned: Unmentioned = Unmentioned.IGNORED
    value: float | None = None
    findings: Mapping[str, FindingPolicy] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_share(self.value)
        rules = {"every finding": self.of("")} | {name: self.of(name) for name in self.findings}
        for name, rule in rules.items():
            if rule.uncertain is Uncertain.SOFT and rule.value is None:
                raise InvalidValue(
                    f"Uncertain cells of {name} are soft, so `value` says to which share, from "
                    "0 to 1, they are present; got none."
                )
        values = [self.value, *(rule.value for rule in self.findings.values())]
        if any(v is not None for v in values) and not any(
            rule.uncertain is Uncertain.SOFT for rule in rules.values()
        ):
            raise InvalidValue("`value` is for `uncertain = soft`, which this policy has nowhere.")
        if twice := len(self.findings) - len({canonical(name) for name in self.findings}):
            raise InvalidValue(f"{twice} finding(s) of the policy stand there under two names.")

    @staticmethod
    def named(name: str) -> "LabelPolicy":
        """The policy of a name.

        Raises:
            UnknownName: with its neighbour.
        """
        if name not in POLICIES:
            raise unknown("label policy", name, POLICIES)
        return POLICIES[name]

    @property
    def described(self) -> dict[str, object]:
        """Plain values that tell two policies apart; what is not used is left out."""
        used: dict[str, object] = {"value": self.value, "findings": dict(self.findings)}
        return {
            "kind": type(self).__name__,
            "uncertain": self.uncertain,
            "unmentioned": self.unmentioned,
            **{name: value for name, value in used.items() if value not in (None, {})},
        }

    def of(self, finding: str) -> FindingPolicy:
        """What holds for one finding, with nothing left open but an unused value."""
        own = {canonical(name): rule for name, rule in self.findings.items()}
        rule = own.get(canonical(finding), FindingPolicy())
        return FindingPolicy(
            uncertain=self.uncertain if rule.uncertain is None else rule.uncertain,
            unmentioned=self.unmentioned if rule.unmentioned is None else rule.unmentioned,
            value=self.value if rule.value is None else rule.value,
        )

    def apply(self, labels: Int8[np.ndarray, "images labels"], space: LabelSpace) -> Targets:
        """What cells count as.

        Args:
            labels: (images, labels) of `Presence`.
            space: What the columns stand for.

        Raises:
            UnknownName: where the policy names a finding that neither the space nor the registry
                has.
        """
        known_names = {canonical(name) for name in space.names} | {f.name for f in FINDINGS}
        for name in self.findings:
            if canonical(name) not in known_names:
                raise unknown("finding", name, known_names)
        uncertain, unmentioned = labels == Presence.UNCERTAIN, labels == Presence.UNMENTIONED
        known, target = labels >= Presence.ABSENT, labels == Presence.PRESENT
        soft = np.full(labels.shape, np.nan, dtype=np.float32)
        for column, name in enumerate(space.names):
            rule, here = self.of(name), uncertain[:, column]
            share = _share(rule)
            if share is not None and 0 < share < 1:
                soft[here, column] = share
            elif share is not None:
                known[:, column] |= here
                target[:, column] |= here & (share == 1)
            if rule.unmentioned is Unmentioned.ABSENT:
                known[:, column] |= unmentioned[:, column]
        return Targets(
            target=target,
            known=known,
            certain=known & ~uncertain,
            soft=None if np.isnan(soft).all() else soft,
        )


def _share(rule: FindingPolicy) -> float | None:
    """To which share an UNCERTAIN cell is present; None where it is ignored."""
    match rule.uncertain:
        case Uncertain.ABSENT:
            return 0.0
        case Uncertain.PRESENT:
            return 1.0
        case Uncertain.SOFT:
            return rule.value
        case _:
            return None


def _check_share(value: float | None) -> None:
    if value is not None and not 0 <= value <= 1:
        raise InvalidValue(f"A share of presence lies between 0 and 1; got {value}.")


def _uncertain(**by_finding: Uncertain) -> LabelPolicy:
    return LabelPolicy(
        unmentioned=Unmentioned.ABSENT,
        findings={
            name.replace("_", " "): FindingPolicy(uncertain=said)
            for name, said in by_finding.items()
        },
    )


POLICIES: Mapping[str, LabelPolicy] = {
    "asserted": LabelPolicy(),
    "ignore": _uncertain(),
    "zeros": LabelPolicy(uncertain=Uncertain.ABSENT, unmentioned=Unmentioned.ABSENT),
    "ones": LabelPolicy(uncertain=Uncertain.PRESENT, unmentioned=Unmentioned.ABSENT),
    "soft": LabelPolicy(uncertain=Uncertain.SOFT, unmentioned=Unmentioned.ABSENT, value=0.7),
    "chexpert": _uncertain(
        Atelectasis=Uncertain.PRESENT,
        Cardiomegaly=Uncertain.ABSENT,
        Consolidation=Uncertain.IGNORED,
        Edema=Uncertain.PRESENT,
        Pleural_Effusion=Uncertain.PRESENT,
    ),
    "gloria": _uncertain(
        Atelectasis=Uncertain.PRESENT,
        Cardiomegaly=Uncertain.ABSENT,
        Consolidation=Uncertain.ABSENT,
        Edema=Uncertain.PRESENT,
        Pleural_Effusion=Uncertain.PRESENT,
    ),
}
"""Policies with names. "asserted" counts what was asserted alone and is the default; all others
take what nobody mentioned for absent, as the CheXpert authors do.

"ignore", "zeros" and "ones" are U-Ignore, U-Zeros and U-Ones (Irvin et al., AAAI 2019). "soft" is
the middle of U(0.55, 0.85), from which U-Ones+LSR draws (Pham et al., Neurocomputing 437, 2021).
"chexpert" takes for each of the five competition findings the best of those three by table 3 of
Irvin et al.; what they trained with further models (U-SelfTrained, U-MultiClass) is no policy.
"gloria" is the map in the code of GLoRIA (Huang et al., ICCV 2021), MGCA and others after them.
The latter two ignore UNCERTAIN cells of other findings, of which their sources say nothing.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prevalence:
    """How common a finding is under a policy.

    Attributes:
        known: Cells that count.
        positives: Those that count as present; a soft cell counts by its share.
    """

    known: int
    positives: float

    @property
    def share(self) -> float | None:
        """Positives among known; None where none is known."""
        return self.positives / self.known if self.known else None


def prevalences(
    manifest: Manifest, policies: Mapping[str, LabelPolicy] = POLICIES
) -> dict[str, dict[str, dict[str, Prevalence]]]:
    """Finding, then split, then policy, to how common it is."""
    found: dict[str, dict[str, dict[str, Prevalence]]] = {n: {} for n in manifest.space.names}
    for policy_name, policy in policies.items():
        targets = policy.apply(manifest.labels, manifest.space)
        soft = np.zeros(targets.target.shape) if targets.soft is None else targets.soft
        counted, mass = targets.known | (soft > 0), targets.target + np.nan_to_num(soft)
        for split in Split:
            rows = manifest.rows(split)
            for column, name in enumerate(manifest.space.names):
                if len(rows):
                    found[name].setdefault(str(split), {})[policy_name] = Prevalence(
                        known=int(counted[rows, column].sum()),
                        positives=round(float(mass[rows, column].sum(dtype=np.float64)), 6),
                    )
    return found

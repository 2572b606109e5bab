"""A probe as a value: which features, which heads, which shares of the labels."""

from dataclasses import dataclass

from carina.core import InvalidValue
from carina.learning import Heads, HeadTraining, Ridge
from carina.studies import LabelPolicy

__all__ = ["AtShare", "Probe", "ProbeBy"]

ProbeBy = HeadTraining | Heads | Ridge
"""The authors' head, logistic regression, or ridge in closed form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtShare:
    """A share of the labels that is learned in a way of its own.

    Attributes:
        share: One of the probe's.
        by: Its head.
    """

    share: float
    by: ProbeBy


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What is probed, by which head, on which shares of the labels.

    Attributes:
        name: For people.
        encoders: Image encoders side by side, as in `Continual`.
        by: The head: the authors', logistic regression or ridge. Penalties of the latter two are
            chosen by folds of the films learned from.
        apart: Shares that are learned otherwise: the authors' rates and batches differ by share.
        shares: Of the training patients, each within the larger ones.
        draws: How often shares are drawn; the whole, which is always the same, is learned as often
            by the authors' head, whose weights are drawn, and once by the others.
        adaptor: Folder of an Adaptor that `carina pretrain` left, which reads vectors: heads then stand
            on what it makes of the features. "" for none. The path is not part of what the probe
            is, the Adaptor is.
        policy: What uncertain and unmentioned labels count as in learning; scored are certain ones.
        findings: Learned and scored; empty means all of the manifest's.
        headline: Findings whose mean leads; empty means all of `findings`.
        exclusive: Whether the headline's findings exclude each other, so that the one answered
            highest is a film's class and the share of films classed right is told as well.
        resamples: Of patients and draws, for every interval.
        seed: Of everything random.
        salt: Of the hash that hides patients.
    """

    name: str
    encoders: tuple[str, ...]
    by: ProbeBy = HeadTraining()
    apart: tuple[AtShare, ...] = ()
    shares: tuple[float, ...] = (0.01, 0.1, 1.0)
    draws: int = 10
    adaptor: str = ""
    policy: LabelPolicy = LabelPolicy()
    findings: tuple[str, ...] = ()
    headline: tuple[str, ...] = ()
    exclusive: bool = False
    resamples: int = 1000
    seed: int = 27
    salt: str = "carina"

    def __post_init__(self) -> None:
        if self.draws < 2 or self.resamples < 100:
            raise InvalidValue(
                f"Wanted 2 draws and 100 resamples or more; got {self.draws} and {self.resamples}."
            )
        if self.adaptor and len(self.encoders) != 1:
            raise InvalidValue(
                f"An Adaptor stands over one image encoder; the probe names {len(self.encoders)}."
            )
        told = [one.share for one in self.apart]
        if len(set(told)) < len(told) or not set(told) <= set(self.shares):
            raise InvalidValue(
                f"A share that is learned otherwise is one of the probe's, told once; got {told} of "
                f"{list(self.shares)}."
            )

    def at(self, share: float) -> ProbeBy:
        """The head that learns a share."""
        return next((one.by for one in self.apart if one.share == share), self.by)

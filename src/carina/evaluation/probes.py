"""What a probe of frozen features leaves for machines to read: the form of probe.json."""

from dataclasses import dataclass

from carina.core import Estimate

__all__ = ["ProbeResults", "ShareResult"]


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
    """

    share: float
    patients: int
    films: float
    draws: int
    means: dict[str, Estimate]
    findings: dict[str, Estimate]
    positives: dict[str, float]


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

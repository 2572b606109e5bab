"""The change-control dossier of an update: what changed, how it was tested, what it may affect."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from carina.recipes.updating.answering import Flips
from carina.recipes.updating.changes import FindingChange
from carina.recipes.updating.gate import Gate, Outcome
from carina.recipes.updating.new_cells import Waiting
from carina.recipes.updating.protocol import UpdateProtocol

__all__ = ["FORMAT", "DataTold", "Dossier", "LockedTold"]

FORMAT = 1
"""Of ``dossier.json``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTold:
    """The data an update was given; counts only.

    Attributes:
        digest: Of rows and films.
        source: Name of the data set.
        films: With features and in scope.
        patients: They are of.
        learned_films: That taught the new reader.
        learned_patients: They are of.
        held_back: Films held back by the data's split that were scored alone.
        passed_over: Labels that taught the reader before.
        corrected: Films whose labels are not those that taught it before; they were not unlearned.
        set_aside: Films left out, by reason.
    """

    digest: str
    source: str
    films: int
    patients: int
    learned_films: int
    learned_patients: int
    held_back: int
    passed_over: int
    corrected: int
    set_aside: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedTold:
    """The locked test set.

    Attributes:
        digest: Of rows and films.
        films: Its size.
        patients: Likewise.
        uses: How often it has been opened, this time included.
        patients_unknown: Whether what taught the first version is not known to the history, so that
            nobody can say whether its patients are apart.
    """

    digest: str
    films: int
    patients: int
    uses: int
    patients_unknown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All that is put down of an update.

    Attributes:
        format: Of this form.
        update: Counted from 1, whatever became of it.
        when: UTC, to the second.
        outcome: What the gate said.
        replaced: Whether the new reader was put in service.
        parent: Version that was in service.
        version: The new one's, where it was put in service.
        before: Fingerprint of the reader that was in service.
        after: Of the new one; None where nothing was learned.
        lineage: Digest of the history as it stood before.
        strategy: How it learned.
        data: What it was given.
        findings: What changed.
        waiting: Findings with new cells of too few patients to be learned.
        protocol: By which rules.
        protocol_before: Those of the update before, where they were others; else None.
        locked: The locked test set; None where there is none.
        gate: How it was tested.
        flips: Answers that change, by finding.
        flips_on: On which films that was counted.
        stays: Findings that learned, and stay in service as they left the house last, and why.
        withheld: Findings that are not in service, for their sums may not leave, and why.
        kept_bytes: What is kept to learn on, by kind.
        fewest_patients: At least so many patients are in any kept sum; None where none is kept.
        single_patients: Whether anything in the reader may stem from a single patient.
    """

    format: int = FORMAT
    update: int
    when: str
    outcome: Outcome
    replaced: bool
    parent: int
    version: int | None
    before: str
    after: str | None
    lineage: str
    strategy: str
    data: DataTold
    findings: tuple[FindingChange, ...] = ()
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    protocol: UpdateProtocol
    protocol_before: UpdateProtocol | None = None
    locked: LockedTold | None = None
    gate: Gate = Gate()
    flips: tuple[Flips, ...] = ()
    flips_on: str = ""
    stays: Mapping[str, str] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)
    kept_bytes: Mapping[str, int] = field(default_factory=dict)
    fewest_patients: int | None = None
    single_patients: bool = False

"""What was decided of an update is put down: dossier, version, lineage, and the reader in service."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from carina.bundles import (
    Bundle,
    Digests,
    History,
    Locked,
    Updated,
    commit,
)
from carina.core import digest_file, read_json, write_json, write_text
from carina.learning import kept
from carina.recipes.bundling import state_of
from carina.recipes.teaching import taught_by
from carina.recipes.updating.answering import Flips, flips
from carina.recipes.updating.candidate import Candidate
from carina.recipes.updating.changes import changes
from carina.recipes.updating.dossier import DataTold, Dossier, LockedTold
from carina.recipes.updating.dossier_page import dossier_page
from carina.recipes.updating.gate import Gate, Outcome, Trial
from carina.recipes.updating.new_cells import NewCells, Read
from carina.recipes.updating.protocol import Undecided, UpdateProtocol
from carina.recipes.updating.restoring import Restored

__all__ = ["Case", "put_down"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """An update and what it stands on.

    Attributes:
        history: Of the reader, held.
        bundle: The reader in service.
        reader: Its learner and recipe.
        read: The new films and labels.
        cells: What of them is learned.
        protocol: By which rules.
    """

    history: History
    bundle: Bundle
    reader: Restored
    read: Read
    cells: NewCells
    protocol: UpdateProtocol


def put_down(
    case: Case,
    new: Candidate | None,
    found: Gate,
    trials: Sequence[Trial],
    outcome: Outcome,
) -> Dossier:
    """Write the dossier, and put the new reader in service where it may be.

    Args:
        case: What was to be learned by whom.
        new: The new reader; None where nothing was learned.
        found: What the gate said.
        trials: On which films.
        outcome: Of the update.
    """
    history, lineage = case.history, case.history.lineage
    replaced = outcome is Outcome.PASSED or (
        outcome is Outcome.UNDECIDED and case.protocol.undecided is Undecided.REPLACE
    )
    version = max(lineage.parents) + 1 if replaced else None
    bundle = None if new is None else new.bundle(case.bundle, found)
    dossier = Dossier(
        update=lineage.updates + 1,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        outcome=outcome,
        replaced=replaced,
        parent=lineage.serving,
        version=version,
        before=case.bundle.fingerprint,
        after=None if bundle is None else bundle.fingerprint,
        lineage=lineage.digest,
        strategy=type(case.reader.recipe.strategy).__name__,
        data=_data(case, new),
        waiting=case.cells.waiting,
        protocol=case.protocol,
        protocol_before=_protocol_before(case),
        locked=_locked(case),
        gate=found,
    )
    if new is not None:
        dossier = replace(
            dossier,
            findings=changes(
                case.bundle.readout,
                new.readout,
                case.cells.labelled,
                new.ruled,
                {rule.label: rule for rule in case.bundle.rules},
            ),
            flips=tuple(_flips(new, trials)),
            flips_on="" if not trials else f"the {trials[0].ground}",
            stays=dict(new.stays),
            withheld=dict(new.withheld),
            kept_bytes={**kept(new.home).bytes, **_beneath(case.bundle)},
            fewest_patients=new.home.fewest_patients,
            single_patients=new.home.single_patients,
        )
    files = history.stage_update(dossier.update)
    write_json(files / "dossier.json", dossier)
    write_text(files / "dossier.md", dossier_page(dossier))
    digests = None
    if new is not None and bundle is not None and version is not None:
        digests = _staged(case, new, bundle, version)
    event = Updated(
        update=dossier.update,
        outcome=str(outcome),
        parent=dossier.parent,
        version=version,
        digests=digests,
        data=dossier.data.digest,
        films=dossier.data.learned_films,
        patients=dossier.data.learned_patients,
        dossier=digest_file(files / "dossier.json"),
    )
    commit(history, event, serve=version)
    return dossier


def _beneath(bundle: Bundle) -> dict[str, int]:
    """The bytes of the Adaptor a reader stands on, by kind."""
    return {} if bundle.pretrained is None else {"pretrained": bundle.pretrained.bytes}


def _staged(case: Case, new: Candidate, bundle: Bundle, version: int) -> Digests:
    """Lay out the new version: what would be in service, what stays here, what taught it."""
    recipe, home = case.reader.recipe, new.at_home(bundle)
    taught = taught_by(new.stream, case.cells.labelled, recipe.salt)
    return case.history.stage_version(
        version,
        bundle,
        state_of(new.left, recipe, new.withheld),
        home=None if home is None else (home, state_of(new.home, recipe, {})),
        taught=taught.salted(case.history.salt),
    )


def _data(case: Case, new: Candidate | None) -> DataTold:
    films, cells, patients = case.read.films, case.cells, case.read.labelled.patients
    learned = cells.learn if new is not None else cells.learn[:0]
    aside = dict(films.set_aside)
    for reason, count in cells.set_aside.items():
        aside[reason] = aside.get(reason, 0) + count
    return DataTold(
        digest=films.digest,
        source=films.manifest.source,
        films=len(films.digests),
        patients=len(np.unique(patients)),
        learned_films=len(learned),
        learned_patients=len(np.unique(patients[learned])),
        held_back=len(cells.held_back),
        passed_over=cells.passed_over,
        corrected=cells.corrected,
        set_aside=aside,
    )


def _protocol_before(case: Case) -> UpdateProtocol | None:
    """That of the update before, where it was another."""
    lineage = case.history.lineage
    if not lineage.updates:
        return None
    before = read_json(case.history.dossier(lineage.updates), Dossier).protocol
    return None if before == case.protocol else before


def _locked(case: Case) -> LockedTold | None:
    lineage = case.history.lineage
    known: Locked | None = lineage.locked
    if known is None:
        return None
    return LockedTold(
        digest=known.locked,
        films=known.films,
        patients=known.patients,
        uses=lineage.uses(known.locked),
        patients_unknown=not lineage.taught_known,
    )


def _flips(new: Candidate, trials: Sequence[Trial]) -> Iterator[Flips]:
    """Answers that change on the films of the best ground, by the readers themselves."""
    trial = trials[0]
    for column, label in enumerate(trial.labels):
        if label not in new.rules or label in new.unchanged:
            continue
        change = flips(
            label,
            trial.old[:, column],
            trial.final[:, column],
            new.rules,
            trial.target[:, column],
            trial.known[:, column],
        )
        if change is not None:
            yield change

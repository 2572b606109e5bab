"""``carina update``."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from carina.bundles import history_folder
from carina.cli.terminal import note, print_json, print_table, progress
from carina.core import read_toml
from carina.encoders import ImageEncoder
from carina.features import Store
from carina.recipes import ALL, Dossier, Ground, Outcome, UpdateProtocol
from carina.recipes import update as learn_on
from carina.serving import load_predictor
from carina.studies import read_data

__all__ = ["update"]

_STATUS = {Outcome.FAILED: 3, Outcome.UNDECIDED: 4, Outcome.PENDING: 5}


def update(
    bundle: Path,
    *,
    data: Path,
    store: Path | None = None,
    mapping: Path | None = None,
    locked: Path | None = None,
    margin: float | None = None,
    protocol: Path | None = None,
    weights: Path | None = None,
    trust_input: Annotated[bool, Parameter(negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Let a reader in service learn new films, new labels or a new finding, if it passes the gate.

    Exit status 0 where the new reader is in service, 3 where it failed, 4 where nobody can tell
    and 5 where too few patients were there to learn from; the old one then stays to the bit.

    Args:
        bundle: The bundle's folder, made with --updatable; its history lies beside it.
        data: Folder of the new films and labels, or its table.
        store: Where features are kept; by default they are made and thrown away.
        mapping: TOML that names the columns of the new data's table.
        locked: Folder of the locked test set, with its own mapping.toml where it needs one; the
            same each time, and its patients never teach.
        margin: How much less AUROC is not yet worse; the protocol's by default.
        protocol: TOML of the modification protocol.
        weights: File of weights, for an encoder that comes without.
        trust_input: Learn from every picture, whatever it looks like.
        as_json: Print the dossier for machines.
    """
    rules = UpdateProtocol() if protocol is None else read_toml(protocol, UpdateProtocol)
    if margin is not None:
        rules = replace(rules, margin=margin)

    def load() -> tuple[ImageEncoder, ...]:
        return load_predictor(bundle, weights=weights).encoders

    new = read_data(data, mapping)
    fixed = None if locked is None else read_data(locked)
    dossier: Dossier | None = None
    kept = None if store is None else Store(store)
    with progress() as bars:
        bar = bars.add_task("update")
        for event in learn_on(
            bundle,
            new,
            kept,
            load,
            locked=fixed,
            protocol=rules,
            check_input=not trust_input,
        ):
            if isinstance(event, Dossier):
                dossier = event
            else:
                bars.update(bar, description=event.stage, completed=event.done, total=event.of)
    assert dossier is not None  # noqa: S101 - an update ends with it
    if as_json:
        print_json(dossier)
    else:
        _show(dossier)
    place = history_folder(bundle) / "updates" / f"{dossier.update:03}"
    note(f"Dossier: {place / 'dossier.md'}")
    if not dossier.replaced:
        sys.exit(_STATUS[dossier.outcome])


def _show(dossier: Dossier) -> None:
    data = dossier.data
    note(f"Update {dossier.update}: {dossier.outcome}.")
    if dossier.gate.checks:
        _table(dossier)
    for check in dossier.gate.checks:
        if check.outcome is Outcome.FAILED or (
            check.must_pass and check.outcome is Outcome.UNDECIDED
        ):
            more = check.further_positives
            note(
                f"{check.finding}, {check.group}: {check.outcome}: {check.why}"
                + (f"; about {more} more positive films would tell" if more else "")
                + "."
            )
    for finding, one in dossier.waiting.items():
        note(
            f"{finding} waits: {one.positives} new patient(s) with it and {one.negatives} without; "
            f"wanted are {one.wanted} of either."
        )
    for reason, count in data.set_aside.items():
        note(f"Left out: {count} film(s) {reason}.")
    if data.passed_over:
        note(f"Passed over: {data.passed_over} label(s) that taught the reader before.")
    if data.corrected:
        note(
            f"{data.corrected} film(s) have other labels than those that taught the reader; the old "
            "ones still stand."
        )
    if dossier.locked is not None:
        note(f"The locked set has been opened {dossier.locked.uses} time(s).")
    note(
        f"Version {dossier.version} is in service, taught by {data.learned_films} more film(s)."
        if dossier.replaced
        else f"Version {dossier.parent} stays in service, unchanged."
    )


def _table(dossier: Dossier) -> None:
    print_table(
        "all films, and groups that failed",
        ["finding", "films", "measure", "ground", "before", "after", "difference", "outcome"],
        [
            [
                check.finding,
                check.group,
                "" if check.ground is Ground.BYTES else str(check.measure),
                str(check.ground),
                *("" if one is None else str(one) for one in (check.old, check.new)),
                "" if check.difference is None else str(check.difference),
                str(check.outcome),
            ]
            for check in dossier.gate.checks
            if check.group == ALL or check.outcome is Outcome.FAILED
        ],
        words=(1, 2, 3, 7),
    )

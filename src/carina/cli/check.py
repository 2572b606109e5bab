"""``carina check``."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from carina.cli.terminal import note, print_json, print_table, progress
from carina.studies import (
    POLICIES,
    CheckReport,
    PresenceCounts,
    Prevalence,
    Severity,
    prevalences,
    read_data,
)
from carina.studies import check as look_over

__all__ = ["check"]


def check(
    data: Path,
    *,
    mapping: Path | None = None,
    policies: Annotated[bool, Parameter(negative="")] = False,
    against: Path | None = None,
    read: bool = True,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Look a data folder over before anything is computed. Exit status 1 where there are errors.

    Args:
        data: The data folder, its table, or a collection of several data sets (TOML).
        mapping: TOML that names the table's columns.
        policies: Show how common each finding is under each label policy that has a name.
        against: Another data folder, table or collection, to tell which films, patients and reports both have.
        read: Open every image, not only look for it.
        as_json: Print the report for machines.
    """
    manifest = read_data(data, mapping)
    other = None if against is None else read_data(against)
    report: CheckReport | None = None
    with progress() as bars:
        bar = bars.add_task("check", total=len(manifest) + len(other or ()))
        for event in look_over(manifest, read=read, against=other):
            if isinstance(event, CheckReport):
                report = event
            else:
                bars.update(bar, completed=event.done)
    if report is None:
        raise AssertionError("check ends with its report")
    if policies:
        report = replace(report, policies=prevalences(manifest))
    if as_json:
        print_json(report)
    else:
        _show(report)
    if not report.sound:
        sys.exit(1)


def _show(report: CheckReport) -> None:
    splits = list(report.splits)
    print_table(
        f"{report.source or 'data'}: {report.images} images, {report.patients} patients, "
        f"{report.readable} readable",
        ["split", "images", "patients"],
        [[n, str(s.images), str(s.patients)] for n, s in report.splits.items()],
    )
    print_table(
        "present / absent / uncertain / unmentioned",
        ["finding", *splits],
        [
            [name, *(_counts(by_split, split) for split in splits)]
            for name, by_split in report.findings.items()
        ],
    )
    for split in splits if report.policies else ():
        print_table(
            f"{split}: share of known cells that are present, by label policy",
            ["finding", *POLICIES],
            [
                [name, *(_share(by_split[split][policy]) for policy in POLICIES)]
                for name, by_split in report.policies.items()
            ],
        )
    for remark in report.remarks:
        if not remark.section:
            note(f"{remark.severity}: {remark.text}")
    if leaks := [remark for remark in report.remarks if remark.section]:
        note("Leakage")
        for remark in leaks:
            note(f"  {remark.severity}: {remark.text}")
    if not any(r.severity is Severity.ERROR for r in report.remarks):
        note("No errors.")


def _share(prevalence: Prevalence) -> str:
    share = prevalence.share
    return "-" if share is None else f"{share:.1%} of {prevalence.known}"


def _counts(by_split: dict[str, PresenceCounts], split: str) -> str:
    if split not in by_split:
        return "-"
    counts = by_split[split]
    return f"{counts.present} / {counts.absent} / {counts.uncertain} / {counts.unmentioned}"

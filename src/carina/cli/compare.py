"""``carina compare``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from carina.cli.runs import run_folder
from carina.cli.terminal import note, print_json, print_table
from carina.core import Estimate, generator
from carina.evaluation import (
    METRICS,
    Comparison,
    Scores,
    compare_findings,
    read_results,
    read_scores,
)
from carina.measures import PairedTest
from carina.studies import LabelSpace

__all__ = ["compare"]

_DRAWS = 2000


def compare(
    first: Path,
    second: Path,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Compare two runs on the same films: first less second, paired by patient.

    Every metric in the mean, then AUROC by finding on the test films, by resampling patients and
    by DeLong's test, each with p values adjusted over the findings (Holm).

    Args:
        first: A run's folder.
        second: Another's.
        as_json: Print the differences for machines.
    """
    folders = [run_folder(path) for path in (first, second)]
    one, other = (read_results(folder / "results.json") for folder in folders)
    tables = [
        read_scores(
            folder / "scores.parquet",
            tuple(e.name for e in found.experiences),
            LabelSpace(names=found.labels),
        )
        for folder, found in zip(folders, (one, other), strict=True)
    ]
    names = tuple(name for name in one.groups[one.headline] if name in other.labels)
    compared = {
        part: {metric: _compared(tables, part, metric, names) for metric in METRICS}
        for part in ("out-of-fold", "validation", "test")
        if all(part in table for table in tables)
    }
    by_finding = compared["test"]["auroc"]
    if as_json:
        print_json({"means": _means(compared), "findings": _tests(by_finding)})
        return
    _show_means(f"{one.recipe} less {other.recipe}", compared, len(names))
    if by_finding.resampled:
        _show_findings(f"{one.recipe} less {other.recipe}", by_finding)
    for leaks in dict.fromkeys(found.leaks for found in (one, other) if found.leaks):
        note(f"The split leaks, the figures behind the difference are too good: {leaks}.")
    if one.plan_id != other.plan_id:
        note(
            "The runs follow different plans: the difference is of outcomes, not of methods alone."
        )


def _compared(
    tables: list[dict[str, Scores]], part: str, metric: str, names: tuple[str, ...]
) -> Comparison:
    first, second = (table[part] for table in tables)
    rng = generator(0, "compare", part)
    return compare_findings(first, second, names=names, metric=metric, draws=_DRAWS, rng=rng)


def _means(compared: Mapping[str, Mapping[str, Comparison]]) -> dict[str, dict[str, Estimate]]:
    """Part -> metric -> the difference."""
    return {
        part: {metric: each.mean.difference for metric, each in by_metric.items()}
        for part, by_metric in compared.items()
    }


def _tests(by_finding: Comparison) -> dict[str, dict[str, PairedTest]]:
    """Finding -> "resampled" and "delong"."""
    return {
        finding: {"resampled": test, "delong": by_finding.delong[finding]}
        for finding, test in by_finding.resampled.items()
    }


def _show_means(runs: str, compared: Mapping[str, Mapping[str, Comparison]], count: int) -> None:
    means = _means(compared)
    print_table(
        f"{runs}, mean over {count} findings after the last step",
        ["metric", *means],
        [[metric, *(str(means[part][metric]) for part in means)] for metric in METRICS],
    )


def _show_findings(runs: str, by_finding: Comparison) -> None:
    """AUROC on the test part; p values are Holm's, over the findings."""
    print_table(
        f"{runs}, AUROC by finding after the last step, test",
        ["finding", "positives", "by resampling", "p (Holm)", "by DeLong", "p (Holm)"],
        [
            [
                finding,
                str(tests["resampled"].difference.positives),
                *(word for test in tests.values() for word in _told(test)),
            ]
            for finding, tests in _tests(by_finding).items()
        ],
    )


def _told(test: PairedTest) -> tuple[str, str]:
    """The difference, and its p value; "-" for it where there is no difference."""
    return str(test.difference), str(test.p) if test.difference.defined else "-"

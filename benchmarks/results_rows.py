"""A finished cell of the grid, and how its numbers are told in a table."""

from dataclasses import dataclass

from benchmarks.grid import Cell
from carina.core import Estimate, generator
from carina.evaluation import Results, Scores, compare

__all__ = ["DRAWS", "Row", "gap", "said", "table"]

DRAWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One run and what it answered.

    Attributes:
        cell: What was declared.
        results: Its numbers.
        outside: Its scores out of fold.
        test: Its scores on the test part.
    """

    cell: Cell
    results: Results
    outside: Scores
    test: Scores

    @property
    def headline(self) -> tuple[str, ...]:
        """The findings of its headline."""
        return self.results.groups[self.results.headline]

    def last(self, metric: str = "auroc") -> Estimate:
        """The headline's mean on the test part after the last step."""
        return self.results.summary[metric][self.results.headline]

    def transfer(self, name: str, metric: str = "auroc") -> Estimate:
        """A measure of transfer on the test part."""
        return self.results.summary[metric][name]

    @property
    def out_of_fold(self) -> Estimate:
        """The headline's mean AUROC out of fold after the last step."""
        return self.results.out_of_fold.summary["auroc"][self.results.headline]

    @property
    def kept(self) -> str:
        """Megabytes that stay behind after the last step, patients' rows named."""
        lived = self.results.experiences[-1].lived
        told = f"{sum(lived.kept_bytes.values()) / 1e6:.1f}"
        return f"{told}, {lived.patient_rows} rows of patients" if lived.patient_rows else told

    @property
    def seconds(self) -> str:
        """Of learning, all experiences together."""
        return f"{sum(step.lived.seconds for step in self.results.experiences):.1f}"


def gap(row: Row, bound: Row) -> Estimate:
    """AUROC out of fold less a bound's, paired by patient."""
    return compare(
        row.outside,
        bound.outside,
        names=row.headline,
        draws=DRAWS,
        rng=generator(0, "results", row.cell.table, row.cell.method),
    )


def said(estimate: Estimate | None) -> str:
    """An estimate as it stands in a table."""
    return "undefined" if estimate is None or estimate.value is None else str(estimate)


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """A table in Markdown, and an empty line after it."""
    return [
        "| " + " | ".join(header) + " |",
        "|" + " --- |" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]

"""The transfer matrix as a table whose cells are coloured by value."""

from dataclasses import replace

from carina.cards.content import marked
from carina.cards.figures import shades
from carina.cards.tables import Cell, Table, estimated, text, told
from carina.core import Estimate
from carina.evaluation import Results

__all__ = ["heat_map"]


def heat_map(results: Results, metric: str = "auroc") -> Table:
    """A metric of every finding (columns) after every step (rows), the baseline first.

    The row of the baseline is left out where every cell of it is undefined, and a note says so.
    """
    rows, notes = [], []
    baseline = results.baseline[metric]
    if any(estimate.defined for estimate in baseline.values()):
        rows.append((text("before any"), *_cells(results, baseline, ("baseline", metric), 0)))
    else:
        why = results.why_no_zero_shot or next(iter(baseline.values())).why_undefined
        notes.append(f"There is no row before the first step: {why}.")
    for step, experience in enumerate(results.experiences):
        cells = _cells(results, results.scores[metric][step], ("scores", metric, step), step + 1)
        rows.append((told(experience.name, "experiences", step, "name"), *cells))
    return Table(
        caption=marked("AUROC of each finding after each step", results),
        header=("after", *results.labels),
        rows=tuple(rows),
        notes=tuple(notes),
    )


def _cells(
    results: Results, row: dict[str, Estimate], place: tuple[str | int, ...], step: int
) -> list[Cell]:
    cells = []
    for label, taught in zip(results.labels, results.taught, strict=True):
        cell, value = estimated(row[label], *place, label), row[label].value
        if value is not None:
            shade, ink = shades(value)
            detail = f"{cell.text}; {cell.detail}"
            cell = replace(cell, text=cell.head, form="value", detail=detail, shade=shade, ink=ink)
        cells.append(replace(cell, taught=step > 0 and taught == step))
    return cells

"""For whom: groups of patients, and how far the worst lies behind."""

from dataclasses import replace

from carina.cards.content import marked
from carina.cards.tables import Cell, Table, estimated, text, told
from carina.evaluation import ENOUGH, GROUPED, Results, Subgroups

__all__ = ["gap_table", "group_table"]

_ENOUGH = f"A group is told on the findings that {ENOUGH} of its patients have and {ENOUGH} have not, in every group told; of smaller ones there is no number."
_CHANCE = "The worst group is picked after the fact, so its gap lies below 0 where all groups are alike; beneath it stands how far."


def group_table(results: Results) -> Table:
    """Every group after the last step, and the gap of the worst."""
    rows: list[tuple[Cell, ...]] = []
    for attribute, found in results.subgroups.items():
        place, last = ("subgroups", attribute), len(results.experiences) - 1
        about = (
            ", ".join(found.findings)
            if len(found.findings) < 4
            else f"{len(found.findings)} findings"
        )
        for group in found.groups:
            cells = [
                estimated(found.means[metric][group][last], *place, "means", metric, group, last)
                for metric in GROUPED
            ]
            rows.append((Cell(text=f"{attribute}: {group}", small=about), *cells))
        for group in found.too_small:
            none = Cell(text="undefined", undefined="not enough patients")
            rows.append((text(f"{attribute}: {group}"), *([none] * len(GROUPED))))
        rows += [
            _gaps(found, attribute, "gap", f"{attribute}: worst less the others", last),
            _gaps(
                found, attribute, "gap_by_chance", f"{attribute}: that gap, by chance alone", last
            ),
        ]
    return Table(
        caption=marked("Groups of patients after the last step", results),
        header=("", "AUROC", "sensitivity", "specificity"),
        rows=tuple(rows),
        notes=(_ENOUGH, _CHANCE),
    )


def gap_table(results: Results) -> Table:
    """The gap of the worst group after each experience, by attribute."""
    rows = []
    for step, experience in enumerate(results.experiences):
        cells = [
            _named(found, attribute, "gap", "auroc", step)
            for attribute, found in results.subgroups.items()
        ]
        rows.append((told(experience.name, "experiences", step, "name"), *cells))
    return Table(
        caption=marked("AUROC of the worst group less the others, after each experience", results),
        header=("experience", *results.subgroups),
        rows=tuple(rows),
    )


def _gaps(found: Subgroups, attribute: str, kind: str, called: str, step: int) -> tuple[Cell, ...]:
    return (text(called), *(_named(found, attribute, kind, metric, step) for metric in GROUPED))


def _named(found: Subgroups, attribute: str, kind: str, metric: str, step: int) -> Cell:
    """A gap, with the group that is the worst beneath it."""
    estimate = getattr(found, kind)[metric][step]
    cell = estimated(estimate, "subgroups", attribute, kind, metric, step)
    worst = found.worst[metric][step] if kind == "gap" and estimate.defined else ""
    return replace(cell, small=worst)

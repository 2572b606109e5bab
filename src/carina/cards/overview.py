"""Several runs beside each other, one table a plan: runs of different plans never share one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os.path import relpath
from pathlib import Path
from urllib.parse import quote

from carina.cards.content import encoders_of, marked
from carina.cards.plots import Curve, curve_plot
from carina.cards.rendering import render
from carina.cards.tables import Cell, Table, duration, estimated, plain, pointer, size, text, told
from carina.core import InvalidValue, write_text
from carina.evaluation import Results, read_results

__all__ = ["overview_tables", "write_overview"]

_SUMMARY = {
    "AUROC": "auroc",
    "authors' AUROC": "auroc_authors",
    "AP": "average_precision",
    "Brier": "brier",
    "ECE": "ece",
}
_TRANSFER = {"backward transfer": "backward_transfer", "forgetting": "forgetting"}
_EXPOSED = "† An encoder has, or may have, seen films of this data set: the figures of this row are too good by an unknown amount, but for AUROC on the test films that are surely unseen."
_LEAKS = "‡ The split leaks, and every figure is too good by an unknown amount"
_CURVES = 6
_NAMED = 3  # runs in a line; of more their number is said


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """The runs of one plan.

    Attributes:
        title: Kind and variant of the plan.
        plan_id: Its id.
        runs: Its runs with their folders, in the order given.
    """

    title: str
    plan_id: str
    runs: tuple[tuple[Path, Results], ...]


def overview_tables(folders: Sequence[Path]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Title, header and rows for each plan that the runs follow, as text for a terminal.

    Raises:
        InvalidValue: where no run is named.
        MissingFile, UnreadableFile, ConfigError: where a folder holds no finished run.
    """
    return [
        (f"{group.title} (plan {group.plan_id})", *plain(_table(group, None)))
        for group in _grouped(folders)
    ]


def write_overview(folders: Sequence[Path], out: Path, title: str = "Runs side by side") -> Path:
    """Write ``card.html`` and ``card.md`` of several runs into a folder.

    Args:
        folders: The runs.
        out: Where the cards go; links to the runs' own cards are relative to it.
        title: Head of the page.

    Returns:
        The path of card.html.

    Raises:
        InvalidValue: where no run is named.
        MissingFile, UnreadableFile, ConfigError: where a folder holds no finished run.
    """
    groups = _grouped(folders)
    sections = [
        {
            "title": group.title,
            "plan_id": group.plan_id,
            "about": _about(group),
            "table": _table(group, out),
            "plot": _plot(group, f"plan-{index}"),
        }
        for index, group in enumerate(groups, start=1)
    ]
    runs = [results for group in groups for _, results in group.runs]
    content = {
        "title": title,
        "runs": len(runs),
        "sections": sections,
        "notices": _reasons(runs),
        "citations": tuple(dict.fromkeys(c for results in runs for c in results.citations)),
    }
    write_text(out / "card.md", render("overview.md.j2", **content))
    write_text(out / "card.html", render("overview.html.j2", **content))
    return out / "card.html"


def _grouped(folders: Sequence[Path]) -> list[_Group]:
    if not folders:
        raise InvalidValue("An overview needs one run or more; name the folders of finished runs.")
    plans: dict[tuple[str, str], list[tuple[Path, Results]]] = {}
    for folder in folders:
        results = read_results(folder / "results.json")
        plans.setdefault((results.plan_id, results.headline), []).append((folder, results))
    return [
        _Group(
            title=f"{runs[0][1].plan_kind}, {runs[0][1].plan_variant}",
            plan_id=plan_id,
            runs=tuple(runs),
        )
        for (plan_id, _), runs in plans.items()
    ]


def _about(group: _Group) -> str:
    first = group.runs[0][1]
    steps = len(first.experiences)
    return (
        f"{steps} step{'' if steps == 1 else 's'} on {first.source}; after the last one, on "
        f"{first.test_images} test films of {first.test_patients} patients."
        f"{f' {_LEAKS}: {first.leaks}.' if first.leaks else ''}"
    )


def _table(group: _Group, out: Path | None) -> Table:
    rows = [_row(folder, results, group, out) for folder, results in group.runs]
    header = ["run", "strategy", "encoders", *_SUMMARY, *_TRANSFER, "kept", "seconds"]
    exposed = any(_exposed(results) for _, results in group.runs)
    if exposed:
        at = header.index("AUROC") + 1
        header.insert(at, "AUROC, surely unseen")
        rows = [
            (*row[:at], _unseen(results), *row[at:])
            for row, (_, results) in zip(rows, group.runs, strict=True)
        ]
    return Table(
        caption=marked(
            f"Mean over {group.runs[0][1].headline}, with 95 % intervals", group.runs[0][1]
        ),
        header=tuple(header),
        rows=tuple(rows),
        notes=(_EXPOSED,) if exposed else (),
        words=(1, 2),
    )


def _row(folder: Path, results: Results, group: _Group, out: Path | None) -> tuple[Cell, ...]:
    last = len(results.experiences) - 1
    kept = sum(results.experiences[last].lived.kept_bytes.values())
    seconds = sum(experience.lived.seconds for experience in results.experiences)
    cells = [
        told(results.recipe, "recipe"),
        told(results.strategy, "strategy"),
        text(encoders_of(results)),
        *(
            estimated(
                results.summary[metric][results.headline], "summary", metric, results.headline
            )
            for metric in _SUMMARY.values()
        ),
        *(
            estimated(results.summary["auroc"][name], "summary", "auroc", name)
            for name in _TRANSFER.values()
        ),
        Cell(
            text=size(kept),
            pointer=pointer("experiences", last, "lived", "kept_bytes", "*"),
            form="size",
        ),
        Cell(
            text=duration(seconds),
            pointer=pointer("experiences", "*", "lived", "seconds"),
            form="duration",
        ),
    ]
    seeds = {other.seed for _, other in group.runs}
    cells[0] = replace(
        cells[0],
        link=_link(folder, out),
        small=f"seed {results.seed}" if len(seeds) > 1 else "",
    )
    return tuple(replace(cell, run=results.run) if cell.pointer else cell for cell in cells)


def _exposed(results: Results) -> bool:
    return any(encoder.exposed for encoder in results.encoders)


def _unseen(results: Results) -> Cell:
    """AUROC on the test films that no encoder's weights can have seen."""
    if results.unseen is None:
        why = "no test film" if _exposed(results) else "every test film"
        return Cell(text="undefined", undefined=f"{why} is surely unseen")
    place = ("unseen", "summary", "auroc", results.headline)
    estimate = results.unseen.summary["auroc"][results.headline]
    return estimated(estimate, *place, run=results.run)


def _link(folder: Path, out: Path | None) -> str:
    card = folder / "card.html"
    if out is None or not card.is_file():
        return ""
    return quote(Path(relpath(card.resolve(), out.resolve())).as_posix())


def _plot(group: _Group, name: str) -> str:
    """The headline of each run by step; of the first six, since more could not be told apart.

    Nothing where there is one step only.
    """
    if len(group.runs[0][1].experiences) == 1:
        return ""
    curves = [
        Curve(name=results.recipe, points=results.macro["auroc"][results.headline])
        for _, results in group.runs[:_CURVES]
    ]
    steps = [experience.name for experience in group.runs[0][1].experiences]
    alt = f"AUROC by step of {len(curves)} runs of the plan {group.title}; the last step's are in the table"
    return curve_plot(curves, steps, name=name, alt=alt)


def _reasons(runs: Sequence[Results]) -> tuple[str, ...]:
    """Why some runs have no zero-shot, each reason once with its runs, or how many they are."""
    by_reason: dict[str, list[str]] = {}
    for results in runs:
        if not results.zero_shot:
            by_reason.setdefault(results.why_no_zero_shot, []).append(results.recipe)

    def told(names: list[str]) -> str:
        if len(names) == len(runs):
            return "any run"
        return ", ".join(names) if len(names) <= _NAMED else f"{len(names)} of {len(runs)} runs"

    return tuple(f"No zero-shot in {told(names)}: {why}." for why, names in by_reason.items())

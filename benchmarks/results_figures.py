"""The pictures of docs/results.md."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from benchmarks.forgetting import Judged
from benchmarks.results_rows import Row
from carina.core import generator
from carina.evaluation import Results
from carina.measures import calibration_band, reliability

__all__ = ["draw_figures"]

SHOWN = ("RE-tune", "RE-tune with distillation (LwF)", "logistic heads", "masked ridge")


def draw_figures(rows: list[Row], forgetting: list[Judged], out: Path) -> None:
    """Draw what there is rows for, into ``out/results-*.png``."""
    mpl.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False})
    by_class = {row.cell.method: row for row in rows if row.cell.table == "by-class"}
    found = [by_class[method] for method in SHOWN if method in by_class]
    if found:
        _save(_matrices(found), out / "results-matrices.png")
        _save(_positives(found), out / "results-positives.png")
        _save(_reliability(found), out / "results-reliability.png")
        if moved := [row for row in found if row.results.drift]:
            _save(_drift(moved), out / "results-drift.png")
    if forgetting:
        _save(_orders(forgetting), out / "results-orders.png")


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _grid_of(results: Results) -> Float[np.ndarray, "steps findings"]:
    return np.array(
        [
            [np.nan if step[name].value is None else step[name].value for name in results.labels]
            for step in results.scores["auroc"]
        ],
        dtype=np.float64,
    )


def _matrices(rows: list[Row]) -> Figure:
    figure, axes = plt.subplots(1, len(rows), figsize=(11, 3.6), layout="constrained", sharey=True)
    for axis, row in zip(np.atleast_1d(axes), rows, strict=True):
        image = axis.imshow(_grid_of(row.results), vmin=0.4, vmax=0.9, cmap="viridis")
        axis.set_title(row.cell.method)
        axis.set_xticks(range(len(row.results.labels)), row.results.labels, rotation=90, fontsize=6)
        axis.set_yticks(range(len(row.results.labels)), row.results.labels, fontsize=6)
    figure.colorbar(image, ax=axes, label="AUROC, test", shrink=0.8)
    return figure


def _positives(rows: list[Row]) -> Figure:
    figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for number, row in enumerate(rows):
        last = row.results.scores["auroc"][-1]
        names = [name for name in row.results.labels if last[name].value is not None]
        at = np.array([row.results.positives[name] for name in names]) * (1.02 ** (number - 1.5))
        values = np.array([last[name].value for name in names], dtype=np.float64)
        low, high = (
            np.array([getattr(last[name], end) for name in names], dtype=np.float64)
            for end in ("low", "high")
        )
        bars = np.stack([values - low, high - values])
        axis.errorbar(at, values, bars, fmt="o", markersize=3, linewidth=0.8, label=row.cell.method)
    axis.axhline(0.5, color="0.7", linewidth=0.8)
    axis.set_xscale("log")
    axis.set_xlabel("films with the finding, learned from")
    axis.set_ylabel("AUROC, test")
    axis.legend(frameon=False)
    return figure


def _orders(found: list[Judged]) -> Figure:
    figure, axis = plt.subplots(figsize=(7, 2.4), layout="constrained")
    for height, one in enumerate(found):
        axis.plot(one.by_order, [height] * len(one.by_order), "o", alpha=0.6)
        if one.auroc.low is not None and one.auroc.high is not None:
            axis.plot([one.auroc.low, one.auroc.high], [height - 0.2] * 2, color="0.5")
    axis.set_yticks(range(len(found)), [one.method for one in found])
    axis.set_ylim(-0.6, len(found) - 0.4)
    axis.set_xlabel("AUROC after the last experience, out of fold: a dot an order, mean over seeds")
    return figure


def _reliability(rows: list[Row]) -> Figure:
    figure, axes = plt.subplots(1, len(rows), figsize=(11, 3), layout="constrained", sharey=True)
    for axis, row in zip(np.atleast_1d(axes), rows, strict=True):
        said, target, patients = _pooled(row)
        rng = generator(0, "results", "reliability", row.cell.method)
        band = calibration_band(said, target, patients, rng=rng)
        ends = [(one.mean, one.low, one.high) for one in band.bins]
        mean, low, high = np.array(ends, dtype=np.float64).T
        rate = [one.rate for one in reliability(said, target)]
        axis.fill_between(mean, low, high, alpha=0.25)
        axis.plot(mean, rate, "o-", markersize=3)
        end = float(high.max()) * 1.1
        axis.plot([0, end], [0, end], ":", color="0.5")
        axis.set_title(row.cell.method)
        axis.set_xlabel("probability")
    np.atleast_1d(axes)[0].set_ylabel("share present, test")
    return figure


def _pooled(
    row: Row,
) -> tuple[Float[np.ndarray, " cells"], Bool[np.ndarray, " cells"], Int[np.ndarray, " cells"]]:
    """Every calibrated answer of the headline, with whose film it is."""
    part, last = row.test.part, row.test.probability[-1]
    columns = row.test.space.indices(row.headline)
    usable = (part.known & ~np.isnan(last))[:, columns]
    patients = np.repeat(part.patients[:, None], len(columns), axis=1)
    return last[:, columns][usable], part.target[:, columns][usable], patients[usable]


def _drift(rows: list[Row]) -> Figure:
    figure, axes = plt.subplots(1, len(rows), figsize=(8, 3.6), layout="constrained", sharey=True)
    for axis, row in zip(np.atleast_1d(axes), rows, strict=True):
        names = list(row.results.drift)
        moved = np.array(
            [
                [
                    np.nan if cosine is None else cosine
                    for cosine in row.results.drift[name].positive
                ]
                for name in names
            ],
            dtype=np.float64,
        )
        image = axis.imshow(moved.T, vmin=-1, vmax=1, cmap="RdBu_r")
        axis.set_title(row.cell.method)
        axis.set_xticks(range(len(names)), names, rotation=90, fontsize=6)
        axis.set_ylabel("experience")
    figure.colorbar(image, ax=axes, label="cosine with the prompt as it was taught", shrink=0.8)
    return figure

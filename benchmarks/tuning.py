"""Equally many settings of every method, out of fold by patient on train and val: ``make tuning``.

Class-incremental, one finding at a time on all films, or everything at once for methods that learn in
any order or need images and texts that can be compared (those on phantoms). The best is the one of the
largest AUROC after the last experience, over the findings of the headline. Nothing reads a test split.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.out_of_fold import NIH, PHANTOMS, Walk, films, stream_of, walked
from benchmarks.search_grids import GRIDS, TRIALS, settings_of
from carina.core import dump, write_text
from carina.learning import StrategyConfig
from carina.measures import auroc
from carina.recipes import NIH_FINDINGS, Prepared
from carina.streams import AllAtOnce, ByClass, StreamPlan

JOINT = {"RE-tune, joint", "SLDA", "RanPAC", "KLDA", "AnaCP", "masked ridge"}
"""Methods tuned on everything at once: joint training itself, and those any order ends the same for."""
ALIGNED = {"Tip-Adapter", "Tip-Adapter-F", "text-informed probe", "CLIP-Adapter"}
"""Methods that need a space which images and texts share: phantoms, through a ridge alignment."""
SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One setting of one method, and how it fared.

    Attributes:
        method: Its name in `GRIDS`.
        setting: The strategy.
        auroc: After the last experience, mean over the headline's findings.
        change: The same less that just after each finding was taught; NaN where there is one step.
    """

    method: str
    setting: StrategyConfig
    auroc: float
    change: float


def plan_of(method: str) -> StreamPlan:
    """What a method is tuned on."""
    return AllAtOnce() if method in JOINT | ALIGNED else ByClass()


def tried(
    grounds: Mapping[str, Prepared], work: Path, *, trials: int = TRIALS, jobs: int
) -> list[Trial]:
    """As many settings of every method whose films are there."""
    asked = [
        (method, Walk(strategy=setting, plan=plan_of(method), seed=SEED, ground=ground_of(method)))
        for at in range(trials)  # one of each, then the next: cut off, none is ahead
        for method in GRIDS
        if ground_of(method) in grounds
        for setting in settings_of(method)[at : at + 1]
    ]
    found = walked([walk for _, walk in asked], grounds, work, jobs=jobs)
    judged = [
        _judged(method, walk, scores, grounds[walk.ground])
        for (method, _), (walk, scores) in zip(asked, found, strict=True)
    ]
    return sorted(judged, key=lambda trial: list(GRIDS).index(trial.method))


def ground_of(method: str) -> str:
    """On which films a method is tuned."""
    return PHANTOMS if method in ALIGNED else NIH


def _judged(
    method: str, walk: Walk, scores: Float[np.ndarray, "steps films findings"], prepared: Prepared
) -> Trial:
    stream, space = stream_of(walk.plan, prepared), prepared.labelled.space
    names = NIH_FINDINGS if walk.ground == NIH else space.names
    taught = {
        name: step
        for step in range(len(stream.experiences) - 1, -1, -1)
        for name in stream.experiences[step].visible
    }

    def at(step: int, name: str) -> float:
        column = space.index(name)
        known = prepared.certain[prepared.learn][:, column]
        target = prepared.labelled.target[prepared.learn][:, column]
        return auroc(scores[step][known, column].astype(np.float64), target[known])

    last = np.array([at(-1, name) for name in names])
    first = np.array([at(taught[name], name) for name in names])
    one_step = len(stream.experiences) == 1
    change = float("nan") if one_step else float((last - first).mean())
    return Trial(method=method, setting=walk.strategy, auroc=float(last.mean()), change=change)


def best(trials: list[Trial]) -> dict[str, Trial]:
    """The best trial of each method; of equals the first."""
    chosen: dict[str, Trial] = {}
    for trial in trials:
        if trial.method not in chosen or trial.auroc > chosen[trial.method].auroc:
            chosen[trial.method] = trial
    return chosen


def page(trials: list[Trial]) -> str:
    """The page as Markdown."""
    chosen = best(trials)
    many = len(trials) // len(chosen)
    lines = [
        "# What was tried of every method, and what was chosen",
        "",
        f"Written by `make tuning`: {many} settings a method, carina's own among them, each walked once over five folds of patients of train and val.",
        "AUROC is the mean over the fourteen nih findings after the last experience (of methods with images and texts that can be compared: over the phantoms' findings, everything at once); the change is that less the AUROC just after each finding was taught.",
        "Budgets are optimiser steps an experience (`steps`). The best of each is in bold; the best of many looks better than it is, for all methods alike.",
        "The test split was not read.",
        "",
        "| method | stream | chosen | AUROC | change | median | worst |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for method, trial in chosen.items():
        every = sorted(one.auroc for one in trials if one.method == method)
        lines.append(
            f"| {method} | {_stream(method)} | {_told(trial.setting, method)} | {trial.auroc:.3f} | "
            f"{_change(trial)} | {np.median(every):.3f} | {every[0]:.3f} |"
        )
    for method in chosen:
        lines += ["", f"## {method}", "", "| setting | AUROC | change |", "| --- | --- | --- |"]
        for trial in trials:
            if trial.method == method:
                mark = "**" if trial is chosen[method] else ""
                told = _told(trial.setting, method)
                lines.append(f"| {mark}{told}{mark} | {trial.auroc:.3f} | {_change(trial)} |")
    return "\n".join(lines) + "\n"


def _stream(method: str) -> str:
    where = "phantoms" if method in ALIGNED else "nih"
    return f"{where}, {'joint' if method in JOINT | ALIGNED else 'by class'}"


def _change(trial: Trial) -> str:
    return "one step" if np.isnan(trial.change) else f"{trial.change:+.3f}"


def _told(setting: StrategyConfig, method: str) -> str:
    """What a setting has that the others of its method do not share."""
    plain = [_flat(dump(one)) for one in settings_of(method)]
    own = _flat(dump(setting))
    differing = [key for key in own if any(other.get(key) != own[key] for other in plain)]
    said = ", ".join(f"{key} {own[key]}" for key in differing)
    return said.replace("|", "/") or "as it is"


def _flat(plain: dict[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in plain.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{key}." if key not in ("base", "of") else above)
        else:
            flat[f"{above}{key}"] = value
    return flat


def main() -> None:
    """Walk what is not there yet, and write the page."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds nih/")
    parser.add_argument("--work", type=Path, required=True, help="where store and walks go")
    parser.add_argument("--out", type=Path, required=True, help="where tuning.md goes")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument("--trials", type=int, default=TRIALS, help="settings a method")
    asked = parser.parse_args()
    grounds = {ground: films(ground, asked.data, asked.work) for ground in (NIH, PHANTOMS)}
    found = tried(grounds, asked.work, trials=asked.trials, jobs=asked.jobs)
    write_text(asked.out / "tuning.md", page(found))


if __name__ == "__main__":
    main()

"""Does RE-tune forget, one finding at a time? 5 x 5 patient cross-validation, 5 seeds x 8 orders.

Every seed draws a partition of the train and val patients into five folds, and everything the strategy
draws; every order teaches the fifteen findings in another sequence, each on all films. Adaptors are
shared by all findings. Held against joint training on the same cells, under the same partitions.
Intervals are over patients, seeds and orders together.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.out_of_fold import NIH, Walk, films, scores_of, shown, stream_of, walked
from benchmarks.search_grids import BASE, JOINT
from carina.core import Estimate, dump, generator, load, read_json, write_json
from carina.evaluation import Replicate, replicated, replicated_difference
from carina.learning import LwF, RETune, StrategyConfig
from carina.recipes import NIH_FINDINGS, Prepared
from carina.streams import ByClass, CellMatched

SEEDS, ORDERS, DRAWS = 5, 8, 2000
KEPT = "forgetting.json"
MARGIN, HARM = -0.02, -0.01
"""Bounds: of sequential less joint, and of backward transfer."""
METHODS: Mapping[str, StrategyConfig] = {
    "RE-tune, plain": replace(BASE, steps=80, average=0.0),
    "RE-tune, running mean": replace(BASE, steps=20),
    "RE-tune with distillation (LwF)": LwF(base=replace(BASE, steps=80)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One method over all seeds and orders.

    Attributes:
        method: Its name.
        seeds: Partitions of the patients.
        auroc: Mean over the fourteen findings after the last experience.
        less_joint: That less joint training's on the same cells.
        backward: Mean backward transfer.
        by_order: Mean over seeds of the AUROC after the last experience, for each order.
    """

    method: str
    seeds: int
    auroc: Estimate
    less_joint: Estimate
    backward: Estimate
    by_order: tuple[float, ...]

    @property
    def holds(self) -> bool:
        """Whether both lower bounds are above what is wanted."""
        bounds = ((self.less_joint.low, MARGIN), (self.backward.low, HARM))
        return all(low is not None and low > wanted for low, wanted in bounds)


def order(number: int, names: tuple[str, ...]) -> tuple[str, ...]:
    """An order of teaching: the first as the recipes have it, the others drawn."""
    if not number:
        return names
    return tuple(names[at] for at in generator(number, "order").permutation(len(names)))


def judged(
    prepared: Prepared,
    work: Path,
    *,
    jobs: int,
    methods: Mapping[str, StrategyConfig] = METHODS,
    joint: RETune = JOINT,
    seeds: int = SEEDS,
    orders: int = ORDERS,
    draws: int = DRAWS,
) -> Iterator[Judged]:
    """Every method, walked where it is not there yet."""
    names = prepared.labelled.space.names
    headline = tuple(name for name in NIH_FINDINGS if name in names)
    bound = [
        (Walk(strategy=joint, plan=CellMatched(of=ByClass()), seed=seed), {"seed": seed})
        for seed in range(seeds)
    ]
    for method, strategy in methods.items():
        walks = [
            (
                Walk(strategy=strategy, plan=ByClass(order=order(number, names)), seed=seed),
                {"seed": seed, "order": number},
            )
            for seed in range(seeds)
            for number in range(orders)
        ]
        runs, others = (_replicates(some, prepared, work, jobs) for some in (walks, bound))
        by_order = [
            [one for one in runs if one.levels["order"] == number] for number in range(orders)
        ]
        yield Judged(
            method=method,
            seeds=seeds,
            auroc=replicated(runs, names=headline, draws=draws, rng=_drawn("auroc")),
            less_joint=replicated_difference(
                runs, others, names=headline, draws=draws, rng=_drawn("less joint")
            ),
            backward=replicated(
                runs,
                names=headline,
                quantity="backward_transfer",
                draws=draws,
                rng=_drawn("backward transfer"),
            ),
            by_order=tuple(
                replicated(same, names=headline, draws=100, rng=_drawn("order")).value or 0.0
                for same in by_order
            ),
        )


def _drawn(quantity: str) -> np.random.Generator:
    return generator(0, "forgetting", quantity)


def _replicates(
    walks: list[tuple[Walk, dict[str, int]]], prepared: Prepared, work: Path, jobs: int
) -> list[Replicate]:
    found = walked([walk for walk, _ in walks], {NIH: prepared}, work, jobs=jobs)
    return [
        Replicate(
            scores=scores_of(scores, stream_of(walk.plan, prepared), prepared),
            shown=shown(walk.plan, prepared),
            levels=levels,
        )
        for (walk, scores), (_, levels) in zip(found, walks, strict=True)
    ]


def kept_in(work: Path) -> list[Judged]:
    """What an earlier `main` left in a work folder; nothing where it never ran there."""
    path = work / KEPT
    plain: list[dict[str, Any]] = read_json(path, list) if path.is_file() else []
    return [load(one, Judged, what=KEPT) for one in plain]


def table(found: list[Judged]) -> list[str]:
    """The methods as Markdown, each with what it must hold."""
    lines = [
        f"| method | seeds x orders | AUROC | less joint on the same cells (lower bound above {MARGIN}) | backward transfer (lower bound above {HARM}) | lowest and highest order | both hold |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    return lines + [
        f"| {one.method} | {one.seeds} x {len(one.by_order)} | {one.auroc} | {one.less_joint} | "
        f"{one.backward} | {min(one.by_order):.3f} to {max(one.by_order):.3f} | "
        f"{'yes' if one.holds else 'no'} |"
        for one in found
    ]


def main() -> None:
    """Walk what is not there yet, leave forgetting.json in the work folder, print the table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds nih/")
    parser.add_argument("--work", type=Path, required=True, help="where store and walks go")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    asked = parser.parse_args()
    found = list(judged(films(NIH, asked.data, asked.work), asked.work, jobs=asked.jobs))
    write_json(asked.work / KEPT, [dump(one) for one in found])
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()

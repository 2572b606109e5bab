"""Does RE-tune forget, one finding at a time? 5 x 5 patient cross-validation, 5 seeds x 8 orders.

Every seed draws a partition of the train and val patients into five folds, and everything the strategy
draws; every order teaches the fifteen findings in another sequence, each on all films. Adaptors are
shared by all findings. Held against joint training on the same cells, under the same partitions.
Intervals are over patients, seeds and orders together.
"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.out_of_fold import NIH, Walk, films, scores_of, stream_of, walked
from benchmarks.search_grids import BASE
from carina.core import Estimate, dump, generator
from carina.evaluation import Replicate, replicated, replicated_difference
from carina.learning import LwF, RETune, Schedule, StrategyConfig
from carina.recipes import NIH_FINDINGS, Prepared
from carina.streams import ByClass, CellMatched, StreamPlan

SEEDS, ORDERS, DRAWS = 5, 8, 2000
MARGIN, HARM = -0.02, -0.01
"""Bounds: of sequential less joint, and of backward transfer."""
JOINT = replace(BASE, schedule=Schedule.LINEAR, steps=320, average=0.0)
METHODS: dict[str, StrategyConfig] = {
    "RE-tune, plain": replace(BASE, average=0.0),
    "RE-tune, running mean": BASE,
    "RE-tune with distillation (LwF)": LwF(base=replace(BASE, steps=80)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One method over all seeds and orders.

    Attributes:
        method: Its name.
        auroc: Mean over the fourteen findings after the last experience.
        less_joint: That less joint training's on the same cells.
        backward: Mean backward transfer.
        by_order: Mean over seeds of the AUROC after the last experience, for each order.
    """

    method: str
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

        def said(quantity: str) -> dict[str, object]:
            return {"names": headline, "draws": draws, "rng": generator(0, "forgetting", quantity)}

        by_order = [
            float(
                np.mean(
                    [
                        replicated([run], names=headline, draws=100, rng=generator(0)).value or 0
                        for run in runs
                        if run.levels["order"] == number
                    ]
                )
            )
            for number in range(orders)
        ]
        yield Judged(
            method=method,
            auroc=replicated(runs, **said("mean")),
            less_joint=replicated_difference(runs, others, **said("less joint")),
            backward=replicated(runs, quantity="backward_transfer", **said("backward")),
            by_order=tuple(by_order),
        )


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


def shown(plan: StreamPlan, prepared: Prepared) -> np.ndarray:
    """Whether each experience shows labels of each finding."""
    space = prepared.labelled.space
    return np.array(
        [
            [name in experience.visible for name in space.names]
            for experience in stream_of(plan, prepared).experiences
        ]
    )


def table(found: list[Judged]) -> list[str]:
    """The methods as Markdown, each with what it must hold."""
    lines = [
        f"| method | AUROC | less joint on the same cells (lower bound above {MARGIN}) | backward transfer (lower bound above {HARM}) | lowest and highest order | both hold |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    return lines + [
        f"| {one.method} | {one.auroc} | {one.less_joint} | {one.backward} | "
        f"{min(one.by_order):.3f} to {max(one.by_order):.3f} | {'yes' if one.holds else 'no'} |"
        for one in found
    ]


def main() -> None:
    """Walk what is not there yet, and print the table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds nih/")
    parser.add_argument("--work", type=Path, required=True, help="where store and walks go")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument("--json", action="store_true", help="for machines")
    asked = parser.parse_args()
    found = list(judged(films(NIH, asked.data, asked.work), asked.work, jobs=asked.jobs))
    print(json.dumps([dump(one) for one in found]) if asked.json else "\n".join(table(found)))


if __name__ == "__main__":
    main()

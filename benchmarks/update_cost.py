"""The fiftieth experience against the first: an update costs the same however much was learned before.

A data-incremental stream of fifty equal parts. What is timed is learning one of them, in seconds of
the processor, so that other work on the machine does not count; both take turns. What is kept to
learn on after either is counted in bytes, and is equal.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from threadpoolctl import threadpool_limits

from carina.learning import RETune, Ridge, StrategyConfig, begin, kept
from carina.recipes import NIH_FINDINGS, PAPER_FINDINGS, one_thread
from carina.streams import ByData, Labelled, view

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.drawn import drawn, setting_of, stream_of, taught
from benchmarks.measured import Measured, Quantity, in_turns, show

STEPS, FEW = 50, 3
RIDGE, TUNED = Ridge(), RETune()


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:  # noqa: ARG001
    """Time and bytes of either, by closed form and by fine-tuning."""
    with one_thread(), threadpool_limits(1):
        for strategy, wide in ((RIDGE, 1280), (TUNED, 128)):
            prompts = strategy is TUNED
            findings = PAPER_FINDINGS if prompts else NIH_FINDINGS
            steps, films = (FEW, 40) if small else (STEPS, 1000)
            labelled = drawn(
                findings, films=steps * films, dim=32 if small else wide, prompts=prompts
            )
            yield from _measured(strategy, labelled, steps, repeats=1 if small else 11)


def _measured(
    strategy: StrategyConfig, labelled: Labelled, steps: int, *, repeats: int
) -> Iterator[Measured]:
    stream = stream_of(ByData(parts=steps), labelled)
    views = [view(experience, labelled) for experience in stream.experiences]
    learners = [begin(strategy, setting_of(labelled), seed=0)]
    for index, seen in enumerate(views):
        learners = [*learners[-1:], taught(strategy, learners[-1], seen, index=index)]
        if not index:
            born, first = learners
    before, last = learners
    sizes = {
        "films": len(views[0].features),
        "dim": labelled.features.shape[1],
        "findings": len(labelled.space),
        "experiences": steps,
    }
    name = f"update_cost, {type(strategy).__name__}"
    bytes_first, bytes_last = kept(first).total, kept(last).total
    assert bytes_first == bytes_last
    early, late = in_turns(
        lambda: taught(strategy, born, views[0], index=0),
        lambda: taught(strategy, before, views[-1], index=steps - 1),
        repeats=repeats,
        clock=time.process_time,
    )
    yield Measured(
        name=name,
        quantity=Quantity.CPU_SECONDS,
        ours=late,
        reference=early,
        against="experience 1 of the same stream",
        reach=1.05,
        sizes=sizes,
        notes={"experience": steps},
    )
    yield Measured(
        name=f"{name}, kept",
        quantity=Quantity.BYTES,
        ours=bytes_last,
        reference=bytes_first,
        against="after experience 1",
        reach=1.0,
        sizes=sizes,
        notes=dict(kept(last).bytes),
    )


if __name__ == "__main__":
    show(measured, about=__doc__)

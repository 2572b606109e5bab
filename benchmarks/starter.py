"""The hand-made mix of films over all fourteen findings, out of fold over all of it.

Its test part has no Edema, and in the whole set the source of a film tells No Finding; so these
films are judged alone, each by a learner that never saw its patient. Nothing is chosen on them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.grid import METHODS
from benchmarks.out_of_fold import STARTER, Walk, films, scores_of, shown, stream_of, walked
from benchmarks.results_rows import said
from benchmarks.results_rows import table as rows_of
from benchmarks.search_grids import JOINT
from carina.core import Estimate, generator
from carina.evaluation import Replicate, replicated
from carina.learning import StrategyConfig
from carina.recipes import NIH_FINDINGS
from carina.streams import AllAtOnce, ByClass, StreamPlan

__all__ = ["StarterRow", "starter_rows", "table"]

DRAWS = 1000
_WALKED: tuple[tuple[str, str, StrategyConfig, StreamPlan], ...] = (
    ("RE-tune", "by class", METHODS["RE-tune"], ByClass()),
    (
        "RE-tune with distillation (LwF)",
        "by class",
        METHODS["RE-tune with distillation (LwF)"],
        ByClass(),
    ),
    ("RE-tune", "joint", JOINT, AllAtOnce()),
    ("logistic heads", "joint", METHODS["logistic heads"], AllAtOnce()),
    ("masked ridge", "joint", METHODS["masked ridge"], AllAtOnce()),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterRow:
    """One method on the mix.

    Attributes:
        method: Its name.
        stream: What it met.
        films: How many, all of them judged.
        patients: Theirs.
        auroc: Mean over the fourteen findings after the last experience.
        backward: Mean change of a finding since it was taught; None where there was one step.
    """

    method: str
    stream: str
    films: int
    patients: int
    auroc: Estimate
    backward: Estimate | None


def starter_rows(data: Path, work: Path, *, jobs: int) -> list[StarterRow]:
    """Every method, walked where it is not there yet."""
    prepared = films(STARTER, data, work)
    walks = [
        Walk(strategy=strategy, plan=plan, seed=0, ground=STARTER)
        for _, _, strategy, plan in _WALKED
    ]
    found = walked(walks, {STARTER: prepared}, work, jobs=jobs)
    rows = []
    for (method, called, _, plan), (_, numbers) in zip(_WALKED, found, strict=True):
        stream = stream_of(plan, prepared)
        scores = scores_of(numbers, stream, prepared)
        run = [Replicate(scores=scores, shown=shown(plan, prepared), levels={})]
        rng = generator(0, "starter", method, called)
        rows.append(
            StarterRow(
                method=method,
                stream=called,
                films=len(scores.part.images),
                patients=len(np.unique(scores.part.patients)),
                auroc=replicated(run, names=NIH_FINDINGS, draws=DRAWS, rng=rng),
                backward=None
                if len(stream.experiences) == 1
                else replicated(
                    run, names=NIH_FINDINGS, quantity="backward_transfer", draws=DRAWS, rng=rng
                ),
            )
        )
    return rows


def table(rows: list[StarterRow]) -> list[str]:
    """Its section of the page, as Markdown; nothing where nothing was walked."""
    if not rows:
        return []
    body = [
        [f"{row.stream}: {row.method}", said(row.auroc), said(row.backward) if row.backward else ""]
        for row in rows
    ]
    return [
        "## The hand-made mix alone",
        "",
        f"In the whole set the source of a film tells No Finding. So the {rows[0].films} films of {rows[0].patients} patients of the hand-made mix stand alone, by five folds over all of them, since its test part has no Edema. Nothing was chosen on them.",
        "",
        *rows_of(["run", "AUROC out of fold, 14 findings", "BWT"], body),
    ]

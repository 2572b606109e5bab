"""Label tables drawn from a seed, for every property of this room."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from carina.core import salted
from carina.features import PromptVectors
from carina.streams import (
    AllAtOnce,
    ByClass,
    ByData,
    ByLabel,
    BySite,
    ByTime,
    CellMatched,
    ClassRows,
    Confounded,
    Corrected,
    DataOrder,
    Deletion,
    Ground,
    LabelColumn,
    Labelled,
    LabelRows,
    NewFromText,
    NewInstancesAndClasses,
    Simple,
    StreamPlan,
    Task,
    TaskRows,
)
from carina.studies import LabelSpace

Draw = Callable[[int], tuple[Labelled, Ground]]
SITES = ("north", "south", "west")
TASKS = (
    Task(findings=("Atelectasis", "Edema"), site="north"),
    Task(findings=("Edema",)),
    Task(findings=("Atelectasis",), site="south"),
)
SIMPLE: tuple[Simple, ...] = (
    *(ByClass(variant=variant) for variant in ClassRows),
    *(ByLabel(variant=variant) for variant in LabelRows),
    *(ByData(parts=2, arrangement=arrangement) for arrangement in DataOrder),
    BySite(),
    ByTime(parts=3),
    ByTime(cuts=("2001-01-01", "20020615")),
    *(NewInstancesAndClasses(tasks=TASKS, variant=variant) for variant in TaskRows),
    Corrected(share=0.5),
    Corrected(first={"Edema": "Edema before"}),
    NewFromText(finding="Edema", films=1, negatives=2),
    AllAtOnce(),
)
"""One of every form of every plan that stands on its own."""
WRAPPED: tuple[Deletion | Confounded, ...] = (
    *(Deletion(of=plan, share=0.3) for plan in SIMPLE),
    *(
        Confounded(of=plan, finding="Edema", site="north", exceptions=0.4)
        for plan in (ByClass(), AllAtOnce())
    ),
)
EVERY: tuple[StreamPlan, ...] = (
    *SIMPLE,
    *WRAPPED,
    *(CellMatched(of=plan) for plan in (*SIMPLE, *WRAPPED)),
)
"""One of every form of every plan there is."""


@pytest.fixture(scope="session")
def drawn() -> Draw:
    """From a seed: 12 patients or more with up to 4 films each, every fourth one for validation.

    Films are of three sites and three years; some have no site or no date that can be read.
    """

    def draw(seed: int) -> tuple[Labelled, Ground]:
        rng = np.random.default_rng(seed)
        space = LabelSpace(names=("Atelectasis", "Edema", "Hernia", "Mass")[: rng.integers(2, 5)])
        films = rng.integers(1, 5, size=rng.integers(12, 30))
        codes = np.array([salted(str(patient), f"{seed}") for patient in range(len(films))])
        patient = rng.permutation(np.repeat(np.arange(len(films)), films))
        known = rng.random((len(patient), len(space))) < rng.uniform(0.3, 1)
        target = (rng.random(known.shape) < rng.uniform(0, 0.6)) & known
        prompts = [torch.from_numpy(rng.normal(size=(len(space), 2, 3))) for _ in range(2)]
        before = rng.random(len(patient)) < 0.8
        labelled = Labelled(
            space=space,
            features=torch.from_numpy(rng.normal(size=(len(patient), 5))).float(),
            target=target,
            known=known,
            patients=codes[patient],
            images=np.array([salted(str(image), "image") for image in range(len(patient))]),
            prompts=PromptVectors(
                space=space,
                positive=prompts[0],
                negative=prompts[1],
                bank="bank",
                encoder="encoder",
            ),
            sites=tuple(
                rng.choice([*SITES, ""], size=len(patient), p=[0.3, 0.3, 0.3, 0.1]).tolist()
            ),
            dates=tuple(
                str(rng.choice(["", "soon", f"200{year}-0{month}-11", f"200{year}0{month}12"]))
                for year, month in zip(
                    rng.integers(0, 3, size=len(patient)),
                    rng.integers(1, 10, size=len(patient)),
                    strict=True,
                )
            ),
            others={
                "Edema before": LabelColumn(
                    target=(rng.random(len(patient)) < 0.4) & before, known=before
                )
            },
        )
        held = patient % 4 == 0
        ground = labelled.ground(
            rows=np.flatnonzero(~held), validation=np.flatnonzero(held), digest="0" * 20
        )
        return labelled, ground

    return draw


@pytest.fixture(scope="session", params=range(2))
def full(request: pytest.FixtureRequest, drawn: Draw) -> tuple[Labelled, Ground]:
    """Drawn tables on which every plan of `EVERY` can be laid."""
    return drawn(request.param)


def _named(plan: StreamPlan) -> str:
    return f"{plan.kind}-{plan.variant}"


@pytest.fixture(scope="session")
def all_plans() -> tuple[StreamPlan, ...]:
    """All of them."""
    return EVERY


@pytest.fixture(scope="session", params=EVERY, ids=_named)
def every(request: pytest.FixtureRequest) -> StreamPlan:
    """Each form of each plan."""
    plan: StreamPlan = request.param
    return plan


@pytest.fixture(scope="session", params=(*SIMPLE, *WRAPPED), ids=_named)
def other(request: pytest.FixtureRequest) -> Simple | Deletion | Confounded:
    """Each form of each plan that can be matched in cells."""
    plan: Simple | Deletion | Confounded = request.param
    return plan

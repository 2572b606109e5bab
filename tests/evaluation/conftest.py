"""A small table of scores: three findings, three steps, sixty films of thirty patients."""

import numpy as np
import pytest

from carina.evaluation import Part, Scores
from carina.studies import LabelSpace

FINDINGS = ("Cardiomegaly", "Edema", "Hernia")
STEPS = ("first", "second", "third")


def _table(seed: int = 0, *, name: str = "test") -> Scores:
    """Answers that get better; Edema is met in the second step, Hernia has no positive film."""
    rng = np.random.default_rng(seed)
    target = rng.random((60, 3)) < 0.4
    target[:, 2] = False
    known = rng.random((60, 3)) < 0.9
    difference = rng.normal(size=(4, 60, 3)) + np.arange(4)[:, None, None] * target
    difference[1, :, 1] = np.nan
    probability = 1 / (1 + np.exp(-difference))
    probability[0] = np.nan
    return Scores(
        part=Part(
            name=name,
            images=tuple(f"{name}-{row:02}" for row in range(60)),
            patients=np.arange(60) // 2,
            target=target & known,
            known=known,
            unseen=np.arange(60) < 20,
        ),
        space=LabelSpace(names=FINDINGS),
        experiences=STEPS,
        difference=difference,
        positive=difference + rng.normal(size=difference.shape),
        probability=probability,
        decision=np.where(np.isnan(probability), np.nan, (probability > 0.5) * 1.0),
        why_undefined={"Edema": "not met by this step"},
    )


@pytest.fixture
def scores() -> Scores:
    """One run's."""
    return _table()


@pytest.fixture
def others() -> Scores:
    """Another run's of the same films and labels, which answers otherwise."""
    rng, table = np.random.default_rng(9), _table()
    table.difference[:] += rng.normal(size=table.difference.shape)
    return table

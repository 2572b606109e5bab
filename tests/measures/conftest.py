"""What intervals are held against."""

from collections.abc import Callable

import numpy as np
import pytest

from carina.core import Estimate
from carina.measures import PatientResamples

Loop = Callable[[Estimate, PatientResamples, Callable[[np.ndarray], float]], bool]


@pytest.fixture(scope="session")
def is_looped() -> Loop:
    """Whether an estimate is what a plain loop over the rows of each draw makes of a measure."""

    def check(
        estimate: Estimate, resamples: PatientResamples, measure: Callable[[np.ndarray], float]
    ) -> bool:
        every = np.arange(len(resamples.patient))
        draws = [measure(np.repeat(every, weights)) for weights in resamples.weights()]
        wanted = [measure(every), *np.quantile(draws, [0.025, 0.975])]
        assert [estimate.value, estimate.low, estimate.high] == pytest.approx(wanted, abs=1e-9)
        assert estimate.method.endswith(f"{resamples.draws} draws, 0 redrawn")
        return True

    return check

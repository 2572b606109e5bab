"""What is tried of each published method: as many settings each, no two alike, all of them valid."""

import pytest

from benchmarks.search_grids import GRIDS, TRIALS, settings_of
from carina.core import dump, fingerprint
from carina.learning import KLDA, L3A, SLDA, AnaCP, RanPAC, TextProbe, TipAdapter

DEFAULTS = {
    "RanPAC": RanPAC(),
    "KLDA": KLDA(),
    "SLDA": SLDA(),
    "AnaCP": AnaCP(),
    "L3A": L3A(),
    "Tip-Adapter": TipAdapter(),
    "Tip-Adapter-F": TipAdapter(steps=20),
    "text-informed probe": TextProbe(),
}


@pytest.mark.parametrize("method", GRIDS)
def test_every_method_has_as_many_different_trials(method: str) -> None:
    tried = settings_of(method)

    assert len({fingerprint(dump(one)) for one in tried}) == len(tried) >= TRIALS


@pytest.mark.parametrize("method", DEFAULTS)
def test_the_first_trial_is_the_default(method: str) -> None:
    assert settings_of(method)[0] == DEFAULTS[method]

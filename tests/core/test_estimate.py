"""An estimate has a value or the reason why not, and its interval runs upwards."""

import pytest

from carina.core import Estimate, InvalidValue


def test_an_estimate_prints_its_interval() -> None:
    assert str(Estimate(value=0.8421, low=0.8286, high=0.8551)) == "0.842 [0.829, 0.855]"
    assert str(Estimate(value=0.5)) == "0.500"


def test_an_undefined_estimate_says_why_and_on_what() -> None:
    none = Estimate.undefined("no positive image among 230", n=230, patients=180)

    assert not none.defined
    assert str(none) == "undefined (no positive image among 230)"
    assert (none.n, none.positives, none.patients) == (230, 0, 180)


def test_zero_is_a_value() -> None:
    assert Estimate(value=0.0, low=0.0, high=0.0).defined


@pytest.mark.parametrize(
    ("value", "low", "high", "why", "fault"),
    [
        (None, None, None, None, "reason why it has none"),
        (0.5, None, None, "a reason", "not both"),
        (0.5, 0.4, None, None, "two ends"),
        (0.5, None, 0.6, None, "two ends"),
        (0.5, 0.6, 0.4, None, r"upwards; got \[0.6, 0.4\]"),
        (float("nan"), None, None, None, "NaN"),
        (0.5, float("nan"), float("nan"), None, "upwards"),
    ],
)
def test_what_is_no_estimate_is_refused(
    value: float | None, low: float | None, high: float | None, why: str | None, fault: str
) -> None:
    with pytest.raises(InvalidValue, match=fault):
        Estimate(value=value, low=low, high=high, why_undefined=why)

"""The band is where readers who are calibrated to the letter lie."""

import numpy as np
import pytest

from carina.core import InvalidValue, generator
from carina.measures import calibration_band, expected_calibration_error, reliability


def said(seed: int, images: int = 250) -> np.ndarray:
    """Probabilities with ties."""
    return np.round(generator(seed, "band").beta(1, 5, size=images), 2)


def test_nineteen_calibrated_readers_of_twenty_lie_inside() -> None:
    rng, probabilities, inside, rates = generator(1, "band"), said(1), 0, []
    patients = np.arange(250)
    band = calibration_band(probabilities, rng.random(250) < probabilities, patients, rng=rng)
    for _ in range(400):
        target = rng.random(250) < probabilities
        inside += band.low <= expected_calibration_error(probabilities, target) <= band.high
        points = reliability(probabilities, target)
        rates.append([b.low <= p.rate <= b.high for b, p in zip(band.bins, points, strict=True)])

    assert inside / 400 == pytest.approx(0.95, abs=0.03)
    assert np.mean(rates) > 0.94  # a share of few images cannot leave out just a fortieth


def test_readers_too_bold_lie_above() -> None:
    rng = generator(2, "band")
    probabilities = rng.beta(1, 2, size=2000)
    target = rng.random(2000) < 0.5 * probabilities

    band = calibration_band(probabilities, target, np.arange(2000), rng=rng)

    assert expected_calibration_error(probabilities, target) > 2 * band.high


def test_the_bins_are_those_of_reliability() -> None:
    rng, probabilities = generator(3, "band"), said(3)
    target = rng.random(250) < probabilities

    band = calibration_band(probabilities, target, np.arange(250), rng=rng, bins=7, draws=50)

    points = reliability(probabilities, target, bins=7)
    assert [b.count for b in band.bins] == [p.count for p in points]
    assert [b.mean for b in band.bins] == pytest.approx([p.mean for p in points])
    assert band.method == "calibrated readers, 50 draws, 0% of patients drawn together"


def test_one_bin_is_the_binomial_distribution() -> None:
    rng = generator(4, "band")

    band = calibration_band(
        np.full(100, 0.3), np.arange(100) < 30, np.arange(100), rng=rng, draws=20_000
    )

    # 95 % of the binomial of 100 at 0.3 lies from 21 to 39
    assert (band.bins[0].low, band.bins[0].high) == pytest.approx((0.21, 0.39))
    assert (band.low, band.high) == pytest.approx((0.0, 0.1), abs=0.011)


def test_patients_whose_images_agree_make_a_wider_band() -> None:
    rng = generator(5, "band")
    probabilities = np.repeat(rng.beta(2, 5, size=100), 5)
    together = np.repeat(rng.random(100), 5) < probabilities
    apart = rng.random(500) < probabilities
    patients = np.repeat(np.arange(100), 5)

    wide, narrow, alone = (
        calibration_band(probabilities, target, whose, rng=rng)
        for target, whose in ((together, patients), (apart, patients), (together, np.arange(500)))
    )

    assert wide.agreement > 0.85
    assert narrow.agreement < 0.1
    assert alone.agreement == 0
    assert wide.median > 1.7 * alone.median
    assert narrow.median == pytest.approx(alone.median, rel=0.2)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_the_agreement_of_drawn_patients_is_found(share: float) -> None:
    rng = generator(6, "band")
    patients = np.sort(rng.integers(4000, size=12_000))
    _, patients = np.unique(patients, return_inverse=True)
    count = patients.max() + 1
    probabilities = rng.beta(1, 2, size=12_000)
    together = (rng.random(count) < share)[patients]
    number = np.where(together, rng.random(count)[patients], rng.random(12_000))

    band = calibration_band(
        probabilities, number < probabilities, rng.permutation(count)[patients], rng=rng, draws=5
    )

    assert band.agreement == pytest.approx(share, abs=0.05)


def test_one_seed_draws_one_band_and_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    probabilities = said(7)
    target = generator(7, "band").random(250) < probabilities

    def drawn() -> object:
        return calibration_band(probabilities, target, np.arange(250), rng=generator(9), draws=64)

    whole = drawn()
    assert drawn() == whole
    monkeypatch.setattr("carina.measures.band._CELLS", 250 * 10)
    assert drawn() == whole  # patients of one image take their numbers in the same order


def test_no_draw_no_bin_and_no_image_are_refused() -> None:
    rng, half = generator(0), np.array([0.5])

    with pytest.raises(InvalidValue, match="one draw or more"):
        calibration_band(half, half > 0, np.arange(1), rng=rng, draws=0)
    with pytest.raises(InvalidValue, match="one bin or more"):
        calibration_band(half, half > 0, np.arange(1), rng=rng, bins=0)
    with pytest.raises(InvalidValue, match="got none"):
        calibration_band(half[:0], half[:0] > 0, np.arange(0), rng=rng)

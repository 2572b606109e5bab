"""Drawn masks are judged beside what blind predictors draw."""

from pathlib import Path

import numpy as np
import pytest

from carina.core import Estimate, Mismatch, generator, write_json
from carina.evaluation import (
    DECODER,
    MASK_SCORES,
    MaskLine,
    MaskResults,
    blind_masks,
    judge_masks,
    read_mask_results,
)
from carina.measures import PatientResamples, dice, resample_patients


@pytest.fixture
def truth() -> np.ndarray:
    """Eight masks of eight patients, six of them empty."""
    masks = np.zeros((8, 12, 12), dtype=bool)
    masks[0, 2:6, 2:6] = True
    masks[1, 3:9, 3:9] = True
    return masks


@pytest.fixture
def resamples() -> PatientResamples:
    return resample_patients(np.arange(8), draws=200, rng=generator(1))


def test_a_perfect_reader_has_every_best_score(
    truth: np.ndarray, resamples: PatientResamples
) -> None:
    scores = judge_masks(truth, truth, resamples)

    assert tuple(scores) == MASK_SCORES
    assert [scores[name].value for name in MASK_SCORES] == [1.0, 1.0, 1.0, 0.0, 0.0]
    assert (scores["dice_positive"].n, scores["dice_all"].n, scores["hd95"].n) == (2, 8, 2)


def test_drawing_nothing_scores_the_share_of_empty_masks_and_finds_none(
    truth: np.ndarray, resamples: PatientResamples
) -> None:
    nothing = blind_masks(truth, 8)["all-empty"]
    scores = judge_masks(nothing, truth, resamples)

    assert scores["dice_all"].value == pytest.approx(6 / 8)
    assert scores["dice_positive"].value == 0.0
    assert scores["hd95"].value is None


def test_the_mean_mask_is_what_half_of_the_masks_have(truth: np.ndarray) -> None:
    mean = blind_masks(truth[:2], 3)["mean-mask"]

    assert mean.shape == (3, 12, 12)
    assert np.array_equal(mean[2], truth[0] | truth[1])
    assert not blind_masks(truth, 1)["mean-mask"].any()


def test_scores_are_means_over_images(truth: np.ndarray, resamples: PatientResamples) -> None:
    drawn = np.roll(truth, 1, axis=1)
    scores = judge_masks(drawn, truth, resamples)
    by_hand = [dice(drawn[0], truth[0]), dice(drawn[1], truth[1])]

    assert scores["dice_positive"].value == pytest.approx(np.mean(by_hand))
    assert scores["dice_all"].value == pytest.approx((sum(by_hand) + 6) / 8)


def test_masks_of_other_images_are_refused(truth: np.ndarray, resamples: PatientResamples) -> None:
    with pytest.raises(Mismatch, match="Drawn are masks of"):
        judge_masks(truth[:3], truth, resamples)


def results(*values: float | None, share: float = 0.1) -> MaskResults:
    lines = tuple(
        MaskLine(
            predictor=DECODER,
            share=share,
            draw=draw,
            films=2,
            patients=2,
            scores={"hd95": Estimate.undefined("no") if value is None else Estimate(value=value)},
        )
        for draw, value in enumerate(values)
    )
    return MaskResults(
        recipe="r", run="x", structure="lungs", encoder="e", encoder_fingerprint="f", source="s",
        leaks="", judged_on="val", judged=2, positive=2, patients=2, size=8, trainable=1,
        empty_masks="", spacing="", set_aside={}, lines=lines,
    )  # fmt: skip


def test_over_draws_there_is_a_mean_and_the_spread_between_them() -> None:
    told = results(1.0, 3.0, None).over_draws(DECODER, 0.1)["hd95"]

    assert (told.mean, told.low, told.high, told.draws) == (2.0, 1.0, 3.0, 2)
    assert told.deviation == pytest.approx(2**0.5)
    assert results(None).over_draws(DECODER, 0.1)["hd95"].mean is None


def test_results_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_json(path, results(1.0, None))

    assert read_mask_results(path) == results(1.0, None)

from dataclasses import replace

import numpy as np
import pytest
import torch

from carina.adaptors import fit_alignment
from carina.learning import (
    Heads,
    Learned,
    RETune,
    Ridge,
    Setting,
    Strategy,
    ZeroShot,
    begin,
    kept,
)
from carina.learning.keeping import counted, of_few_patients
from carina.learning.learner import Learner
from carina.streams import View
from carina.testing import drawn_view

SHARED = Setting(image_dim=12, text_dim=12, shared_space=True)


def taught(strategy: Strategy, setting: Setting = SHARED) -> Learner:
    *_, last = strategy.learn(
        begin(strategy, setting, seed=0), drawn_view(rows=400), rng=np.random.default_rng(0)
    )
    assert isinstance(last, Learned)
    return last.learner


def test_a_second_moment_that_findings_share_counts_once() -> None:
    ours = kept(taught(Ridge()))

    assert ours.bytes["sums"] == 5 * 91 * 8 + 3 * (2 * 5 * 12 * 8 + 4 * 5 * 8)
    assert ours.bytes["head"] == 3 * 13 * 8
    assert ours.total == ours.bytes["sums"] + ours.bytes["head"]
    assert ours.fewest_patients is not None
    assert not ours.single_patients


def test_adaptors_prompts_and_the_state_of_the_optimiser_are_told_apart() -> None:
    ours = kept(taught(RETune()))
    weights = 2 * (12 * 256 + 256 + 256 * 128 + 128)

    assert ours.bytes["adaptor"] == 4 * weights
    assert ours.bytes["prompts"] == 4 * 2 * 3 * 2 * 12
    assert ours.bytes["optimiser"] == 4 * (2 * weights + 8)
    assert ours.fewest_patients is None


def test_an_alignment_counts_once_whoever_holds_it() -> None:
    rows = torch.randn(60, 12, generator=torch.Generator().manual_seed(0))
    alignment = fit_alignment(
        rows,
        rows.flip(1),
        patients=torch.arange(60),
        image_encoder="drawn",
        text_encoder="drawn",
    )
    setting = Setting(image_dim=12, text_dim=12, alignment=alignment)
    size = 4 * (12 * 12 + 12 + 12)

    assert kept(taught(ZeroShot(), setting)).bytes["alignment"] == size
    assert kept(taught(Ridge(), setting)).bytes["alignment"] == size


def of_one_patient() -> View:
    """Both films of one patient are all the positives there are."""
    view = drawn_view(("nodule",), rows=400, seed=1)
    target = torch.zeros_like(view.target)
    target[:2] = True
    return replace(view, target=target)


@pytest.mark.parametrize("strategy", [Heads(), RETune(epochs=1)])
def test_weights_learned_from_one_patient_of_a_class_say_so_ever_after(strategy: Strategy) -> None:
    """A head for a single positive film is that film's features but for their length."""
    learner, alone = begin(strategy, SHARED, seed=0), []
    for view in (drawn_view(rows=400), of_one_patient(), drawn_view(("edema",), rows=400, seed=2)):
        *_, last = strategy.learn(learner, view, rng=np.random.default_rng(0))
        assert isinstance(last, Learned)
        learner = last.learner
        alone.append(kept(learner).single_patients)

    assert alone == [False, True, True]


@pytest.mark.parametrize("patients", [4, 5])
def test_four_patients_are_few_and_five_are_not_however_many_their_films(patients: int) -> None:
    view = drawn_view(("nodule",), rows=5000)
    codes = torch.zeros(5000, dtype=torch.int64)
    codes[-patients:] = torch.arange(patients)  # the others come last

    some = replace(view, patients=codes, target=torch.ones_like(view.target))
    assert of_few_patients(some) is (patients < 5)


def test_sums_of_one_patient_of_a_class_say_so() -> None:
    learner = begin(Ridge(), SHARED, seed=0)
    *_, last = Ridge().learn(learner, of_one_patient(), rng=np.random.default_rng(0))

    assert isinstance(last, Learned)
    assert kept(last.learner).single_patients


def test_patients_of_a_class_are_at_least_those_of_its_largest_experience() -> None:
    """Who came twice cannot be told, so experiences are not added up; rows are."""
    one = torch.tensor([[True], [True], [True], [False]])
    two = torch.tensor([[True, True], [False, True], [False, False], [False, True]])
    patients = torch.tensor([7, 7, 8, 9])
    none = torch.zeros(2, 0, dtype=torch.int64)

    first = counted(none, one, patients)
    assert first.tolist() == [[3], [2]]
    assert counted(first, two, patients).tolist() == [[4, 3], [2, 2]]

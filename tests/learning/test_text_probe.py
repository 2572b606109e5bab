"""A logistic head that may lean on the text."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from carina.adaptors import LinearReadout
from carina.core import ConfigError, Mismatch
from carina.learning import Heads, Learned, Learner, Setting, TextProbe, begin, follow
from carina.learning.strategies.ridge import text_directions
from carina.learning.strategies.summing import unit
from carina.streams import View
from carina.testing import drawn_view

SHARED = Setting(image_dim=12, text_dim=12, shared_space=True)


def taught(strategy: TextProbe | Heads, *views: View, setting: Setting = SHARED) -> Learner:
    learner = begin(strategy, setting, seed=0)
    for _, event in follow(strategy, setting, views, seed=0):
        if isinstance(event, Learned):
            learner = event.learner
    return learner


def head(learner: Learner) -> LinearReadout:
    assert isinstance(learner.readout, LinearReadout)
    return learner.readout


def test_head_multiplier_and_intercept_are_those_of_least_penalised_log_loss() -> None:
    """Against a general minimiser over w, a and b side by side."""
    view = drawn_view(("effusion",), rows=60, known=0.9)
    learner = taught(TextProbe(penalties=(0.7,), blends=(4.0,)), view)
    known = view.known[:, 0]
    rows = unit(view.features[known].double()).numpy()
    target = view.target[known, 0].numpy()
    text = text_directions(SHARED, view.prompts, view.labels)[0].numpy()

    def cost(at: np.ndarray) -> float:
        said = rows @ at[:12] + at[12] * (rows @ text) + at[13]
        loss = np.sum(np.logaddexp(0, said) - target * said)
        return float(loss + 0.35 * (at[:12] @ at[:12] + at[12] ** 2 / 16))

    found = minimize(cost, np.zeros(14), method="BFGS", options={"gtol": 1e-9}).x

    np.testing.assert_allclose(
        head(learner).weight[0].numpy(), found[:12] + found[12] * text, atol=1e-4
    )
    np.testing.assert_allclose(float(head(learner).bias[0]), found[13], atol=1e-4)
    assert learner.notes["text"] == {"effusion": pytest.approx(found[12], abs=1e-3)}


def test_a_multiplier_that_may_not_move_leaves_the_plain_head() -> None:
    view = drawn_view(known=0.8)
    plain = taught(Heads(penalties=(0.3,), salt="text probe"), view)
    probe = taught(TextProbe(penalties=(0.3,), blends=(1e-6,)), view)

    torch.testing.assert_close(head(probe).weight, head(plain).weight, rtol=0, atol=1e-5)
    for label, sigmoid in plain.calibration.items():
        assert probe.calibration[label].slope == pytest.approx(sigmoid.slope, rel=1e-3)


def test_a_free_multiplier_under_a_heavy_penalty_ranks_as_zero_shot_does() -> None:
    view = drawn_view()
    probe = taught(TextProbe(penalties=(1e6,), blends=(1e6,)), view)
    text = text_directions(SHARED, view.prompts, view.labels)
    lengths = head(probe).weight.norm(dim=1, keepdim=True)

    torch.testing.assert_close(head(probe).weight / lengths, text, rtol=0, atol=1e-4)


def test_penalty_and_blend_are_those_of_least_held_out_loss() -> None:
    view = drawn_view(("effusion",), rows=120)
    penalties, blends = (0.1, 3.0), (0.1, 30.0)
    alone = {
        (penalty, blend): taught(TextProbe(penalties=(penalty,), blends=(blend,)), view)
        for penalty in penalties
        for blend in blends
    }
    losses = {pair: dict(one.notes)["held_out_loss"] for pair, one in alone.items()}
    best = min(losses, key=lambda pair: losses[pair]["effusion"])  # type: ignore[index]
    learner = taught(TextProbe(penalties=penalties, blends=blends), view)

    assert learner.notes["penalty"] == {"effusion": best[0]}
    assert learner.notes["blend"] == {"effusion": best[1]}
    assert torch.equal(head(learner).weight, head(alone[best]).weight)


def test_before_both_classes_a_new_finding_has_the_text_and_a_met_one_keeps_its_head() -> None:
    view = drawn_view(seed=1)
    later = drawn_view(("effusion", "mass"), seed=2)
    positives = replace(later, target=torch.ones_like(later.target))
    before, after = taught(TextProbe(), view), taught(TextProbe(), view, positives)

    assert torch.equal(head(before).weight, head(after).weight[:3])
    assert torch.equal(head(after).weight[3], text_directions(SHARED, later.prompts, ("mass",))[0])
    assert "mass" not in after.calibration


def test_without_texts_that_images_can_be_compared_with_it_is_refused() -> None:
    with pytest.raises(Mismatch, match=r"share no space .* \(Heads\)"):
        begin(TextProbe(), Setting(image_dim=12, text_dim=12), seed=0)
    with pytest.raises(Mismatch, match="no prompts"):
        taught(TextProbe(), replace(drawn_view(), prompts=None))
    with pytest.raises(Mismatch, match="12 wide, this learner was begun for 7"):
        taught(TextProbe(), drawn_view(), setting=Setting(image_dim=7, shared_space=True))


@pytest.mark.parametrize("given", [{"penalties": ()}, {"blends": (0.0,)}, {"folds": 1}])
def test_settings_without_sense_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"above 0|2 folds"):
        TextProbe(**given)  # type: ignore[arg-type]


def test_a_head_learned_from_one_patient_of_a_class_says_so() -> None:
    view = drawn_view(("effusion",), rows=400)
    target = torch.zeros_like(view.target)
    target[:2] = True

    assert not taught(TextProbe(penalties=(1.0,), blends=(1.0,)), view).single_patients
    assert taught(
        TextProbe(penalties=(1.0,), blends=(1.0,)), replace(view, target=target)
    ).single_patients

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from carina.adaptors import (
    AdaptorConfig,
    Combine,
    Identity,
    Linear,
    Mlp,
    PromptReadout,
    Sharing,
    Sides,
    fit_alignment,
)
from carina.core import ConfigError, Mismatch, dump, fingerprint, load
from carina.features import FeatureRows
from carina.learning import (
    Heads,
    Learned,
    Learner,
    Precision,
    RETune,
    Ridge,
    Schedule,
    Setting,
    Step,
    StrategyConfig,
    ZeroShot,
    begin,
    learn_one,
)
from carina.streams import View
from carina.testing import drawn_view, part_of

SHARED = Setting(image_dim=12, text_dim=12, shared_space=True)
SMALL = Sides(adaptor=Mlp(hidden=8, out=6))
WHOLE = RETune(sides=SMALL, rate=1e-2, batch=100, steps=4, epochs=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """A recipe of one line."""

    strategy: StrategyConfig


def taught(strategy: RETune, *views: View, setting: Setting = SHARED) -> tuple[Learner, list[Step]]:
    learner, steps = begin(strategy, setting, seed=1), []
    for index, view in enumerate(views):
        for event in learn_one(strategy, learner, view, seed=1, index=index):
            if isinstance(event, Learned):
                learner = event.learner
            else:
                steps.append(event)
    return learner, steps


def readout(learner: Learner) -> PromptReadout:
    assert isinstance(learner.readout, PromptReadout)
    return learner.readout


def weights(learner: Learner) -> torch.Tensor:
    return torch.cat([weight.flatten() for weight in readout(learner).adaptors.state().values()])


def by_hand(view: View, *, sides: Sides, steps: int, rate: float) -> torch.Tensor:
    """The training loop of the paper, written out: finding by finding, one cosine after another."""
    pair = readout(begin(replace(WHOLE, sides=sides), SHARED, seed=1)).adaptors.copy()
    optimiser = torch.optim.Adam(pair.parameters(), lr=rate)
    assert view.prompts is not None
    for _ in range(steps):
        image, losses = pair.image(view.features), []
        for column in range(len(view.labels)):
            known = view.known[:, column]
            present = pair.text(view.prompts.positive[column]).mean(dim=0)
            absent = pair.text(view.prompts.negative[column]).mean(dim=0)
            logits = F.cosine_similarity(image, present[None]) - F.cosine_similarity(
                image, absent[None]
            )
            target = view.target[:, column].float()
            losses.append(
                F.binary_cross_entropy_with_logits(logits[known], target[known], reduction="sum")
            )
        loss = torch.stack(losses).sum() / view.known.sum()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    return torch.cat([weight.flatten() for weight in pair.state().values()])


@pytest.mark.parametrize("sharing", list(Sharing))
def test_it_trains_as_the_paper_does(sharing: Sharing) -> None:
    view = drawn_view(known=0.7)
    sides = Sides(adaptor=Mlp(hidden=8, out=12), sharing=sharing)
    learner, _ = taught(replace(WHOLE, sides=sides), view)

    torch.testing.assert_close(
        weights(learner), by_hand(view, sides=sides, steps=4, rate=1e-2), rtol=0, atol=1e-5
    )


def test_the_defaults_are_the_authors_setting() -> None:
    strategy = RETune()
    pair = readout(begin(strategy, Setting(image_dim=128, text_dim=128), seed=0)).adaptors

    assert sum(weight.numel() for weight in pair.parameters()) == 2 * 65_920
    assert (strategy.batch, strategy.epochs, strategy.steps) == (6144, 10, None)
    assert (strategy.optimiser, strategy.rate, strategy.weight_decay) == ("adam", 1e-4, 0.0)
    assert (strategy.scale, strategy.learn_scale, strategy.normalise) == (1.0, False, False)


def test_the_budget_is_counted_in_optimiser_steps() -> None:
    view = drawn_view(rows=50)
    epochs, counted = taught(RETune(sides=SMALL, batch=20, epochs=2), view, view)
    steps, fixed = taught(RETune(sides=SMALL, batch=20, epochs=None, steps=5), view, view)

    assert len(counted) == 2 * 2 * 3
    assert len(fixed) == 2 * 5
    assert [step.of for step in counted[:2]] == [6, 6]
    assert epochs.notes["optimiser_steps"] == 12
    assert steps.notes["optimiser_steps"] == 10


def test_rows_without_a_known_cell_are_not_met() -> None:
    view = drawn_view(rows=50)
    view.known[10:] = False
    _, steps = taught(RETune(sides=SMALL, batch=10, epochs=3), view)

    assert len(steps) == 3


def test_a_state_carried_over_makes_two_experiences_one() -> None:
    view = drawn_view()
    twice, _ = taught(WHOLE, view, view)
    once, _ = taught(replace(WHOLE, steps=8), view)
    forgetful, _ = taught(replace(WHOLE, carry_optimiser=False), view, view)

    torch.testing.assert_close(weights(twice), weights(once), rtol=0, atol=1e-5)
    assert (weights(forgetful) - weights(once)).abs().max() > 1e-3
    assert {name.split("/")[0] for name in twice.carried} == {"optimiser"}
    assert forgetful.carried == {}


def test_it_learns_what_it_is_shown() -> None:
    view = drawn_view(rows=120)
    _, steps = taught(replace(WHOLE, batch=40, steps=60), view)
    losses = [step.loss for step in steps if step.loss is not None]

    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.05


def test_only_prompts_of_findings_met_are_kept() -> None:
    view = drawn_view()
    first, _ = taught(WHOLE, part_of(view, labels=("nodule",)))
    both, _ = taught(
        WHOLE, part_of(view, labels=("nodule",)), part_of(view, labels=("edema", "nodule"))
    )
    assert view.prompts is not None

    assert readout(first).labels == ("nodule",)
    assert readout(both).labels == ("nodule", "edema")
    assert torch.equal(readout(both).positive, view.prompts.of(("nodule", "edema")).positive)


def test_sides_of_unequal_width_meet_where_the_adaptors_end() -> None:
    view = drawn_view()
    assert view.prompts is not None
    narrow = replace(
        view.prompts,
        positive=view.prompts.positive[..., :7],
        negative=view.prompts.negative[..., :7],
    )
    setting = Setting(image_dim=12, text_dim=7)
    learner, _ = taught(WHOLE, replace(view, prompts=narrow), setting=setting)

    assert readout(learner).adaptors.image.out == readout(learner).adaptors.text.out == 6


def test_an_alignment_comes_before_the_image_side() -> None:
    view = drawn_view()
    alignment = fit_alignment(
        view.features,
        view.features[:, :7],
        patients=view.patients,
        image_encoder="drawn",
        text_encoder="drawn",
    )
    assert view.prompts is not None
    narrow = replace(
        view.prompts,
        positive=view.prompts.positive[..., :7],
        negative=view.prompts.negative[..., :7],
    )
    setting = Setting(image_dim=12, text_dim=7, alignment=alignment)
    aligned, _ = taught(WHOLE, replace(view, prompts=narrow), setting=setting)
    plain, _ = taught(
        WHOLE,
        replace(view, rows=FeatureRows(pool=alignment(view.features)), prompts=narrow),
        setting=Setting(image_dim=7, text_dim=7),
    )

    assert torch.equal(weights(aligned), weights(plain))
    assert readout(aligned).alignment is alignment


def test_a_learned_scale_stands_in_the_readout() -> None:
    strategy = replace(WHOLE, scale=5.0, learn_scale=True)
    learner, _ = taught(strategy, drawn_view())

    assert readout(learner).scale != 5.0
    assert readout(learner).scale == pytest.approx(
        float(learner.carried["adaptor/log_scale"].exp())
    )
    assert readout(begin(strategy, SHARED, seed=0)).scale == 5.0


def test_noise_and_normalising_change_what_is_learned_and_only_normalising_the_readout() -> None:
    view = drawn_view()
    plain, _ = taught(WHOLE, view)
    noisy, _ = taught(replace(WHOLE, noise=0.5), view)
    even, _ = taught(replace(WHOLE, normalise=True), view)

    assert not torch.equal(weights(plain), weights(noisy))
    assert not torch.equal(weights(plain), weights(even))
    assert not readout(noisy).normalise
    assert readout(even).normalise


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 3, "epochs": 3}, "steps or of epochs"),
        ({"steps": None, "epochs": None}, "steps or of epochs"),
        ({"steps": 0}, "1 or more"),
        ({"batch": 0}, "1 or more"),
        ({"rate": 0.0}, "above 0"),
        ({"scale": -1.0}, "above 0"),
        ({"noise": -1.0}, "0 or more"),
        ({"weight_decay": -1.0}, "0 or more"),
        ({"sides": Sides(adaptor=Identity())}, "learns nothing"),
    ],
)
def test_settings_without_sense_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        replace(WHOLE, **changes)


def test_without_a_text_encoder_there_is_nothing_to_tune_against() -> None:
    with pytest.raises(Mismatch, match="text encoder"):
        begin(WHOLE, Setting(image_dim=12), seed=0)


def test_a_view_without_prompts_is_refused() -> None:
    with pytest.raises(Mismatch, match="without prompts"):
        taught(WHOLE, replace(drawn_view(), prompts=None))


def test_a_learner_of_another_strategy_is_refused() -> None:
    other = begin(Ridge(), SHARED, seed=0)
    with pytest.raises(Mismatch, match="another strategy"):
        next(iter(WHOLE.learn(other, drawn_view(), rng=np.random.default_rng(0))))


@pytest.mark.parametrize("adaptor", [Mlp(hidden=3, out=4), Linear(out=4)])
def test_every_strategy_is_a_plain_value_in_a_recipe(adaptor: AdaptorConfig) -> None:
    for strategy in (
        RETune(sides=Sides(adaptor=adaptor), combine=Combine.MAX, steps=7, epochs=None),
        Ridge(lambdas=(2.0,)),
        Heads(penalties=(0.5,)),
        ZeroShot(),
    ):
        plain = dump(_Box(strategy=strategy))

        assert load(plain, _Box) == _Box(strategy=strategy)
        assert plain["strategy"]["kind"] == type(strategy).__name__


def test_a_falling_rate_starts_where_a_constant_one_does_and_falls_by_equal_amounts() -> None:
    falling = RETune(rate=0.4, schedule=Schedule.LINEAR, steps=4, epochs=None)

    assert [falling.rate_at(step, 4) for step in range(4)] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert RETune(rate=0.4).rate_at(3, 4) == 0.4


def test_the_running_mean_of_the_weights_is_what_an_experience_ends_with() -> None:
    view = drawn_view()
    base = replace(WHOLE, steps=2)
    start = weights(begin(base, SHARED, seed=1))
    one, two = (weights(taught(replace(base, steps=steps), view)[0]) for steps in (1, 2))
    mean, _ = taught(replace(base, average=0.9), view)

    after_one = start + (one - start) * (1 - 1 / 10)
    expected = after_one + (two - after_one) * (1 - 2 / 11)
    torch.testing.assert_close(weights(mean), expected, rtol=0, atol=1e-6)


def test_products_of_fewer_digits_lead_to_nearly_the_same_weights() -> None:
    view = drawn_view(rows=120)
    start = weights(begin(WHOLE, SHARED, seed=1))
    plain, _ = taught(WHOLE, view)
    lower, steps = taught(replace(WHOLE, precision=Precision.BFLOAT16), view)
    moved, apart = weights(plain) - start, weights(lower) - weights(plain)

    assert 0 < apart.norm() < 0.1 * moved.norm()
    assert {tensor.dtype for tensor in lower.carried.values()} == {torch.float32}
    assert readout(lower)(view.features).difference.dtype is torch.float32
    assert all(step.loss is not None for step in steps)


def test_a_recipe_keeps_the_name_it_had_before_there_was_a_choice_of_precision() -> None:
    strategy = RETune()
    old = {name: getattr(strategy, name) for name in strategy.__slots__ if name != "precision"}

    assert fingerprint(strategy) == fingerprint({"kind": "RETune", **old})
    assert fingerprint(replace(strategy, precision=Precision.BFLOAT16)) != fingerprint(strategy)


def test_a_running_mean_that_would_never_move_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"average=1\.0"):
        replace(WHOLE, average=1.0)


WEIGHTY = replace(WHOLE, learn_prompt_weights=True)


def test_weights_of_prompts_are_learned_from_equal_ones_and_go_on_from_there() -> None:
    view = drawn_view()
    first, _ = taught(WEIGHTY, view)
    second, _ = taught(WEIGHTY, view, view)
    one, other = readout(first).weights, readout(second).weights

    assert one is not None
    assert other is not None
    assert one.shape == (2, readout(first).positive.shape[1])
    assert 0.5 < one.abs().max() <= WEIGHTY.steps * 100 * WEIGHTY.rate * 1.01  # type: ignore[operator]
    assert not one.requires_grad
    assert (other - one).abs().max() > 0.1
    assert readout(taught(WHOLE, view)[0]).weights is None


def test_weights_begin_where_a_mean_is() -> None:
    """The first step's loss is taken before anything has moved."""
    _, plain = taught(WHOLE, drawn_view())
    _, weighed = taught(WEIGHTY, drawn_view())

    assert weighed[0].loss == pytest.approx(plain[0].loss, abs=1e-6)
    assert weighed[-1].loss != pytest.approx(plain[-1].loss, abs=1e-6)


def test_a_prompt_that_says_nothing_loses_its_weight() -> None:
    view = drawn_view(rows=300)
    prompts = view.prompts
    assert prompts is not None
    noise = torch.randn(prompts.positive.shape, generator=torch.Generator().manual_seed(0))
    blurred = [side.clone() for side in (prompts.positive, prompts.negative)]
    for side, drawn in zip(blurred, (noise, noise.flip(0)), strict=True):
        side[:, 0] = drawn[:, 0] * side.norm(dim=2).mean() / drawn[:, 0].norm(dim=1, keepdim=True)
    muddled = replace(view, prompts=replace(prompts, positive=blurred[0], negative=blurred[1]))
    strategy = RETune(sides=Sides(adaptor=Linear()), rate=1e-3, batch=100, steps=60, epochs=None)
    learner, _ = taught(replace(strategy, learn_prompt_weights=True), muddled)
    found = readout(learner).weights

    assert found is not None
    shares = found.softmax(dim=1)
    assert (shares[:, 0] < shares[:, 1:].amin(dim=1)).all()


def test_weights_of_a_largest_cosine_are_refused() -> None:
    with pytest.raises(ConfigError, match="combine = 'mean'"):
        replace(WEIGHTY, combine=Combine.MAX)

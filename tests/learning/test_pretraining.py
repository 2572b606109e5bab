"""Pre-training: it learns what there is, nothing where there is nothing, and goes on where it stood."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from carina.adaptors import CrossModalConfig
from carina.core import ConfigError, InvalidValue, UnreadableFile
from carina.evaluation import judge_retrieval
from carina.learning import (
    EpochEnded,
    InfoNCE,
    Pairs,
    Pretrained,
    Pretraining,
    PretrainingStep,
    Sigmoid,
    Standing,
    compared,
    load_standing,
    pretrain,
    save_standing,
)
from tests.learning.contrasted import CROSS, SMALL, TOKENS, config, pairs

FORMS = [(SMALL, 0), (TOKENS, 3), (CROSS, 3)]


def trained(
    how: Pretraining, learn: Pairs, held_out: Pairs, standing: Standing | None = None
) -> Pretrained:
    *_, last = pretrain(how, learn, held_out, seed=1, standing=standing)
    assert isinstance(last, Pretrained)
    return last


def hits(done: Pretrained, unseen: Pairs, depth: int = 1) -> tuple[float, float, float]:
    """Share of reports that find their image that high, with its interval."""
    everyone = np.arange(len(unseen))
    similar = compared(done.module, unseen, everyone, everyone, piece=50)
    found = judge_retrieval(
        similar.double().numpy(),
        np.eye(len(unseen), dtype=bool),
        text_patients=everyone,
        image_patients=everyone,
        rng=np.random.default_rng(0),
    ).text_to_image.recall[str(depth)]
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    return found.value, found.low, found.high


@pytest.mark.parametrize(("adaptor", "tokens"), FORMS, ids=["one", "tokens", "all pairs"])
def test_unseen_pairs_find_each_other(adaptor: CrossModalConfig, tokens: int) -> None:
    how = config(adaptor, epochs=12 if adaptor is not CROSS else 5)
    learn, held_out = pairs(192, seed=1, tokens=tokens), pairs(32, seed=2, tokens=tokens)
    done = trained(how, learn, held_out)

    assert hits(done, pairs(40, seed=3, tokens=tokens))[0] > 0.4


@pytest.mark.parametrize("loss", [InfoNCE(alike=0.2), Sigmoid()], ids=str)
def test_so_they_do_by_other_losses(loss: InfoNCE | Sigmoid) -> None:
    done = trained(config(loss=loss, epochs=12), pairs(192, seed=1), pairs(32, seed=2))

    assert hits(done, pairs(40, seed=3))[0] > 0.4


@pytest.mark.parametrize(("adaptor", "tokens"), FORMS, ids=["one", "tokens", "all pairs"])
def test_from_permuted_pairs_nothing_is_learned_of_unseen_ones(
    adaptor: CrossModalConfig, tokens: int
) -> None:
    how = config(adaptor, epochs=12 if adaptor is not CROSS else 5)
    learn = pairs(192, seed=1, tokens=tokens, permuted=True, hidden=24)
    done = trained(how, learn, pairs(32, seed=2, tokens=tokens, permuted=True, hidden=24))
    _, low, high = hits(done, pairs(100, seed=3, tokens=tokens, hidden=24), depth=10)

    assert low <= 10 / 100 <= high < 0.3


def test_a_constant_text_before_every_report_changes_no_choice() -> None:
    """Words that all reports share can be told from what they say, so they win nothing."""
    how = config(TOKENS, epochs=12)
    learn = pairs(192, seed=1, tokens=3)
    blind = replace(learn, texts=lambda numbers: learn.texts(np.zeros_like(numbers)))
    done = trained(how, blind, pairs(32, seed=2, tokens=3))
    unseen = pairs(40, seed=3, tokens=3)
    same = replace(unseen, texts=lambda numbers: unseen.texts(np.zeros_like(numbers)))

    assert hits(done, same)[0] == pytest.approx(1 / 40)


@pytest.mark.parametrize("loss", [InfoNCE(), Sigmoid()], ids=str)
def test_killed_and_resumed_it_has_the_same_numbers(
    loss: InfoNCE | Sigmoid, tmp_path: Path
) -> None:
    how = config(replace(SMALL, dropout=0.1), loss=loss, piece=8)
    learn, held_out = pairs(70, seed=1), pairs(20, seed=2)
    whole = trained(how, learn, held_out)
    for event in pretrain(how, learn, held_out, seed=1):
        if isinstance(event, EpochEnded) and len(event.standing.epochs) == 2:
            save_standing(tmp_path / "standing", event.standing)
        if isinstance(event, PretrainingStep) and event.index == 7:
            break
    resumed = trained(how, learn, held_out, load_standing(tmp_path / "standing"))

    assert resumed.standing.epochs == whole.standing.epochs
    for part in ("weights", "best", "optimiser"):
        ours, theirs = getattr(resumed.standing, part), getattr(whole.standing, part)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_standing_whose_bytes_changed_is_refused(tmp_path: Path) -> None:
    done = trained(config(epochs=1), pairs(40, seed=1), pairs(20, seed=2))
    save_standing(tmp_path / "standing", done.standing)
    file = tmp_path / "standing" / "standing.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"?")

    with pytest.raises(UnreadableFile, match="not the file"):
        load_standing(tmp_path / "standing")


def test_training_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    trained(config(replace(SMALL, dropout=0.1), epochs=1), pairs(40, seed=1), pairs(20, seed=2))

    assert torch.equal(before, torch.get_rng_state())


def test_it_stops_when_held_out_pairs_gain_nothing_and_keeps_the_best() -> None:
    how = config(epochs=60, patience=3)
    learn, held_out = pairs(64, seed=1, permuted=True), pairs(32, seed=2)
    done = trained(how, learn, held_out)
    costs = [epoch.held_out for epoch in done.standing.epochs]

    assert len(costs) < 60
    assert done.standing.best_epoch == len(costs) - 3
    assert done.standing.best_loss == min(costs)


def test_the_rate_rises_over_its_share_of_the_steps_and_falls_in_a_line() -> None:
    how = Pretraining(warm_up=0.1, rate=1.0)
    rates = [how.rate_at(step, 100) for step in range(100)]

    assert rates[:10] == pytest.approx([0.1 * (step + 1) for step in range(10)], abs=0.02)
    assert max(rates) == pytest.approx(1.0)
    assert np.diff(rates[10:]) == pytest.approx(np.full(89, -1 / 91))
    assert rates[-1] == pytest.approx(1 / 91)


def test_a_rate_that_breaks_the_numbers_is_told() -> None:
    with pytest.raises(InvalidValue, match="no longer a number"):
        trained(config(rate=1e30), pairs(70, seed=1), pairs(20, seed=2))


def test_what_cannot_be_learned_from_is_refused() -> None:
    with pytest.raises(InvalidValue, match="two pairs or more"):
        trained(config(), pairs(1, seed=1), pairs(20, seed=2))
    with pytest.raises(ConfigError, match="batches of 2"):
        Pretraining(batch=1)
    with pytest.raises(ConfigError, match="rate lies above 0"):
        Pretraining(rate=0.0)
    with pytest.raises(ConfigError, match="shares"):
        InfoNCE(image_weight=2.0)

"""A head trained on frozen features."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from carina.adaptors import ProbeHead
from carina.core import ConfigError, InvalidValue
from carina.learning import HeadTraining, ProbeEpoch, ProbeTrained, Shown, train_head
from carina.measures import auroc

QUICK = HeadTraining(head=ProbeHead(hidden=32), rate=1e-2, batch=32, epochs=30, patience=5)


def drawn(films: int, seed: int, *, noise: float = 0.5) -> Shown:
    """Two findings, each along a direction of its own; a tenth of the cells is not known."""
    rng = np.random.default_rng(seed)
    target = rng.random((films, 2)) < 0.4
    features = rng.normal(size=(films, 16)) * noise
    features[:, :2] += target
    known = rng.random((films, 2)) < 0.9
    return Shown(
        features=torch.from_numpy(features).float(),
        target=torch.from_numpy(target & known),
        known=torch.from_numpy(known),
    )


def trained(
    training: HeadTraining, films: Shown, held: Shown, seed: int = 0
) -> tuple[list[ProbeEpoch], ProbeTrained]:
    events = list(train_head(training, films, held, rng=np.random.default_rng(seed)))
    last = events.pop()
    assert isinstance(last, ProbeTrained)
    return [event for event in events if isinstance(event, ProbeEpoch)], last


def test_it_learns_what_is_drawn() -> None:
    _, head = trained(QUICK, drawn(300, 0), drawn(100, 1))
    asked = drawn(200, 2)
    said = head(asked.features).double().numpy()

    for column in range(2):
        known = asked.known[:, column].numpy()
        assert auroc(said[known, column], asked.target[known, column].numpy()) > 0.85


def test_every_film_is_answered_by_itself() -> None:
    _, head = trained(QUICK, drawn(100, 0), drawn(50, 1))
    asked = drawn(20, 2).features

    torch.testing.assert_close(head(asked)[:1], head(asked[:1]))


def test_the_head_is_that_of_the_best_epoch() -> None:
    training = replace(QUICK, least=0.0, epochs=300)
    films, held = drawn(40, 0, noise=2.0), drawn(40, 1)
    epochs, head = trained(training, films, held)
    losses = [epoch.validation for epoch in epochs]
    cut, _ = trained(replace(training, epochs=head.epoch), films, held)
    logits = head(held.features)[held.known]
    reached = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, held.target[held.known].float()
    )

    assert head.epoch == 1 + int(np.argmin(losses)) < len(epochs)
    assert len(epochs) == head.epoch + training.patience
    assert [epoch.validation for epoch in cut] == losses[: head.epoch]
    assert float(reached) == pytest.approx(min(losses), rel=1e-5)


def test_the_same_seed_trains_the_same_head() -> None:
    films, held, asked = drawn(60, 0), drawn(40, 1), drawn(10, 2).features
    one, again, other = (trained(QUICK, films, held, seed)[1](asked) for seed in (0, 0, 1))

    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_what_is_not_known_teaches_nothing() -> None:
    films, held, asked = drawn(60, 0), drawn(40, 1), drawn(10, 2).features
    turned = replace(films, target=films.target ^ ~films.known)

    assert torch.equal(
        trained(QUICK, films, held)[1](asked), trained(QUICK, turned, held)[1](asked)
    )


def test_a_last_film_alone_does_not_stop_the_batch_norm() -> None:
    """33 films in batches of 32 leave one over."""
    epochs, _ = trained(replace(QUICK, epochs=2), drawn(33, 0), drawn(20, 1))

    assert len(epochs) == 2


def test_one_film_is_no_batch() -> None:
    with pytest.raises(InvalidValue, match=r"two films or more .* got 1 and 20"):
        trained(
            QUICK, drawn(1, 0), replace(drawn(20, 1), known=torch.ones(20, 2, dtype=torch.bool))
        )


def test_nothing_to_stop_by_is_refused() -> None:
    held = drawn(20, 1)
    with pytest.raises(InvalidValue, match="got 50 and 0 with a known label"):
        trained(QUICK, drawn(50, 0), replace(held, known=torch.zeros_like(held.known)))


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"epochs": 0}, {"weight_decay": -1.0}])
def test_training_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        HeadTraining(**wrong)  # type: ignore[arg-type]

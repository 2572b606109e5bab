import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import ConfigError
from carina.learning import GPM
from carina.learning.strategies.gpm import widened
from carina.learning.strategies.pulls import placed
from carina.testing import drawn_view
from tests.learning.tuned import BASE, one_by_one, readout, taught, weights


@given(seed=st.integers(0, 1000), energy=st.floats(0.1, 1.0), rank=st.integers(0, 4))
@settings(max_examples=40, deadline=None)
def test_a_basis_stays_orthonormal_and_holds_the_energy_with_the_fewest_directions(
    seed: int, energy: float, rank: int
) -> None:
    rng = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(9, rank, generator=rng))[0]
    inputs = torch.randn(20, 9, generator=rng) @ torch.randn(9, 9, generator=rng)
    wider = widened(basis, inputs, energy)

    def held(one: torch.Tensor) -> float:
        return float((inputs @ one).square().sum() / inputs.square().sum())

    torch.testing.assert_close(wider.T @ wider, torch.eye(wider.shape[1]), rtol=0, atol=1e-4)
    torch.testing.assert_close(wider[:, :rank], basis)
    assert held(wider) >= energy - 1e-4
    if wider.shape[1] > rank:
        assert held(wider[:, :-1]) < energy


def test_a_layer_goes_on_giving_what_it_gave_for_the_inputs_it_holds() -> None:
    films = drawn_view(rows=6).features  # fewer than the layer is wide
    views = list(one_by_one(rows=6))
    strategy = GPM(base=BASE, energy=1.0)
    before, after = (readout(taught(strategy, *views[:count])) for count in (1, 2))
    first = [one.adaptors.image.state_dict() for one in (before, after)]
    rows = before.aligned(films)
    gave = [rows @ state["layer.0.weight"].T + state["layer.0.bias"] for state in first]

    torch.testing.assert_close(gave[0], gave[1], rtol=0, atol=1e-4)


def test_where_all_room_is_taken_nothing_moves() -> None:
    views = one_by_one(rows=120)  # more films than any layer is wide
    strategy = GPM(base=BASE, energy=1.0)

    torch.testing.assert_close(
        weights(taught(strategy, *views[:2]))[: 12 * 8],
        weights(taught(strategy, views[0]))[: 12 * 8],
        rtol=0,
        atol=1e-5,
    )


def test_the_first_experience_is_plain_and_leaves_a_basis_for_every_layer() -> None:
    view = one_by_one()[0]
    learner = taught(GPM(base=BASE, energy=0.5), view)

    assert torch.equal(weights(learner), weights(taught(BASE, view)))
    assert [basis.shape[0] for basis in placed("basis", learner.carried)] == [12, 8, 12, 8]


def test_a_share_of_energy_above_all_of_it_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"energy=1\.5"):
        GPM(energy=1.5)

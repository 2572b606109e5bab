import pytest
import torch
from torch.nn import Parameter

from carina.core import ConfigError
from carina.learning import Every, RETune, WeightReset
from carina.learning.strategies.weight_reset import undo_small
from tests.learning.tuned import one_by_one, taught, weights

PLAIN = RETune(batch=40, epochs=2, rate=1e-2)


def test_the_rule_worked_by_hand() -> None:
    old = [torch.zeros(5)]
    weight = Parameter(torch.tensor([0.0, 0.1, -0.2, 0.5, -1.0]))
    undo_small([weight], old, 0.3)  # movements from 0 to 1, so those below 0.3 are undone

    assert weight.tolist() == [0.0, 0.0, 0.0, 0.5, -1.0]


@pytest.mark.parametrize("every", list(Every))
def test_a_threshold_of_nothing_undoes_nothing(every: Every) -> None:
    views = one_by_one()
    free = WeightReset(base=PLAIN, every=every, start=0.0, growth=0.0)

    assert torch.equal(weights(taught(free, *views)), weights(taught(PLAIN, *views)))


@pytest.mark.parametrize("every", list(Every))
def test_the_first_experience_is_spared_unless_asked(every: Every) -> None:
    view = one_by_one()[0]
    spared, reset = (
        taught(WeightReset(base=PLAIN, every=every, start=0.5, from_first=first), view)
        for first in (False, True)
    )

    assert torch.equal(weights(spared), weights(taught(PLAIN, view)))
    assert not torch.equal(weights(reset), weights(spared))


def test_by_epoch_most_of_a_tensor_is_back_where_the_epoch_began() -> None:
    views = one_by_one()
    strategy = WeightReset(base=RETune(batch=40, epochs=1, rate=1e-2), every=Every.EPOCH, start=0.9)
    before, after = (weights(taught(strategy, *views[:count])) for count in (1, 2))
    share = float((before == after).double().mean())

    assert 0.5 < share < 1


def test_epochs_are_counted_from_the_first_experience_on() -> None:
    learner = taught(WeightReset(base=PLAIN), *one_by_one())

    assert learner.notes["epochs"] == 3 * 2


def test_a_threshold_that_shrinks_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"growth=-1\.0"):
        WeightReset(growth=-1.0)

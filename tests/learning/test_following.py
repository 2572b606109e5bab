from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from carina.core import InvalidValue, generator
from carina.learning import Event, Learned, Learner, Setting, Step, Strategy, begin, follow
from carina.streams import View
from carina.testing import drawn_view

SETTING = Setting(image_dim=12)


@dataclass(frozen=True)
class Diary:
    """Learns nothing and writes down the random numbers it is given."""

    ends: bool = True
    drawn: list[float] = field(default_factory=list)

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        self.drawn.append(rng.random())
        return Learner(setting=setting)

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        self.drawn.append(rng.random())
        yield Step(index=0, of=1, loss=None)
        if self.ends:
            yield Learned(learner=replace(learner, labels=learner.labels.grown(*view.labels)))


VIEWS = [drawn_view((name,)) for name in ("edema", "mass", "nodule")]


def test_events_come_with_the_place_of_their_experience() -> None:
    events = list(follow(Diary(), SETTING, VIEWS, seed=1))

    assert [index for index, _ in events] == [0, 0, 1, 1, 2, 2]
    assert [type(event) for _, event in events] == [Step, Learned] * 3


def test_each_learner_goes_into_the_next_experience() -> None:
    met = [
        event.learner.labels.names
        for _, event in follow(Diary(), SETTING, VIEWS, seed=1)
        if isinstance(event, Learned)
    ]

    assert met == [("edema",), ("edema", "mass"), ("edema", "mass", "nodule")]


def test_random_numbers_hang_on_the_seed_and_the_place_alone() -> None:
    whole, rest = Diary(), Diary()
    list(follow(whole, SETTING, VIEWS, seed=1))
    list(follow(rest, SETTING, VIEWS[1:], seed=1, learner=Learner(setting=SETTING), start=1))

    assert rest.drawn == whole.drawn[2:]
    assert whole.drawn[0] == generator(1, "begin").random()
    assert len(set(whole.drawn)) == 4


def test_without_an_experience_there_is_no_event() -> None:
    strategy: Strategy = Diary()

    assert list(follow(strategy, SETTING, [], seed=1)) == []
    assert begin(strategy, SETTING, seed=1).labels.names == ()


def test_a_strategy_that_ends_without_a_learner_is_told_so() -> None:
    with pytest.raises(InvalidValue, match="Diary ended experience 'drawn 0' without a learner"):
        list(follow(Diary(ends=False), SETTING, VIEWS, seed=1))

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from carina.core import InvalidValue, generator
from carina.learning import (
    Event,
    Learned,
    Learner,
    Ridge,
    Setting,
    Step,
    Strategy,
    ZeroShot,
    begin,
    follow,
    passed_over,
)
from carina.streams import View
from carina.testing import drawn_view, part_of

SETTING = Setting(image_dim=12)
TOGETHER = Setting(image_dim=12, text_dim=12, shared_space=True)


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


@dataclass(frozen=True)
class Forgetful:
    """Notes how often it learned and took back."""

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        return Learner(setting=setting, notes={"count": 0})

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        yield Learned(learner=counted(learner, 1))

    def retract(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        yield Learned(learner=counted(learner, -1))


def counted(learner: Learner, by: int) -> Learner:
    count = learner.notes["count"]
    assert isinstance(count, int)
    return replace(learner, notes={"count": count + by})


def left(strategy: Strategy, view: View, setting: Setting = SETTING) -> Learner:
    *_, (_, last) = follow(strategy, setting, [VIEWS[0], view], seed=0)
    assert isinstance(last, Learned)
    return last.learner


def test_what_is_to_be_taken_back_is_not_learned() -> None:
    assert left(Forgetful(), replace(VIEWS[0], retracts=True)).notes == {"count": 0}
    assert left(Forgetful(), VIEWS[0]).notes == {"count": 2}


def test_who_cannot_take_back_is_passed_over_and_draws_nothing() -> None:
    diary, view = Diary(), replace(VIEWS[1], retracts=True)

    assert left(diary, view).labels.names == VIEWS[0].labels
    assert len(diary.drawn) == 2
    learner = Learner(setting=SETTING)
    assert passed_over(diary, learner, view) == "this strategy cannot take back"
    assert passed_over(Forgetful(), learner, view) == ""


@pytest.mark.parametrize(
    ("strategy", "setting", "why"),
    [
        (Diary(), SETTING, "words alone teach nothing"),
        (Ridge(), SETTING, "words alone teach nothing"),
        (Diary(), TOGETHER, "this strategy reads no prompts"),
        (Ridge(betas=(0.0,)), TOGETHER, "this strategy reads no prompts"),
        (ZeroShot(), TOGETHER, ""),
        (Ridge(), TOGETHER, ""),
    ],
)
def test_words_teach_only_who_reads_them(strategy: Strategy, setting: Setting, why: str) -> None:
    view = part_of(drawn_view(("edema",)), rows=torch.tensor([], dtype=torch.int64))
    learner = begin(strategy, setting, seed=0)
    found = passed_over(strategy, learner, replace(view, text_only=True))

    assert why in found
    assert bool(why) == bool(found)
    assert passed_over(strategy, learner, VIEWS[0]) == ""


def test_a_finding_in_words_is_scored_along_its_text() -> None:
    words = replace(part_of(VIEWS[1], rows=torch.tensor([], dtype=torch.int64)), text_only=True)
    learner = left(Ridge(), words, TOGETHER)
    assert learner.readout is not None
    said = learner.readout(VIEWS[1].features).difference[:, -1]

    assert learner.labels.names == ("edema", "mass")
    assert said[VIEWS[1].target[:, 0]].mean() > said[~VIEWS[1].target[:, 0]].mean()

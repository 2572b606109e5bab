"""One experience after another."""

from collections.abc import Iterable, Iterator

from carina.adaptors import PromptReadout
from carina.core import InvalidValue, generator
from carina.learning.learner import (
    Event,
    Learned,
    Learner,
    ReadsText,
    Retracts,
    Setting,
    Strategy,
)
from carina.streams import View

__all__ = ["begin", "follow", "learn_one", "passed_over", "reads_prompts"]


def begin(strategy: Strategy, setting: Setting, *, seed: int) -> Learner:
    """The learner before the first experience."""
    return strategy.begin(setting, rng=generator(seed, "begin"))


def reads_prompts(strategy: Strategy, learner: Learner) -> bool:
    """Whether a finding has an answer by its prompts: they stand in the readout or go into it."""
    if isinstance(learner.readout, PromptReadout):
        return True
    return isinstance(strategy, ReadsText) and strategy.reads_text(learner.setting)


def passed_over(strategy: Strategy, learner: Learner, view: View) -> str:
    """Why a strategy can make nothing of an experience; "" where it can."""
    if view.retracts and not isinstance(strategy, Retracts):
        return "this strategy cannot take back"
    if view.text_only and not learner.setting.zero_shot:
        return "prompts mean nothing to images here, so words alone teach nothing"
    if view.text_only and not reads_prompts(strategy, learner):
        return "this strategy reads no prompts"
    return ""


def learn_one(
    strategy: Strategy, learner: Learner, view: View, *, seed: int, index: int
) -> Iterator[Event]:
    """One experience, learned or taken back; the last event is `Learned`.

    Its random numbers hang on the seed and its place alone, so a run taken up again after a
    break draws the same ones. Where the strategy can make nothing of it (`passed_over`), the
    learner stays as it is.

    Args:
        strategy: How to learn.
        learner: What came out of the experience before.
        view: What may be seen of this one.
        seed: The run's.
        index: The experience's place in the stream, from 0.

    Raises:
        InvalidValue: where the strategy ends without a learner.
    """
    if passed_over(strategy, learner, view):
        yield Learned(learner=learner)
        return
    rng = generator(seed, "experience", index)
    if view.retracts and isinstance(strategy, Retracts):
        events = strategy.retract(learner, view, rng=rng)
    else:
        events = strategy.learn(learner, view, rng=rng)
    event: Event | None = None
    for event in events:
        yield event
    if not isinstance(event, Learned):
        raise InvalidValue(
            f"{type(strategy).__name__} ended experience {view.name!r} without a learner; "
            "the last event of 'learn' must be Learned."
        )


def follow(
    strategy: Strategy,
    setting: Setting,
    views: Iterable[View],
    *,
    seed: int,
    learner: Learner | None = None,
    start: int = 0,
) -> Iterator[tuple[int, Event]]:
    """Every event with the place of its experience; each experience ends with `Learned`.

    Args:
        strategy: How to learn.
        setting: What is known before any label.
        views: The experiences still to come.
        seed: The run's.
        learner: Where to go on from; None begins.
        start: Place of the first of the views in the stream.
    """
    now = begin(strategy, setting, seed=seed) if learner is None else learner
    for index, view in enumerate(views, start=start):
        for event in learn_one(strategy, now, view, seed=seed, index=index):
            if isinstance(event, Learned):
                now = event.learner
            yield index, event

"""A new finding from text: others first, then words, then its first few films."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from carina.core import ConfigError, InvalidValue, UnknownName
from carina.streams import Experience, Ground, Labelled, NewFromText, lay_out, view

Draw = Callable[[int], tuple[Labelled, Ground]]
PLAN = NewFromText(finding="Edema", films=2, negatives=3)


@pytest.mark.parametrize("seed", [0, 2, 3, 5])
def test_it_is_met_in_words_and_then_by_so_many_films_of_other_patients(
    drawn: Draw, seed: int
) -> None:
    labelled, ground = drawn(seed)
    before, words, films = (view(one, labelled) for one in lay_out(PLAN, ground).experiences)

    assert "Edema" not in before.labels
    assert set(before.labels) == set(ground.space.names) - {"Edema"}
    assert words.labels == films.labels == ("Edema",)
    assert words.text_only
    assert words.prompts is not None
    assert len(words.features) == 0
    assert len(set(films.patients[films.target[:, 0]].tolist())) == 2
    assert films.known.all()
    assert (int(films.target.sum()), int((~films.target).sum())) == (2, 3)


def test_who_comes_first_follows_the_seed_and_nobody_else(drawn: Draw) -> None:
    _, ground = drawn(3)
    picks = [
        tuple(lay_out(replace(PLAN, seed=seed), ground).experiences[2].rows) for seed in range(4)
    ]
    fewer = lay_out(replace(PLAN, films=1), ground).experiences[2].rows

    assert len(set(picks)) > 1
    assert set(fewer) < set(picks[0])


def test_too_few_films_are_refused_with_their_number(drawn: Draw) -> None:
    _, ground = drawn(0)
    with pytest.raises(InvalidValue, match=r"films with Edema of \d+ patient\(s\), and 99"):
        lay_out(NewFromText(finding="Edema", films=99), ground)
    with pytest.raises(UnknownName, match="Did you mean 'Edema'"):
        lay_out(NewFromText(finding="Edemma"), ground)
    with pytest.raises(InvalidValue, match="the only finding"):
        lay_out(NewFromText(finding="Atelectasis", films=1, negatives=1), _only(ground))
    with pytest.raises(ConfigError, match="none of the others"):
        NewFromText(finding="Edema", order=("Edema",))
    with pytest.raises(ConfigError, match="1 film or more"):
        NewFromText(finding="Edema", films=0)


def _only(ground: Ground) -> Ground:
    space = replace(ground.space, names=ground.space.names[:1])
    return replace(ground, space=space, target=ground.target[:, :1], known=ground.known[:, :1])


def test_an_experience_of_text_has_no_rows() -> None:
    nobody, somebody = np.array([], dtype=np.int64), np.array([3])
    words = Experience(
        name="words", visible=("Edema",), rows=nobody, validation=nobody, text_only=True
    )

    for other in ({"rows": somebody}, {"validation": somebody}, {"retracts": True}):
        with pytest.raises(InvalidValue, match="of text only"):
            replace(words, **other)

"""From names, severities and locations to phrases, by a rule without chance."""

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.adaptors.finding_words import FindingWords, Signs, spread
from carina.core import InvalidValue

SIGNS = Signs(positive=("seen",), negative=("clear",), uncertain=("possibly seen",))
wheels = st.lists(
    st.integers(1, 5).map(lambda size: tuple(map(str, range(size)))), min_size=1, max_size=3
)


def effusion(**changes: tuple[str, ...]) -> FindingWords:
    return FindingWords(
        finding="Pleural Effusion",
        signs=SIGNS,
        **{
            "names": ("an effusion", "pleural fluid"),
            "severities": ("small",),
            "locations": ("left {name}", "bilateral {name}s"),
            **changes,
        },
    )


@given(wheels=wheels, count=st.integers(0, 60), more=st.integers(0, 20))
def test_a_larger_count_only_adds_to_the_end(
    wheels: list[tuple[str, ...]], count: int, more: int
) -> None:
    assert spread(wheels, count + more)[:count] == spread(wheels, count)


@given(wheels=wheels, count=st.integers(0, 130))
def test_no_combination_comes_again_before_all_have_come(
    wheels: list[tuple[str, ...]], count: int
) -> None:
    every = list(product(*wheels))
    times = Counter(spread(wheels, count))

    assert set(times) <= set(every)
    assert {times[one] for one in every} <= {count // len(every), -(-count // len(every))}


@given(wheels=wheels)
def test_every_word_comes_before_one_of_the_most_comes_twice(
    wheels: list[tuple[str, ...]],
) -> None:
    most = max(map(len, wheels))
    chosen = spread(wheels, most)

    assert all({words[at] for words in chosen} == set(wheel) for at, wheel in enumerate(wheels))


def test_the_plain_name_comes_first_then_what_was_taken_least() -> None:
    assert spread((("a", "b"), ("", "small"), ("", "left", "right")), 4) == [
        ("a", "", ""),
        ("b", "small", "left"),
        ("a", "", "right"),
        ("b", "small", ""),
    ]


def test_phrases_have_the_articles_and_plurals_of_their_names() -> None:
    found = {phrase.bare: phrase.whole for phrase in effusion().present(12)}

    assert found == {
        "effusion": "an effusion",
        "small effusion": "a small effusion",
        "left effusion": "a left effusion",
        "small left effusion": "a small left effusion",
        "bilateral effusions": "bilateral effusions",
        "small bilateral effusions": "small bilateral effusions",
        "pleural fluid": "pleural fluid",
        "small pleural fluid": "small pleural fluid",
        "left pleural fluid": "left pleural fluid",
        "small left pleural fluid": "small left pleural fluid",
        "bilateral pleural fluid": "bilateral pleural fluid",
        "small bilateral pleural fluid": "small bilateral pleural fluid",
    }


def test_denials_name_no_kind_severity_or_place_and_doubts_no_severity() -> None:
    words = effusion(kinds=("an empyema",))

    assert {phrase.bare for phrase in words.absent(9)} == {"effusion", "pleural fluid"}
    assert {phrase.bare for phrase in words.doubted(9)} == {
        *("effusion", "left effusion", "bilateral effusions"),
        *("pleural fluid", "left pleural fluid", "bilateral pleural fluid"),
        *("empyema", "left empyema", "bilateral empyemas"),
    }
    assert words.spoken == ("effusion", "pleural fluid", "empyema")


def test_an_opposite_is_what_denies_and_what_is_doubted() -> None:
    words = effusion(opposite=("dry pleura",))

    assert [phrase.bare for phrase in (*words.absent(1), *words.doubted(1))] == ["dry pleura"] * 2
    assert words.present(1)[0].bare == "effusion"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ()}, "names in prompts"),
        ({"names": ("effusion", " ")}, "is empty"),
        ({"names": ("effusion",), "kinds": ("effusion",)}, "stands twice"),
        ({"severities": ("small", "small")}, "stands twice"),
        ({"locations": ("on the left",)}, "no place for a name"),
        ({"locations": ("{name} or {name}",)}, "no place for a name"),
    ],
)
def test_words_that_make_no_phrase_are_refused(
    changes: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(InvalidValue, match=message):
        effusion(**changes)


def test_signs_come_in_threes() -> None:
    with pytest.raises(InvalidValue, match="as many of each"):
        Signs(positive=("seen",), negative=("clear", "dry"), uncertain=("possibly",))

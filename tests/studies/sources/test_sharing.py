"""Which sources hold the same films: what one has seen, the other has."""

import pytest

from carina.studies import SOURCES, sharing


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nih-chestxray14", "rsna-pneumonia"),
        ("nih-chestxray14", "siim-acr"),
        ("chexpert", "chexpert-plus"),
        ("nih-chestxray14-subset", "nih-chestxray14"),
        ("nih-chestxray14-subset", "rsna-pneumonia"),
    ],
)
def test_sources_of_the_same_films_are_told(one: str, other: str) -> None:
    assert sharing(one)[other]


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "covidx"])
def test_sharing_goes_both_ways(source: str) -> None:
    assert all(source in sharing(other) for other in sharing(source) if other in SOURCES)


def test_a_source_of_ones_own_shares_with_nobody() -> None:
    assert sharing("my-hospital") == {}
    assert "padchest" not in sharing("chexpert")

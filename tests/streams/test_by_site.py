"""Site-incremental: whole sites in order, and what cannot be placed is counted."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from carina.core import InvalidValue, UnknownName
from carina.streams import BySite, Ground, Labelled, lay_out

Draw = Callable[[int], tuple[Labelled, Ground]]


@pytest.mark.parametrize("seed", range(8))
def test_each_site_comes_whole_and_at_once_with_all_findings(drawn: Draw, seed: int) -> None:
    _, ground = drawn(seed)
    stream = lay_out(BySite(sites=("west", "north", "south")), ground)
    together = np.concatenate([experience.rows for experience in stream.experiences])

    assert [experience.name for experience in stream.experiences] == ["west", "north", "south"]
    for experience in stream.experiences:
        for rows in (experience.rows, experience.validation):
            assert {ground.sites[row] for row in rows} <= {experience.name}
        assert experience.visible == ground.space.names
        assert experience.confounding == {}
    assert sorted(together) == [row for row in ground.rows if ground.sites[row]]


def test_films_of_no_known_site_and_of_other_sites_are_counted(drawn: Draw) -> None:
    _, ground = drawn(0)
    lost = sum(not ground.sites[row] for row in ground.rows)
    others = sum(ground.sites[row] not in ("north", "south") for row in ground.rows)
    first, *_ = lay_out(BySite(), ground).experiences
    only, *_ = lay_out(BySite(sites=("south", "north")), ground).experiences

    assert lost
    assert f"{lost} film(s) of no known site are left out" in first.marks
    assert f"{others} film(s) of other sites are left out" in only.marks


def test_one_site_is_no_stream_and_none_says_what_to_do(drawn: Draw) -> None:
    _, ground = drawn(0)
    here = replace(ground, sites=tuple("north" for _ in ground.sites))

    for one in (here, replace(ground, sites=())):
        with pytest.raises(InvalidValue, match=r"two sites or more; got [01]\. .*ByData"):
            lay_out(BySite(), one)
    with pytest.raises(InvalidValue, match="two sites or more; got 1"):
        lay_out(BySite(sites=("north", "north")), ground)


def test_a_misspelt_site_is_told_its_neighbour(drawn: Draw) -> None:
    with pytest.raises(UnknownName, match=r"No site named 'nort'\. Did you mean 'north'"):
        lay_out(BySite(sites=("nort", "south")), drawn(0)[1])

"""How well a site tells a finding, and streams where it does so on purpose."""

from dataclasses import replace

import numpy as np
import pytest

from carina.core import ConfigError, InvalidValue, UnknownName
from carina.streams import (
    AllAtOnce,
    ByClass,
    Confounded,
    Ground,
    lay_out,
    site_given_label,
    tells,
)
from carina.studies import LabelSpace


def table(*, goes_along: float, patients: int = 400, sites: int = 4, seed: int = 0) -> Ground:
    """Two films a patient; a patient with Edema is at site 0 with that probability."""
    rng = np.random.default_rng(seed)
    ill = rng.random(patients) < 0.3
    site = np.where(
        rng.random(patients) < goes_along,
        np.where(ill, 0, rng.integers(1, sites, patients)),
        rng.integers(0, sites, patients),
    )
    target = np.repeat(np.stack([ill, rng.random(patients) < 0.4], axis=1), 2, axis=0)
    return Ground(
        space=LabelSpace(names=("Edema", "Mass")),
        target=target,
        known=np.ones_like(target),
        patients=np.repeat(rng.permutation(10**6)[:patients], 2),
        rows=np.arange(2 * patients),
        validation=np.array([], dtype=np.int64),
        digest="0" * 20,
        sites=tuple(f"site {number}" for number in np.repeat(site, 2)),
    )


@pytest.mark.parametrize("seed", range(6))
def test_a_finding_that_has_nothing_to_do_with_the_site_is_not_told_by_it(seed: int) -> None:
    (only,) = lay_out(AllAtOnce(), table(goes_along=0.0, seed=seed)).experiences

    for estimate in only.confounding.values():
        assert estimate.value is not None
        assert estimate.value < 0.57
        assert not tells(estimate)
    assert not any("site" in mark for mark in only.marks)


def test_a_finding_that_goes_with_the_site_is_told_and_marked_and_the_other_is_not() -> None:
    (only,) = lay_out(AllAtOnce(), table(goes_along=0.9)).experiences

    assert (only.confounding["Edema"].low or 0) > 0.85
    assert tells(only.confounding["Edema"])
    assert not tells(only.confounding["Mass"])
    assert [mark for mark in only.marks if "site" in mark] == ["the site tells Edema"]


def test_it_is_the_auroc_of_the_share_of_positives_at_each_site() -> None:
    """By hand: of 100 patients at each of two sites 80 and 20 are ill, so 0.8 of pairs are told."""
    target = np.array([True] * 80 + [False] * 20 + [True] * 20 + [False] * 80)
    found = site_given_label(np.repeat([0, 1], 100), target, np.arange(200))

    assert found.value == pytest.approx(0.8, abs=1e-9)
    assert found.patients == 200
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.8 < found.high


@pytest.mark.parametrize("positive", [True, False])
def test_of_few_patients_nothing_is_told(positive: bool) -> None:
    """Two patients of a class stand at one site as often as not."""
    target = np.repeat([positive, not positive], [4, 100])
    site, patients = np.repeat([0, 1], [4, 100]), np.r_[np.zeros(4), np.arange(1, 101)].astype(int)
    found = site_given_label(site, target, patients)

    assert not found.defined
    assert "1 patient(s) of one class" in (found.why_undefined or "")
    assert not tells(found)


def test_of_one_site_or_unknown_ones_nothing_is_said() -> None:
    ground = table(goes_along=0.9)
    for sites in ((), tuple("here" for _ in ground.sites), tuple("" for _ in ground.sites)):
        (only,) = lay_out(AllAtOnce(), replace(ground, sites=sites)).experiences
        assert only.confounding == {}
        assert not any("site" in mark for mark in only.marks)


def test_films_of_unknown_sites_are_left_out_of_it() -> None:
    ground = table(goes_along=0.9)
    half = replace(
        ground, sites=tuple("" if at % 2 else site for at, site in enumerate(ground.sites))
    )
    (only,) = lay_out(AllAtOnce(), half).experiences

    assert only.confounding["Edema"].n == len(ground.rows) // 2


def test_on_purpose_site_and_finding_go_together_but_for_the_exceptions() -> None:
    ground = table(goes_along=0.0)
    plan = Confounded(of=AllAtOnce(), finding="Edema", site="site 1", exceptions=0.1)
    (only,) = lay_out(plan, ground).experiences
    apart = [row for row in ground.rows if ground.target[row, 0] != (ground.sites[row] == "site 1")]
    kept = [row for row in apart if row in set(only.rows)]

    assert set(ground.rows) - set(only.rows) <= set(apart)
    assert 0.05 < len(kept) / len(apart) < 0.16
    assert only.marks == (
        f"{len(apart) - len(kept)} film(s) that part Edema from site 1 are left out",
        "the site tells Edema",
    )


def test_without_exceptions_the_site_is_the_finding() -> None:
    ground = table(goes_along=0.0)
    plan = Confounded(of=ByClass(), finding="Edema", site="site 1", exceptions=0.0)
    first, second = lay_out(plan, ground).experiences

    assert first.confounding["Edema"].value == 1.0
    assert "the site tells Edema" in first.marks
    assert second.visible == ("Mass",)
    assert set(first.rows) == set(second.rows)


def test_it_needs_a_site_a_finding_and_another_site() -> None:
    ground = table(goes_along=0.0)
    plan = Confounded(of=AllAtOnce(), finding="Edema", site="site 1")
    alone = replace(ground, sites=tuple("site 1" for _ in ground.sites))

    with pytest.raises(UnknownName, match="No site named 'site 7'"):
        lay_out(replace(plan, site="site 7"), ground)
    with pytest.raises(UnknownName, match="No label column named 'Edemma'"):
        lay_out(replace(plan, finding="Edemma"), ground)
    with pytest.raises(InvalidValue, match="only one"):
        lay_out(plan, alone)
    with pytest.raises(ConfigError, match="exceptions"):
        replace(plan, exceptions=1.0)

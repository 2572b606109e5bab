"""Groups of patients: who is told, on which findings, and how far the worst lies behind."""

from dataclasses import replace

import numpy as np
import pytest

from carina.evaluation import ENOUGH, GROUPED, Cells, Part, Scores, age_band, cells_of, subgroups
from carina.measures import auroc, sensitivity
from carina.studies import LabelSpace

NAMES = ("Edema", "Hernia")
PATIENTS = 240


def table(seed: int = 0, *, worse: float = 0.0) -> tuple[Scores, dict[str, list[str]]]:
    """Films of women, men and a few of unknown sex; men are read worse by so much."""
    rng = np.random.default_rng(seed)
    sex = np.array(["F", "M", "F", "M", "F", ""] * (PATIENTS // 6))
    site = np.where(np.arange(PATIENTS) < 2 * ENOUGH - 2, "small", "large")
    target = rng.random((PATIENTS, 2)) < np.array([0.4, 0.2])
    signal = 1.5 - worse * (sex == "M")[:, None]
    difference = signal * target + rng.normal(size=(3, PATIENTS, 2))
    decision = np.where(difference > 0.7, 1.0, 0.0)
    decision[:1] = np.nan
    none = np.full_like(difference, np.nan)
    scores = Scores(
        part=Part(
            name="test",
            images=tuple(f"{row:03}" for row in range(PATIENTS)),
            patients=np.arange(PATIENTS),
            target=target,
            known=np.ones_like(target),
        ),
        space=LabelSpace(names=NAMES),
        experiences=("first", "second"),
        difference=difference,
        positive=none,
        probability=none,
        decision=decision,
    )
    return scores, {"sex": sex.tolist(), "site": site.tolist(), "view": ["PA"] * PATIENTS}


def cells(scores: Scores) -> Cells:
    return cells_of(scores, draws=60, rng=np.random.default_rng(3))


def test_a_groups_mean_is_that_of_its_films() -> None:
    scores, columns = table()
    told = subgroups(cells(scores), columns, names=NAMES)["sex"]
    men, part = np.array(columns["sex"]) == "M", scores.part
    wanted = [auroc(scores.difference[2, men, c], part.target[men, c]) for c in (0, 1)]
    found = [sensitivity(scores.decision[1, men, c] > 0, part.target[men, c]) for c in (0, 1)]

    assert told.groups == ("F", "M")
    assert told.findings == NAMES
    assert told.means["auroc"]["M"][1].value == pytest.approx(np.mean(wanted))
    assert told.means["sensitivity"]["M"][0].value == pytest.approx(np.mean(found))
    assert told.by_finding["auroc"]["Hernia"]["M"].value == pytest.approx(wanted[1])
    assert told.means["auroc"]["M"][1].patients == men.sum()


def test_the_gap_is_the_worst_group_less_the_others_in_the_same_draws() -> None:
    scores, columns = table(worse=1.4)
    told = subgroups(cells(scores), columns, names=NAMES)["sex"]
    mean = {group: told.means["auroc"][group][1].value for group in told.groups}
    gap = told.gap["auroc"][1]

    assert told.worst["auroc"] == ("M", "M")
    assert gap.value == pytest.approx(mean["M"] - mean["F"])  # type: ignore[operator]
    assert gap.high is not None
    assert gap.high < 0


def test_where_all_groups_are_alike_the_worst_lies_behind_by_as_much_as_is_said() -> None:
    told = [
        subgroups(cells(scores.after_last()), {"sex": columns["sex"]}, names=NAMES)["sex"]
        for scores, columns in map(table, range(12))
    ]
    gaps, chance = (
        np.array([getattr(one, name)["auroc"][0].value for one in told])
        for name in ("gap", "gap_by_chance")
    )

    assert gaps.mean() < 0
    assert abs(gaps.mean() - chance.mean()) < 3 * gaps.std() / np.sqrt(len(gaps))


def test_of_too_few_patients_there_is_no_number_and_no_count() -> None:
    scores, columns = table()
    told = subgroups(cells(scores), columns, names=NAMES)["site"]

    assert told.groups == ("large",)
    assert told.too_small == ("small",)
    assert set(told.means["auroc"]) == {"large"}
    assert not told.gap["auroc"][-1].defined


def test_a_finding_too_rare_in_one_group_is_told_of_the_other_alone() -> None:
    scores, columns = table()
    men = np.array(columns["sex"]) == "M"
    target = scores.part.target.copy()
    target[np.flatnonzero(men & target[:, 1])[ENOUGH - 1 :], 1] = False
    rare = replace(scores, part=replace(scores.part, target=target))
    told = subgroups(cells(rare), columns, names=NAMES)["sex"]
    none = told.by_finding["auroc"]["Hernia"]["M"]

    assert told.findings == ("Edema",)
    assert told.by_finding["auroc"]["Hernia"]["F"].defined
    assert none.why_undefined == "not enough: wanted 10 patients with the finding and 10 without"
    assert (none.n, none.positives, none.patients) == (0, 0, 0)


def test_films_of_one_patient_count_once_towards_enough() -> None:
    scores, columns = table()
    patients = np.where(scores.part.target[:, 0], np.arange(PATIENTS) % 6, np.arange(PATIENTS))
    few = replace(scores, part=replace(scores.part, patients=patients))

    assert "Edema" not in subgroups(cells(few), columns, names=NAMES)["sex"].findings


def test_an_attribute_of_one_group_is_not_told() -> None:
    scores, columns = table()

    assert set(subgroups(cells(scores), columns, names=NAMES)) == {"sex", "site"}


def test_what_is_not_decided_has_no_sensitivity() -> None:
    scores, columns = table()
    scores.decision[:] = np.nan
    told = subgroups(cells(scores), columns, names=NAMES)["sex"]

    assert set(told.means) == set(GROUPED)
    assert told.gap["auroc"][0].defined
    assert not told.gap["sensitivity"][0].defined
    assert told.worst["sensitivity"] == ("", "")


@pytest.mark.parametrize(
    ("years", "band"),
    [(0, "0-17"), (17.9, "0-17"), (18, "18-39"), (60, "60-79"), (93, "80 and over"), (np.nan, "")],
)
def test_ages_fall_into_bands(years: float, band: str) -> None:
    assert age_band(float(years)) == band

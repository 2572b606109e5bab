"""What uncertain and unmentioned cells count as, and how much hangs on it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.core import ConfigError, InvalidValue, UnknownName, fingerprint, load
from carina.studies import (
    POLICIES,
    FindingPolicy,
    LabelPolicy,
    LabelSpace,
    Manifest,
    Presence,
    Uncertain,
    Unmentioned,
    prevalences,
)

EVERY = np.array([[-2], [-1], [0], [1]], dtype=np.int8)
ONE = LabelSpace(names=("Edema",))
SHARES = st.floats(0, 1, allow_nan=False)


def table(cells: dict[str, list[int]], split: tuple[str, ...] = ()) -> Manifest:
    """A manifest of label columns and nothing else."""
    labels = np.array(list(cells.values()), dtype=np.int8).T
    rows = len(labels)
    none = ("",) * rows
    return Manifest(
        root=Path(),
        image=tuple(f"{row}.png" for row in range(rows)),
        study=tuple(map(str, range(rows))),
        patient=tuple(map(str, range(rows))),
        **dict.fromkeys(("view", "sex", "site", "date", "report"), none),  # type: ignore[arg-type]
        age=(1.0,) * rows,
        split=split or ("train",) * rows,
        labels=labels,
        space=LabelSpace(names=tuple(cells)),
    )


@pytest.mark.parametrize(
    ("policy", "target", "known"),
    [
        (LabelPolicy(), [0, 0, 0, 1], [0, 0, 1, 1]),
        (LabelPolicy(uncertain=Uncertain.PRESENT), [0, 1, 0, 1], [0, 1, 1, 1]),
        (LabelPolicy(uncertain=Uncertain.ABSENT), [0, 0, 0, 1], [0, 1, 1, 1]),
        (LabelPolicy(unmentioned=Unmentioned.ABSENT), [0, 0, 0, 1], [1, 0, 1, 1]),
    ],
)
def test_a_policy_says_what_a_presence_counts_as(
    policy: LabelPolicy, target: list[int], known: list[int]
) -> None:
    found = policy.apply(EVERY, ONE)

    assert found.target[:, 0].astype(int).tolist() == target
    assert found.known[:, 0].astype(int).tolist() == known
    assert found.soft is None


@given(
    cells=st.lists(st.sampled_from(list(Presence)), max_size=20),
    uncertain=st.sampled_from(Uncertain),
    unmentioned=st.sampled_from(Unmentioned),
    share=SHARES,
)
def test_a_cell_is_known_or_soft_or_neither_and_what_is_scored_was_never_uncertain(
    cells: list[Presence], uncertain: Uncertain, unmentioned: Unmentioned, share: float
) -> None:
    labels = np.array(cells, dtype=np.int8).reshape(-1, 1)
    value = share if uncertain is Uncertain.SOFT else None
    policy = LabelPolicy(uncertain=uncertain, unmentioned=unmentioned, value=value)

    found = policy.apply(labels, ONE)
    soft = np.zeros_like(found.known) if found.soft is None else ~np.isnan(found.soft)

    assert not (found.target & ~found.known).any()
    assert not (soft & found.known).any()
    assert not (found.certain & ~found.known).any()
    assert not (found.certain & (labels == Presence.UNCERTAIN)).any()
    assert (found.certain[labels >= Presence.ABSENT]).all()


@pytest.mark.parametrize(("share", "like"), [(0.0, "zeros"), (1.0, "ones")])
def test_soft_labels_at_either_end_are_plain_ones(share: float, like: str) -> None:
    soft = LabelPolicy(uncertain=Uncertain.SOFT, unmentioned=Unmentioned.ABSENT, value=share).apply(
        EVERY, ONE
    )
    plain = POLICIES[like].apply(EVERY, ONE)

    assert soft.soft is None
    assert (soft.target == plain.target).all()
    assert (soft.known == plain.known).all()


def test_soft_cells_carry_the_stated_share_and_nothing_else_does() -> None:
    found = LabelPolicy(uncertain=Uncertain.SOFT, value=0.25).apply(EVERY, ONE)

    assert found.soft is not None
    np.testing.assert_array_equal(found.soft[:, 0], np.array([np.nan, 0.25, np.nan, np.nan]))


def test_one_finding_may_differ_under_any_of_its_names() -> None:
    policy = LabelPolicy(
        uncertain=Uncertain.ABSENT,
        findings={
            "effusion": FindingPolicy(uncertain=Uncertain.SOFT, value=0.4),
            "Edema": FindingPolicy(unmentioned=Unmentioned.ABSENT),
        },
    )
    space = LabelSpace(names=("Mass", "Edema", "Pleural Effusion"))
    found = policy.apply(np.repeat(EVERY, 3, axis=1), space)

    assert found.known.T.astype(int).tolist() == [[0, 1, 1, 1], [1, 1, 1, 1], [0, 0, 1, 1]]
    assert found.soft is not None
    assert np.argwhere(~np.isnan(found.soft)).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"uncertain": Uncertain.SOFT}, "`value` says to which share"),
        ({"value": 0.5}, "`value` is for `uncertain = soft`"),
        ({"uncertain": Uncertain.SOFT, "value": 1.5}, "between 0 and 1; got 1.5"),
        ({"findings": {"Edema": FindingPolicy(uncertain=Uncertain.SOFT)}}, "cells of Edema are"),
        ({"findings": {"Edema": FindingPolicy(), "edema": FindingPolicy()}}, "under two names"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        LabelPolicy(**wrong)  # type: ignore[arg-type]


def test_a_misspelt_finding_of_a_policy_meets_its_neighbour() -> None:
    policy = LabelPolicy(findings={"Edma": FindingPolicy(uncertain=Uncertain.PRESENT)})

    with pytest.raises(UnknownName, match="Did you mean 'Edema'"):
        policy.apply(EVERY, ONE)


def test_a_policy_of_findings_the_data_lack_is_none_of_theirs() -> None:
    found = POLICIES["chexpert"].apply(EVERY, LabelSpace(names=("Mass",)))

    assert not found.known[1].any()


def test_a_file_gives_a_policy_by_name_or_in_full() -> None:
    whole = {
        "unmentioned": "absent",
        "findings": {"Edema": {"uncertain": "soft", "value": 0.6}},
    }

    assert load("ones", LabelPolicy) == POLICIES["ones"]
    assert load(whole, LabelPolicy).of("Edema").value == 0.6
    with pytest.raises(ConfigError, match="Did you mean 'zeros'"):
        load("zeroes", LabelPolicy)
    with pytest.raises(ConfigError, match="Did you mean 'findings'"):
        load({"finding": {}}, LabelPolicy)


def test_what_a_policy_does_not_use_is_no_part_of_what_tells_it_from_others() -> None:
    old = {"kind": "LabelPolicy", "uncertain": "ignored", "unmentioned": "ignored"}

    assert fingerprint(LabelPolicy().described) == fingerprint(old)
    assert len({fingerprint(policy.described) for policy in POLICIES.values()}) == len(POLICIES)


def test_the_policy_moves_the_prevalence_of_pneumonia_fourfold_on_numbers_like_chexperts() -> None:
    # Of every 2,234 films of CheXpert's train list some 60 say Pneumonia, 28 deny it, 188 doubt it.
    cells = [1] * 60 + [0] * 28 + [-1] * 188 + [-2] * 1958
    found = prevalences(table({"Pneumonia": cells}))["Pneumonia"]["train"]

    assert found["ones"].share == pytest.approx(248 / 2234)
    assert found["zeros"].share == pytest.approx(60 / 2234)
    assert found["asserted"].known == 88
    assert found["ignore"].known == 2046
    assert found["soft"].positives == pytest.approx(60 + 0.7 * 188)
    assert found["ones"].positives / found["zeros"].positives > 4


def test_prevalences_are_of_each_split_and_undefined_where_nothing_is_known() -> None:
    found = prevalences(table({"Edema": [1, -2, -2]}, ("train", "train", "test")))["Edema"]

    assert set(found) == {"train", "test"}
    assert found["test"]["asserted"].share is None
    assert found["test"]["ones"].share == 0
    assert found["train"]["zeros"].share == 0.5

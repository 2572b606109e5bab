"""Presences, label spaces and the policies that turn them into targets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.core import LabelSpaceError, UnknownName
from carina.studies import LabelPolicy, LabelSpace, Presence, Uncertain, Unmentioned

NAMES = st.lists(st.sampled_from(["Edema", "Mass", "Nodule", "Hernia", "Fracture"]), unique=True)
EVERY = np.array([[-2, -1, 0, 1]], dtype=np.int8)


@given(old=NAMES, new=NAMES)
def test_growing_never_moves_an_old_column(old: list[str], new: list[str]) -> None:
    grown = LabelSpace(names=tuple(old)).grown(*new)

    assert grown.names[: len(old)] == tuple(old)
    assert set(grown.names) == {*old, *new}


@pytest.mark.parametrize("names", [("Mass", "Mass"), ("",), (" Mass",)])
def test_names_are_unique_and_not_padded(names: tuple[str, ...]) -> None:
    with pytest.raises(LabelSpaceError):
        LabelSpace(names=names)


def test_a_misspelt_finding_meets_its_neighbour() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'Edema'"):
        LabelSpace(names=("Edema", "Mass")).indices(("Mass", "Edma"))


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
    found_target, found_known = policy.apply(EVERY)

    assert found_target.astype(int).tolist() == [target]
    assert found_known.astype(int).tolist() == [known]


@given(
    cells=st.lists(st.sampled_from(list(Presence)), max_size=20),
    uncertain=st.sampled_from(Uncertain),
    unmentioned=st.sampled_from(Unmentioned),
)
def test_nothing_is_a_target_that_is_not_known(
    cells: list[Presence], uncertain: Uncertain, unmentioned: Unmentioned
) -> None:
    labels = np.array(cells, dtype=np.int8).reshape(-1, 1)

    target, known = LabelPolicy(uncertain=uncertain, unmentioned=unmentioned).apply(labels)

    assert not (target & ~known).any()

"""Presences and label spaces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.core import LabelSpaceError, UnknownName
from carina.studies import LabelSpace

NAMES = st.lists(st.sampled_from(["Edema", "Mass", "Nodule", "Hernia", "Fracture"]), unique=True)


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

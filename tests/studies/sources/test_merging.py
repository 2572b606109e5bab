"""Images listed more than once: read once, their patients one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.core import ManifestError
from carina.studies import read_folder
from carina.studies.sources.merging import one_patient_an_image

Make = Callable[..., Path]
MAPPING = """
duplicates = "merged"
[columns]
image = "image"
patient = "id"
split = "split"
[labels.columns]
Mass = "Mass"
"""


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("pqrstu")), min_size=1))
def test_rows_are_of_one_patient_when_and_only_when_images_join_them(
    rows: list[tuple[str, str]],
) -> None:
    image, patient = (tuple(column) for column in zip(*rows, strict=True))
    merged = one_patient_an_image(image, patient)

    joined = [{row} for row in range(len(rows))]
    for one in range(len(rows)):
        for other in range(one):
            if image[one] == image[other] or patient[one] == patient[other]:
                whole = next(g for g in joined if one in g) | next(g for g in joined if other in g)
                joined = [g for g in joined if not g & whole] + [whole]
    for group in joined:
        assert {merged[row] for row in group} == {patient[min(group)]}
    assert len(set(merged)) == len(joined)


def test_a_merged_patient_stands_in_the_split_of_his_first_row(folder: Make) -> None:
    table = "image,id,split,Mass\na,p,test,1\nb,q,train,0\na,r,train,1\nc,r,train,0\n"

    manifest = read_folder(folder(table, MAPPING))

    assert manifest.image == ("a", "b", "c")
    assert manifest.patient == ("p", "q", "p")
    assert manifest.split == ("test", "train", "test")


def test_a_patient_in_two_splits_who_was_not_merged_is_still_refused(folder: Make) -> None:
    table = "image,id,split,Mass\na,p,test,1\nb,p,train,0\n"

    with pytest.raises(ManifestError, match="two splits"):
        read_folder(folder(table, MAPPING))


def test_rows_of_an_image_that_disagree_are_refused(folder: Make) -> None:
    table = "image,id,split,Mass\na,p,test,1\na,r,test,0\n"

    with pytest.raises(ManifestError, match=r"1 row\(s\) .* with other labels"):
        read_folder(folder(table, MAPPING))


def test_unless_the_mapping_says_so_nothing_is_merged(folder: Make) -> None:
    table = "image,id,split,Mass\na,p,test,1\na,r,test,1\n"

    with pytest.raises(ManifestError, match='duplicates = "merged"'):
        read_folder(folder(table, MAPPING.replace('duplicates = "merged"', "")))

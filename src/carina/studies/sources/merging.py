"""Images a table lists more than once: read once, and their patients made one."""

from collections.abc import Sequence

__all__ = ["one_patient_an_image", "places_of_merged"]


def one_patient_an_image(image: Sequence[str], patient: Sequence[str]) -> tuple[str, ...]:
    """Whose each row is, where patients who share an image are the same person.

    The id is that of the first row any of them stands in; sharing may go through a third.

    >>> one_patient_an_image(["a", "b", "a", "c"], ["p", "q", "r", "r"])
    ('p', 'q', 'p', 'p')
    """
    first_of = {one: row for row, one in reversed(list(enumerate(patient)))}
    same = {one: one for one in first_of}

    def root(one: str) -> str:
        while same[one] != one:
            one = same[one]
        return one

    shown: dict[str, str] = {}
    for name, one in zip(image, patient, strict=True):
        pair = (root(shown.setdefault(name, one)), root(one))
        first, second = sorted(pair, key=first_of.__getitem__)
        same[second] = first
    return tuple(root(one) for one in patient)


def places_of_merged(
    before: Sequence[str], after: Sequence[str], split: Sequence[str]
) -> tuple[str, ...]:
    """The split of each row: for a patient merged of several, that of his first row.

    Other patients keep theirs, so one who stands in two splits is still found out.
    """
    ids: dict[str, set[str]] = {}
    first: dict[str, str] = {}
    for old, new, place in zip(before, after, split, strict=True):
        ids.setdefault(new, set()).add(old)
        first.setdefault(new, place)
    return tuple(
        first[new] if len(ids[new]) > 1 else place for new, place in zip(after, split, strict=True)
    )

"""Silence that threads share."""

import warnings
from threading import Barrier, Thread

import pytest

from carina.studies.quiet import quietly


def test_filters_are_what_they_were_once_the_last_of_two_threads_has_left() -> None:
    before = list(warnings.filters)
    both_inside, one_left = Barrier(2), Barrier(2)
    faults: list[Warning] = []

    def first() -> None:
        with quietly():
            both_inside.wait()
        one_left.wait()

    def second() -> None:
        with quietly():
            both_inside.wait()
            one_left.wait()
            try:
                warnings.warn("Smith^7", stacklevel=1)
            except UserWarning as warning:
                faults.append(warning)

    threads = [Thread(target=first), Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    assert list(warnings.filters) == before
    with pytest.warns(UserWarning, match="heard again"):
        warnings.warn("heard again", stacklevel=1)

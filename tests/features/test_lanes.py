"""Batches side by side: in their order, no more of them than keep threads busy, the same bits."""

import threading
from collections.abc import Callable
from pathlib import Path
from time import sleep

import numpy as np
import pytest
import torch

from carina.core import InvalidValue
from carina.encoders import ImageEncoder
from carina.features import Store, encode
from carina.features.lanes import lanes
from carina.studies import Manifest


class Company:
    """Notes how many are at work at once and in how many threads of torch."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.torch_threads: set[int] = set()
        self.lock = threading.Lock()

    def __call__(self, number: int) -> int:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.torch_threads.add(torch.get_num_threads())
        sleep(0.002 * (number % 3))
        with self.lock:
            self.now -= 1
        return number


class Alone:
    """An encoder of somebody's own, which may not bear company."""

    def __init__(self, encoder: ImageEncoder) -> None:
        self.card, self.encode, self.to = encoder.card, encoder.encode, encoder.to


@pytest.mark.parametrize("own", [False, True])
def test_results_come_in_order_and_somebodys_own_encoder_works_alone(
    own: bool, toy: ImageEncoder
) -> None:
    company, threads = Company(), torch.get_num_threads()
    with lanes(Alone(toy) if own else toy, company, threads=3) as several:
        came = [one for number in range(40) for one in several.give(number)]
        assert len(came) >= 40 - several.most
        came += several.rest()

    assert came == list(range(40))
    assert company.most == (1 if own else 3)
    assert company.torch_threads == {threads if own else 1}
    assert torch.get_num_threads() == threads


def test_a_fault_is_raised_where_results_are_taken_and_threads_end(toy: ImageEncoder) -> None:
    def fails(number: int) -> int:
        raise InvalidValue(f"number {number}")

    before = threading.active_count()
    with pytest.raises(InvalidValue, match="number 0"), lanes(toy, fails, threads=2) as several:
        [*several.give(0), *several.rest()]
    assert threading.active_count() == before


def test_the_same_bytes_whatever_the_threads(
    films: Path, read_films: Callable[[Path], Manifest], toy: ImageEncoder, tmp_path: Path
) -> None:
    manifest, found = read_films(films), []
    for workers, torch_threads in ((1, 1), (1, 2), (3, 2)):
        before = torch.get_num_threads()
        torch.set_num_threads(torch_threads)
        store = Store(tmp_path / f"{workers}-{torch_threads}")
        list(encode(manifest, toy, store, batch=2, workers=workers))
        torch.set_num_threads(before)
        (segment,) = store.segments(toy.card)
        found.append((segment.images, segment.array("pooled").copy()))

    for images, pooled in found[1:]:
        assert images == found[0][0]
        assert np.array_equal(pooled.view(np.uint32), found[0][1].view(np.uint32))

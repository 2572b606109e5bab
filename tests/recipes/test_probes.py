"""Named probes, and classes that exclude each other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from carina.core import ConfigError, InvalidValue, UnknownName, write_json
from carina.evaluation import Part, Scores, class_accuracy
from carina.features import Store
from carina.learning import Heads, HeadTraining, Ridge
from carina.recipes import PROBES, AtShare, Probe, Probed, find_probe, prepare_probe, probe
from carina.studies import LabelSpace, Manifest


@pytest.mark.parametrize("name", PROBES)
def test_a_named_probe_is_found_and_reads_back_from_json(name: str, tmp_path: Path) -> None:
    write_json(tmp_path / "recipe.json", PROBES[name]())

    assert find_probe(name) == find_probe(str(tmp_path / "recipe.json"))
    assert find_probe(name).name == name


def test_a_misspelt_name_and_a_strange_file_are_told() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'probe-covidx'"):
        find_probe("probe-covid")
    with pytest.raises(ConfigError, match=r"got a \.csv file"):
        find_probe("films.csv")


def test_rates_and_batches_are_the_authors_at_each_share() -> None:
    def told(name: str) -> list[tuple[float, float, int]]:
        recipe = PROBES[name]()
        heads = [recipe.at(share) for share in recipe.shares]
        assert all(isinstance(by, HeadTraining) and by.epochs == 100 for by in heads)
        return [
            (by.rate, by.weight_decay, by.batch) for by in heads if isinstance(by, HeadTraining)
        ]

    assert told("probe-rsna") == [(5e-5, 1e-4, 128), (5e-5, 1e-4, 512), (5e-5, 1e-4, 512)]
    assert told("probe-covidx") == [(5e-4, 0.05, 512), (5e-4, 0.05, 512), (1e-4, 1e-4, 512)]


def test_a_share_apart_is_learned_in_its_own_way_and_the_others_are_as_without_it(
    manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    whole = Probe(
        name="small", encoders=("toy-image",), by=Ridge(betas=(0.0,)), shares=(0.5, 1.0),
        draws=2, resamples=100,
    )  # fmt: skip
    other = replace(whole, apart=(AtShare(share=1.0, by=Heads(balanced=True)),))
    read = prepare_probe(whole, manifest, store)
    features = read.labelled.features
    noise = torch.randn(features.shape, generator=torch.Generator().manual_seed(0))
    noisy = features + 1.5 * features.std(dim=0) * noise
    ready = replace(read, labelled=replace(read.labelled, features=noisy))
    found = []
    for recipe in (whole, other, replace(whole, by=Heads(balanced=True))):
        *_, last = probe(recipe, ready, tmp_path)
        assert isinstance(last, Probed)
        found.append([share.means["auroc"] for share in last.results.shares])

    assert found[1] == [found[0][0], found[2][1]]
    assert found[0][1] != found[2][1]


def test_a_share_apart_that_is_no_share_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"one of the probe's, told once; got \[0\.2\]"):
        Probe(name="x", encoders=("e",), apart=(AtShare(share=0.2, by=HeadTraining()),))


def answered(difference: list[list[float]]) -> Scores:
    """Answers to films of one class each, but for the last, of which nothing is known."""
    said = np.array([np.full_like(difference, np.nan), difference])
    target = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 0]], dtype=bool)
    known = np.array([[True] * 3] * 4 + [[False] * 3])
    return Scores(
        part=Part(
            name="test",
            images=tuple("abcde"),
            patients=np.array([0, 1, 2, 3, 4]),
            target=target,
            known=known,
            unseen=None,
        ),
        space=LabelSpace(names=("No Finding", "Non-COVID-19 Pneumonia", "COVID-19")),
        experiences=("all",),
        difference=said,
        positive=np.full_like(said, np.nan),
        probability=np.full_like(said, np.nan),
        decision=np.full_like(said, np.nan),
    )


def test_the_class_answered_highest_is_right_or_not_and_a_class_not_learned_is_never_chosen() -> (
    None
):
    nan = float("nan")
    one = answered([[3, 1, 2], [-1, -0.5, -2], [0, 0, 1], [0, 1, 0], [9, 9, 9]])
    two = answered([[3, 1, nan], [0, 1, nan], [0, 1, nan], [2, 1, nan], [9, 9, nan]])
    rng = np.random.default_rng(0)
    first, second, both = (
        class_accuracy(some, one.space.names, draws=100, rng=rng)
        for some in ([one], [two], [one, two])
    )

    assert (first.value, second.value, both.value) == (0.75, 0.75, 0.75)
    assert class_accuracy([one], one.space.names[:2], draws=100, rng=rng).value == pytest.approx(
        2 / 3  # the film of the third class is of neither
    )
    assert first.n == 4

from dataclasses import replace

import numpy as np
import pytest
import torch

from carina.core import ConfigError
from carina.learning import SLCA, Setting
from carina.learning.strategies.slca import _added, _root
from carina.testing import drawn_view, part_of
from tests.learning.tuned import BASE, one_by_one, said, taught


def test_its_sums_add_up_whatever_the_parts() -> None:
    view = drawn_view(rows=60, known=0.7)
    whole = _added({}, view)
    first, second = (part_of(view, rows=rows) for rows in torch.arange(60).reshape(2, 30))
    parts = _added(_added({}, first), second)

    assert parts.keys() == whole.keys()
    for name, tensor in whole.items():
        # patients are a lower bound only, and come last
        at_least = tensor if name == "sums/outer" else tensor[:-1]
        torch.testing.assert_close(parts[name].reshape(tensor.shape)[: len(at_least)], at_least)


def test_what_it_draws_has_the_covariance_of_the_films() -> None:
    view = drawn_view(rows=200)
    root = _root(_added({}, view))
    expected = np.cov(view.features.double().numpy().T, bias=True)

    torch.testing.assert_close(root @ root.T, torch.from_numpy(expected), rtol=0, atol=1e-8)


def test_aligned_findings_are_still_told_apart_where_plain_fine_tuning_forgets() -> None:
    views = [
        part_of(drawn_view(seed=seed, rows=120), labels=(label,))
        for seed, label in enumerate(drawn_view().labels)
    ]
    base = replace(BASE, rate=3e-2, steps=40)
    apart = []
    for strategy in (base, SLCA(base=base, steps=60)):
        scores = said(taught(strategy, *views), views[0])[:, 0]
        present = views[0].target[:, 0]
        apart.append(float((scores[present].mean() - scores[~present].mean()) / scores.std()))

    assert apart[1] > apart[0] + 0.1


def test_it_says_how_few_patients_stand_behind_a_sum() -> None:
    view = one_by_one(rows=20)[0]
    learner = taught(SLCA(base=BASE), view)
    present = view.target[:, 0]
    fewest = min(len(set(view.patients[rows].tolist())) for rows in (present, ~present))

    assert learner.fewest_patients == fewest
    assert not taught(SLCA(base=BASE)).fewest_patients


def test_it_wants_prompts_as_all_that_tunes_adaptors_does() -> None:
    with pytest.raises(ValueError, match="text encoder"):
        taught(SLCA(base=BASE), setting=Setting(image_dim=12))


def test_a_slowness_that_stops_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"slow=0\.0"):
        SLCA(slow=0.0)

"""A cache of films: which are kept, how they score, what is chosen, what fine-tuning does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from carina.adaptors import CacheReadout
from carina.core import ConfigError, Mismatch
from carina.learning import Learned, Learner, Setting, TipAdapter, begin, follow, kept
from carina.learning.strategies.ridge import text_directions
from carina.learning.strategies.summing import folds_of, unit
from carina.streams import View
from carina.testing import drawn_view, part_of

SHARED = Setting(image_dim=12, text_dim=12, shared_space=True)
APART = Setting(image_dim=12)
FIXED = TipAdapter(shots=5, alphas=(1.0,), betas=(5.5,))


def taught(strategy: TipAdapter, *views: View, setting: Setting = SHARED) -> Learner:
    learner = begin(strategy, setting, seed=0)
    for _, event in follow(strategy, setting, views, seed=0):
        if isinstance(event, Learned):
            learner = event.learner
    return learner


def cache(learner: Learner) -> CacheReadout:
    assert isinstance(learner.readout, CacheReadout)
    return learner.readout


def kept_of(view: View, column: int, shots: int) -> list[int]:
    """Places of the films of lowest code of either class, by rising code."""
    few = list[int]()
    for wanted in (True, False):
        mine = view.known[:, column] & (view.target[:, column] == wanted)
        few += sorted(mine.nonzero()[:, 0].tolist(), key=lambda row: int(view.images[row]))[:shots]
    return sorted(few, key=lambda row: int(view.images[row]))


def test_of_either_class_the_films_of_lowest_code_are_kept_and_each_counts_once() -> None:
    view = drawn_view(rows=60, known=0.8)
    learner = taught(FIXED, view)
    every = [kept_of(view, column, 5) for column in range(3)]
    films = {row for rows in every for row in rows}

    for column, rows in enumerate(every):
        assert torch.equal(cache(learner).keys[column], unit(view.features[rows].double()))
    assert learner.patient_rows == len(films) < sum(map(len, every))
    assert sorted(learner.carried["rows/images"].tolist()) == sorted(
        view.images[list(films)].tolist()
    )
    assert learner.single_patients
    assert kept(learner).bytes["rows"] > 3 * 10 * 12 * 8


def test_a_score_is_the_likeness_to_those_with_it_less_that_to_those_without() -> None:
    view = drawn_view(("effusion",), rows=40)
    learner = taught(FIXED, view)
    keys = unit(view.features.double())
    near = (5.5 * (keys @ keys.T - 1)).exp()
    places = kept_of(view, 0, 5)
    positive = view.target[places, 0]
    likeness = near[:, places]
    wanted = likeness[:, positive].mean(dim=1) - likeness[:, ~positive].mean(dim=1)
    wanted += keys @ text_directions(SHARED, view.prompts, view.labels)[0]

    torch.testing.assert_close(cache(learner)(view.features).difference[:, 0], wanted)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 999), by_class=st.booleans())
def test_the_same_films_are_kept_in_whatever_order_they_come(seed: int, by_class: bool) -> None:
    view = drawn_view(seed=seed, rows=40, known=0.7)
    rng = np.random.default_rng(seed)
    part = torch.from_numpy(rng.integers(3, size=40))
    cut = (
        [part_of(view, labels=(label,)) for label in view.labels]
        if by_class
        else [part_of(view, rows=part == number) for number in range(3)]
    )
    joint, steps = taught(FIXED, view), taught(FIXED, *[cut[at] for at in rng.permutation(3)])
    order = [steps.labels.index(label) for label in view.labels]

    for name in ("keys", "values", "text"):
        assert torch.equal(getattr(cache(joint), name), getattr(cache(steps), name)[order])
    assert steps.patient_rows == joint.patient_rows


def test_a_film_whose_label_was_put_right_has_the_later_one() -> None:
    view = drawn_view(("effusion",), rows=8)
    right = replace(view, target=~view.target)

    assert torch.equal(cache(taught(FIXED, view, right)).keys, cache(taught(FIXED, right)).keys)
    assert torch.equal(cache(taught(FIXED, view, right)).values, cache(taught(FIXED, right)).values)


def test_alpha_and_beta_are_those_of_the_largest_auroc_out_of_fold() -> None:
    view = drawn_view(("effusion",), rows=80, known=0.9)
    strategy = TipAdapter(shots=12, alphas=(0.1, 1.0, 30.0), betas=(0.5, 4.0, 40.0))
    learner = taught(strategy, view)
    known = view.known[:, 0]
    rows, target = unit(view.features[known].double()), view.target[known, 0]
    fold = folds_of(view.patients[known], folds=5, salt="tip")
    among = part_of(view, rows=known)
    places = np.array(kept_of(among, 0, 12))
    text = rows @ text_directions(SHARED, view.prompts, view.labels)[0]
    worth = {}
    for beta in strategy.betas:
        for alpha in strategy.alphas:
            scores = np.zeros(len(rows))
            for part in range(5):
                away = places[fold[places] != part]
                near = (beta * (rows[fold == part] @ rows[away].T - 1)).exp()
                here = target[away]
                said = near[:, here].mean(dim=1) - near[:, ~here].mean(dim=1)
                scores[fold == part] = (text[fold == part] + alpha * said).numpy()
            worth[beta, alpha] = roc_auc_score(target.numpy(), scores)
    beta, alpha = max(worth, key=lambda pair: worth[pair])

    assert learner.notes["beta"] == {"effusion": beta}
    assert learner.notes["alpha"] == {"effusion": alpha}
    assert learner.notes["held_out_auroc"] == {"effusion": pytest.approx(worth[beta, alpha])}


def test_without_zero_shot_the_cache_scores_alone() -> None:
    view = drawn_view()
    learner = taught(TipAdapter(shots=5), replace(view, prompts=None), setting=APART)

    assert not cache(learner).text.any()
    assert learner.notes["alpha"] == dict.fromkeys(view.labels, 1.0)


def test_positives_alone_are_looked_for_by_likeness_to_them() -> None:
    view = drawn_view(("effusion",), rows=60)
    positives = part_of(view, rows=view.target[:, 0])
    scores = cache(taught(FIXED, positives, setting=APART))(view.features).difference[:, 0]

    assert roc_auc_score(view.target[:, 0].numpy(), scores.numpy()) > 0.8


def test_fine_tuning_moves_the_keys_of_the_findings_shown_and_the_loss_goes_down() -> None:
    views = [drawn_view(("effusion",), seed=1), drawn_view(("edema",), seed=2)]
    plain, tuned = taught(FIXED, *views), taught(replace(FIXED, steps=20, rate=0.05), *views)
    first = taught(replace(FIXED, steps=20, rate=0.05), views[0])
    losses = [
        event.loss
        for steps in (1, 20)
        for event in replace(FIXED, steps=steps, rate=0.05).learn(
            begin(FIXED, SHARED, seed=0), views[0], rng=np.random.default_rng(0)
        )
        if not isinstance(event, Learned)
    ]

    assert losses[1] is not None
    assert losses[0] is not None
    assert losses[1] < losses[0]
    assert not torch.equal(cache(plain).keys, cache(tuned).keys)
    assert torch.equal(cache(first).keys[0], cache(tuned).keys[0])
    assert torch.equal(plain.carried["rows/features"], tuned.carried["rows/features"])


def test_features_of_another_encoder_and_a_shared_space_without_prompts_are_refused() -> None:
    with pytest.raises(Mismatch, match="12 wide, this learner was begun for 9"):
        taught(FIXED, drawn_view(), setting=Setting(image_dim=9))
    with pytest.raises(Mismatch, match="no prompts"):
        taught(FIXED, replace(drawn_view(), prompts=None))


@pytest.mark.parametrize(
    "given",
    [{"shots": 0}, {"steps": -1}, {"rate": 0.0}, {"folds": 1}, {"alphas": ()}, {"betas": (0.0,)}],
)
def test_settings_without_sense_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"1 film or more|above 0"):
        TipAdapter(**given)  # type: ignore[arg-type]

"""What keeps rows of patients: memory, replay, RCLP and the cumulative bound; and pseudo-labels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import ConfigError
from carina.learning import RCLP, Cumulative, Heads, PseudoLabels, Replay, Strategy, begin, kept
from carina.learning.strategies.memory import memory_in, merged, no_memory, remembered
from carina.learning.strategies.pseudo import guessed, thresholds_after
from carina.learning.strategies.tuning import cells_of
from carina.measures import best_f1
from carina.streams import Held, View
from carina.testing import drawn_view, part_of
from tests.learning.tuned import BASE, SHARED, one_by_one, readout, said, taught, weights

WHOLE = drawn_view(rows=40, known=0.6)


@given(
    st.lists(
        st.tuples(
            st.sets(st.integers(0, 39), min_size=1),
            st.sets(st.sampled_from(WHOLE.labels), min_size=1),
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=40, deadline=None)
def test_however_films_come_each_stands_once_with_all_that_was_said_of_it(
    parts: list[tuple[set[int], set[str]]],
) -> None:
    memory, told = no_memory(12), torch.zeros_like(WHOLE.known)
    for rows, labels in parts:
        names = tuple(sorted(labels))
        picked = torch.tensor(sorted(rows))
        memory = merged(memory, part_of(WHOLE, rows=picked, labels=names))
        for name in names:
            told[picked, WHOLE.labels.index(name)] = True
    place = [WHOLE.images.tolist().index(code) for code in memory.images.tolist()]
    columns = [WHOLE.labels.index(name) for name in memory.labels]

    assert sorted(place) == sorted(set().union(*(rows for rows, _ in parts)))
    assert torch.equal(memory.features, WHOLE.features[place])
    assert torch.equal(memory.known, (WHOLE.known & told)[place][:, columns])
    assert torch.equal(memory.target > 0, (WHOLE.target & told)[place][:, columns])


def test_what_is_said_last_of_a_cell_counts() -> None:
    view = part_of(drawn_view(rows=10), labels=("edema",))
    other = replace(view, target=~view.target)

    assert torch.equal(merged(merged(no_memory(12), view), other).target > 0, other.target)


def test_memory_comes_back_from_what_is_carried_and_soft_cells_stay_soft() -> None:
    view = drawn_view(rows=10, known=0.5)
    view = replace(view, soft=torch.where(view.known, torch.nan, torch.tensor(0.25)))
    memory = merged(no_memory(12), view)
    back = memory_in(remembered(memory), memory.labels, 12).view(view)
    assert back.soft is not None
    assert view.soft is not None

    assert torch.equal(back.known, view.known)
    assert torch.equal(back.target, view.target)
    torch.testing.assert_close(back.soft, view.soft, equal_nan=True)


@pytest.mark.parametrize("strategy", [Replay(base=BASE), RCLP(base=BASE), PseudoLabels(base=BASE)])
def test_the_first_experience_is_plain_fine_tuning(strategy: Strategy) -> None:
    view = one_by_one()[0]

    assert torch.equal(weights(taught(strategy, view)), weights(taught(BASE, view)))


@pytest.mark.parametrize("strategy", [Replay(base=BASE, share=0.2), RCLP(base=BASE, share=0.2)])
def test_it_keeps_its_share_of_each_experience_and_says_so(strategy: Strategy) -> None:
    learner = taught(strategy, drawn_view(seed=0, rows=50), drawn_view(seed=1, rows=30))

    assert learner.patient_rows == 10 + 6
    assert learner.single_patients
    assert kept(learner).patient_rows == 16
    assert kept(learner).bytes["rows"] == 16 * (12 * 4 + 3 * 4 + 2 * 3 + 2 * 8)


def test_a_rehearsed_finding_is_still_told_apart_where_plain_fine_tuning_forgets() -> None:
    views = [
        part_of(drawn_view(seed=seed, rows=120), labels=(label,))
        for seed, label in enumerate(drawn_view().labels)
    ]
    present = views[0].target[:, :1].float()
    cost = [
        float(F.binary_cross_entropy_with_logits(said(taught(strategy, *views), views[0]), present))
        for strategy in (BASE, Replay(base=BASE, share=0.5))
    ]

    assert cost[1] < cost[0] - 0.1


def test_guesses_fill_open_cells_only_and_only_where_there_is_a_threshold() -> None:
    view = drawn_view(rows=60, known=0.5)
    teacher = readout(taught(BASE, view))
    cells = cells_of(view, teacher)
    filled = guessed(cells, teacher, {"edema": 0.3})
    column = view.labels.index("edema")
    with torch.inference_mode():
        scores = teacher.compared(cells.rows.all()).difference[:, column]
    open_cells = ~cells.known[:, column]

    assert torch.equal(filled.target[~open_cells, column], cells.target[~open_cells, column])
    assert torch.equal(filled.target[open_cells, column] > 0, scores[open_cells] >= 0.3)
    assert filled.known[:, column].all()
    others = [at for at in range(3) if at != column]
    assert torch.equal(filled.known[:, others], cells.known[:, others])


def test_a_threshold_is_of_best_f1_on_validation_rows_and_stays_where_a_class_is_missing() -> None:
    view, other = drawn_view(seed=0), drawn_view(seed=1)
    model = readout(taught(BASE, view))
    held = Held(rows=other.rows, target=other.target, known=other.known)
    only = replace(view, held=replace(held, target=held.target & torch.tensor([True, True, False])))
    cuts = thresholds_after({"nodule": 9.0}, model, only)
    with torch.inference_mode():
        scores = model(other.features).difference[:, 0].double().numpy()

    assert cuts["nodule"] == 9.0
    wanted = best_f1(scores, other.target[:, 0].numpy()).threshold
    np.testing.assert_allclose(cuts["effusion"], wanted, rtol=1e-5)


def test_the_cumulative_bound_ends_where_joint_training_does() -> None:
    view = drawn_view(rows=120, known=0.8)
    by_class = [part_of(view, labels=(label,)) for label in view.labels]
    by_data = [part_of(view, rows=rows) for rows in torch.arange(120).reshape(3, 40)]
    heads = Heads(penalties=(0.3, 1.0))
    joint = taught_head(heads, view)

    for views in (by_class, by_data):
        torch.testing.assert_close(taught_head(Cumulative(of=heads), *views), joint)


def test_the_cumulative_bound_of_adaptors_asks_all_findings_met() -> None:
    learner = taught(Cumulative(of=BASE), *one_by_one())

    assert readout(learner).labels == drawn_view().labels
    assert learner.notes["optimiser_steps"] == 3 * 12
    assert learner.patient_rows == 120


def test_shares_that_keep_nothing_or_more_than_all_are_refused() -> None:
    for strategy in (Replay, RCLP):
        for share in (0.0, 1.5):
            with pytest.raises(ConfigError, match=str(share)):
                strategy(share=share)


def taught_head(strategy: Strategy, *views: View) -> torch.Tensor:
    learner = begin(strategy, SHARED, seed=1)
    for view in views:
        *_, last = strategy.learn(learner, view, rng=np.random.default_rng(0))
        learner = last.learner  # type: ignore[union-attr]
    assert learner.readout is not None
    return learner.readout(drawn_view(seed=5).features).difference

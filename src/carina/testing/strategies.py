"""What every strategy owes, as a class of tests that its author subclasses.

class TestMine(StrategyContract):
    strategy = Mine()
    keeps_untouched = True
"""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from carina.adaptors import pack
from carina.core import fingerprint, generator, salted
from carina.features import FeatureRows, PromptVectors
from carina.learning import (
    Learned,
    Learner,
    Retracts,
    Setting,
    Strategy,
    begin,
    follow,
    kept,
    learn_one,
    load_learner,
    passed_over,
    save_learner,
)
from carina.streams import View
from carina.studies import LabelSpace

__all__ = ["StrategyContract", "drawn_view", "part_of"]

DIM = 12
"""Width of drawn features and prompts, which share a space."""


def drawn_view(
    labels: tuple[str, ...] = ("effusion", "edema", "nodule"),
    *,
    seed: int = 0,
    rows: int = 60,
    known: float = 1.0,
) -> View:
    """A view of drawn features in which every finding has a direction, and prompts point there.

    Args:
        labels: Its findings.
        seed: Of features, labels and gaps; views of two seeds have no image or patient in common.
        rows: Images, two a patient.
        known: Share of known cells.
    """
    rng = generator(seed, "drawn view")
    directions = np.stack([generator(0, "direction", name).normal(size=DIM) for name in labels])
    present = rng.random((rows, len(labels))) < 0.4
    told = rng.random((rows, len(labels))) < known
    features = rng.normal(size=(rows, DIM)) + 1.5 * present @ directions
    wobble = generator(0, "wobble").normal(size=(2, DIM)) / 4
    codes = [salted(f"{seed} {row}", "drawn") for row in range(rows)]
    return View(
        name=f"drawn {seed}",
        labels=labels,
        rows=FeatureRows(pool=torch.from_numpy(features).float()),
        target=torch.from_numpy(present & told),
        known=torch.from_numpy(told),
        patients=torch.tensor([codes[row // 2] for row in range(rows)], dtype=torch.int64),
        images=torch.tensor(codes, dtype=torch.int64),
        prompts=PromptVectors(
            space=LabelSpace(names=labels),
            positive=torch.from_numpy(directions[:, None] + wobble).float(),
            negative=torch.from_numpy(wobble - directions[:, None]).float(),
            bank="drawn",
            encoder="drawn",
        ),
    )


def part_of(
    view: View,
    *,
    rows: torch.Tensor | None = None,
    labels: tuple[str, ...] | None = None,
    cells: torch.Tensor | None = None,
) -> View:
    """Some rows, findings and known cells of a view.

    Args:
        view: All of it.
        rows: Row numbers or a mask; None keeps all.
        labels: Findings; None keeps all.
        cells: Cells of the whole view that stay known; None keeps all.
    """
    known = view.known if cells is None else view.known & cells
    names = view.labels if labels is None else labels
    columns = [view.labels.index(name) for name in names]
    picked = torch.arange(len(known)) if rows is None else rows
    return replace(
        view,
        labels=names,
        rows=FeatureRows(pool=view.features[picked]),
        target=(view.target & known)[picked][:, columns],
        known=known[picked][:, columns],
        patients=view.patients[picked],
        images=view.images[picked],
        soft=None if view.soft is None else _part_of_soft(view.soft, cells)[picked][:, columns],
        prompts=None if view.prompts is None else view.prompts.of(names),
    )


def _part_of_soft(soft: torch.Tensor, cells: torch.Tensor | None) -> torch.Tensor:
    return soft if cells is None else soft.where(cells, torch.nan)


class StrategyContract:
    """What every strategy owes. A plugin subclasses this and gives `strategy`.

    Attributes:
        strategy: What is tested.
        setting: In which it is; drawn views fit the default, where zero-shot is possible.
        keeps_untouched: Whether findings keep their scores to the bit while others are learned.
        keeps_patients: Whether rows of single patients are kept, as replay does.
    """

    strategy: ClassVar[Strategy]
    setting: ClassVar[Setting] = Setting(image_dim=DIM, text_dim=DIM, shared_space=True)
    keeps_untouched: ClassVar[bool]
    keeps_patients: ClassVar[bool] = False

    def test_it_is_a_strategy(self) -> None:
        assert isinstance(self.strategy, Strategy)

    def test_learning_leaves_the_old_learner_alone(self) -> None:
        first, second = self._views()[:2]
        old = self._learned(begin(self.strategy, self.setting, seed=3), first, 0)
        before = bits(old)
        new = self._learned(old, second, 1)

        assert bits(old) == before
        assert bits(new) != before

    def test_the_learner_comes_last_and_once(self) -> None:
        learner = begin(self.strategy, self.setting, seed=3)
        events = list(learn_one(self.strategy, learner, self._views()[0], seed=3, index=0))

        assert [isinstance(event, Learned) for event in events] == [False] * (len(events) - 1) + [
            True
        ]

    def test_the_same_seed_gives_the_same_numbers(self) -> None:
        assert bits(self._followed()) == bits(self._followed())

    def test_findings_are_met_in_order_and_stay_where_they_are(self) -> None:
        met: tuple[str, ...] = ()
        for learner, view in zip(self._each(), self._views(), strict=True):
            new = tuple(name for name in view.labels if name not in met)

            assert learner.labels.names == met + new
            assert learner.readout is not None
            assert learner.readout.labels == learner.labels.names
            met = learner.labels.names

    def test_a_break_changes_nothing(self, tmp_path: Path) -> None:
        views = self._views()
        half = self._each()[1]
        save_learner(tmp_path / "half", half)
        back = load_learner(tmp_path / "half", setting=self.setting)
        assert bits(back) == bits(half)

        for index, view in enumerate(views[2:], start=2):
            back = self._learned(back, view, index)
        assert bits(back) == bits(self._followed())

    def test_what_is_not_known_does_not_matter(self) -> None:
        view = drawn_view(known=0.6)
        lied = replace(view, target=view.target | ~view.known)
        blank = begin(self.strategy, self.setting, seed=3)

        assert bits(self._learned(blank, view, 0)) == bits(self._learned(blank, lied, 0))

    def test_scores_are_numbers_even_without_positives_or_any_known_cell(self) -> None:
        view = drawn_view(rows=20)
        learner = begin(self.strategy, self.setting, seed=3)
        for index, odd in enumerate(
            [
                replace(view, target=torch.zeros_like(view.target)),
                replace(view, target=torch.ones_like(view.target)),
                replace(view, target=torch.zeros_like(view.target), known=~view.known),
            ]
        ):
            learner = self._learned(learner, odd, index)

            assert torch.isfinite(scores(learner, view)).all()

    def test_a_finding_in_words_alone_has_a_score_or_is_not_met(self) -> None:
        whole = drawn_view(("effusion", "nodule"), rows=20)
        nobody = torch.tensor([], dtype=torch.int64)
        words = replace(part_of(whole, rows=nobody, labels=("nodule",)), text_only=True)
        learner = begin(self.strategy, self.setting, seed=3)
        learner = self._learned(learner, part_of(whole, labels=("effusion",)), 0)
        after = self._learned(learner, words, 1)

        if passed_over(self.strategy, learner, words):
            assert bits(after) == bits(learner)
        else:
            assert after.labels.names == whole.labels
            assert torch.isfinite(scores(after, whole)).all()

    def test_what_is_taken_back_was_never_learned_if_it_takes_back(self) -> None:
        one, other = drawn_view(seed=1), drawn_view(seed=2)
        learner = begin(self.strategy, self.setting, seed=3)
        never = self._learned(learner, one, 0)
        after = self._learned(self._learned(never, other, 1), replace(other, retracts=True), 2)

        if isinstance(self.strategy, Retracts):
            torch.testing.assert_close(scores(after, one), scores(never, one))
        else:
            assert passed_over(self.strategy, never, replace(other, retracts=True))

    def test_it_tells_what_it_keeps(self) -> None:
        learner = self._followed()
        tensors = {} if learner.readout is None else pack(learner.readout)[1]

        assert kept(learner).total == sum(
            tensor.nbytes for tensor in [*tensors.values(), *learner.carried.values()]
        )

    def test_it_says_whether_it_keeps_rows_of_patients(self) -> None:
        learner = self._followed()
        wide = [
            tensor
            for name, tensor in learner.carried.items()
            if name.startswith("rows/") and tensor.ndim == 2 and tensor.shape[1] == DIM
        ]

        assert (learner.patient_rows > 0) == self.keeps_patients
        assert sum(map(len, wide)) == learner.patient_rows
        assert learner.single_patients or not self.keeps_patients

    def test_findings_that_an_experience_does_not_show_keep_their_scores_if_promised(self) -> None:
        view = drawn_view(seed=9)
        first = self._learned(
            begin(self.strategy, self.setting, seed=3), part_of(view, labels=view.labels[:2]), 0
        )
        second = self._learned(first, part_of(view, labels=view.labels[2:]), 1)
        same = torch.equal(scores(first, view), scores(second, view)[:, :2])

        assert same == self.keeps_untouched

    def _views(self) -> list[View]:
        """Four experiences: one finding, two new ones, an old one again, all with gaps."""
        whole = [drawn_view(seed=seed, known=0.8) for seed in range(4)]
        shown = [("effusion",), ("edema", "nodule"), ("effusion",), ("effusion", "edema", "nodule")]
        return [part_of(view, labels=labels) for view, labels in zip(whole, shown, strict=True)]

    def _learned(self, learner: Learner, view: View, index: int) -> Learner:
        *_, last = learn_one(self.strategy, learner, view, seed=3, index=index)
        assert isinstance(last, Learned)
        return last.learner

    def _each(self) -> list[Learner]:
        events = follow(self.strategy, self.setting, self._views(), seed=3)
        return [event.learner for _, event in events if isinstance(event, Learned)]

    def _followed(self) -> Learner:
        return self._each()[-1]


def bits(learner: Learner) -> dict[str, object]:
    """All of a learner, comparable to the last bit."""
    plain, tensors = ({}, {}) if learner.readout is None else pack(learner.readout)
    tensors |= {f"carried {name}": tensor for name, tensor in learner.carried.items()}
    return {
        "labels": learner.labels.names,
        "readout": plain,
        "calibration": fingerprint(dict(learner.calibration)),
        "notes": fingerprint(learner.notes),
        "patients": (learner.fewest_patients, learner.single_patients, learner.patient_rows),
        **{name: (str(t.dtype), t.numpy().tobytes()) for name, t in tensors.items()},
    }


def scores(learner: Learner, view: View) -> torch.Tensor:
    """What a learner says of a view's rows, (rows, findings met)."""
    assert learner.readout is not None
    with torch.inference_mode():
        return learner.readout(view.features).difference

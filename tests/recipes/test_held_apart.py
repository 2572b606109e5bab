"""A recipe without folds learns from train alone, and chooses on val."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from carina.cards import write_run_card
from carina.core import InvalidValue, read_json
from carina.evaluation import VALIDATION, Scores, read_scores
from carina.features import Store
from carina.learning import Heads
from carina.measures import best_f1
from carina.recipes import Continual, Finished, Prepared, bundle_of, prepare, run
from carina.streams import AllAtOnce, ByClass
from carina.studies import Manifest, Split


@pytest.fixture(scope="module")
def halved(manifest: Manifest) -> Manifest:
    """The hospital with every second patient of train in val."""
    whose = {patient: at for at, patient in enumerate(dict.fromkeys(manifest.patient))}
    moved = [
        Split.VAL if split == Split.TRAIN and whose[patient] % 2 else split
        for split, patient in zip(manifest.split, manifest.patient, strict=True)
    ]
    return replace(manifest, split=tuple(moved))


@pytest.fixture(scope="module")
def without_folds(recipe: Continual) -> Continual:
    """By logistic heads, whose calibration needs films that they did not learn from."""
    return replace(recipe, strategy=Heads(), plan=AllAtOnce(), folds=0)


@pytest.fixture(scope="module")
def apart(without_folds: Continual, halved: Manifest, store: Store) -> Prepared:
    return prepare(without_folds, halved, store)


@pytest.fixture(scope="module")
def done(
    without_folds: Continual, apart: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    return finished(without_folds, apart, tmp_path_factory.mktemp("runs"))


def finished(recipe: Continual, prepared: Prepared, out: Path) -> Finished:
    *_, last = run(recipe, prepared, out)
    assert isinstance(last, Finished)
    return last


def scores(done: Finished, prepared: Prepared) -> dict[str, Scores]:
    names = tuple(experience.name for experience in done.results.experiences)
    return read_scores(done.folder / "scores.parquet", names, prepared.labelled.space)


def test_val_is_scored_and_not_learned_from(
    apart: Prepared, halved: Manifest, done: Finished
) -> None:
    tables = scores(done, apart)
    val, train = halved.rows(Split.VAL), halved.rows(Split.TRAIN)

    assert set(tables) == {VALIDATION, "test"}
    assert tables[VALIDATION].part.images == tuple(apart.digests[row] for row in val)
    assert apart.learn.tolist() == train.tolist()
    assert done.results.held_apart
    assert done.results.out_of_fold.images == len(val)
    assert sum(done.results.positives.values()) == apart.labelled.target[train].sum()


def test_other_labels_on_val_move_thresholds_and_no_score(
    without_folds: Continual, apart: Prepared, done: Finished, tmp_path: Path
) -> None:
    target = apart.labelled.target.copy()
    target[apart.apart] = ~target[apart.apart]
    turned = replace(apart, labelled=replace(apart.labelled, target=target), manifest_digest="t")
    before = scores(done, apart)["test"]
    after = scores(finished(without_folds, turned, tmp_path), apart)["test"]

    np.testing.assert_array_equal(after.difference, before.difference)
    assert (after.decision[-1] != before.decision[-1]).any()


def test_the_threshold_is_the_best_of_val(apart: Prepared, done: Finished) -> None:
    part, last = (table := scores(done, apart)[VALIDATION]).part, table.difference[-1]
    steps = read_json(done.folder / "rules.json", dict)["steps"]

    for column, rule in enumerate(steps[-1]):
        best = best_f1(last[:, column], part.target[:, column])
        assert rule["points"][0]["threshold"] == best.threshold


def test_one_finding_at_a_time_each_is_chosen_on_its_own_val_films(
    without_folds: Continual, apart: Prepared, tmp_path: Path
) -> None:
    results = finished(replace(without_folds, plan=ByClass()), apart, tmp_path).results

    assert all(results.summary[name][results.headline].defined for name in ("f1", "brier"))


def test_card_and_bundle_say_where_it_was_chosen(done: Finished) -> None:
    write_run_card(done.folder)
    card = (done.folder / "card.html").read_text()
    bundle, _ = bundle_of(done.folder)

    assert "out of fold" not in card.lower()
    assert "val, held apart" in card
    assert {rule.rule for rule in bundle.rules} == {"best F1 on val"}


def test_without_a_film_in_val_there_is_nothing_to_choose_on(
    without_folds: Continual, manifest: Manifest, store: Store
) -> None:
    rest = manifest.take(manifest.rows(Split.TRAIN, Split.TEST))

    with pytest.raises(InvalidValue, match=r"no usable film.*Put patients in val, or give"):
        prepare(without_folds, rest, store)


def test_one_fold_is_none() -> None:
    with pytest.raises(InvalidValue, match=r"2 folds or more \(or 0, which holds val apart"):
        Continual(name="one", encoders=("toy-image",), folds=1)

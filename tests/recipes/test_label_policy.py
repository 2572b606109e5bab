"""A recipe's label policy: what is learned from, what is scored, and what stays as it was."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from carina.core import fingerprint, generator
from carina.features import Store
from carina.learning import Heads, RETune, Ridge, StrategyConfig
from carina.recipes import Continual, Finished, find_recipe, prepare, run
from carina.studies import POLICIES, Manifest, Presence, Uncertain

QUICK = RETune(rate=1e-2, batch=32, steps=5, epochs=None)


@pytest.fixture(scope="module")
def doubted(manifest: Manifest) -> Manifest:
    """The hospital, with a third of its label cells in doubt."""
    doubt = generator(0, "doubt").random(manifest.labels.shape) < 1 / 3
    labels = np.where(doubt, np.int8(Presence.UNCERTAIN), manifest.labels)
    return replace(manifest, labels=labels.astype(np.int8))


def test_a_recipe_that_names_no_policy_keeps_the_fingerprint_it_had_before_there_were_names(
    recipe: Continual,
) -> None:
    old = {each.name: getattr(recipe, each.name) for each in fields(recipe)}
    old["policy"] = {"kind": "LabelPolicy", "uncertain": "ignored", "unmentioned": "ignored"}

    assert recipe.fingerprint == fingerprint({"kind": "Continual", **old, "name": ""})
    assert replace(recipe, policy=POLICIES["ones"]).fingerprint != recipe.fingerprint


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ('policy = "chexpert"\n', "chexpert"),
        ('[policy]\nuncertain = "absent"\nunmentioned = "absent"\n', "zeros"),
        ('[policy]\nuncertain = "soft"\nvalue = 0.7\nunmentioned = "absent"\n', "soft"),
        ("", "asserted"),
    ],
)
def test_a_recipe_file_names_its_policy_or_writes_it_out(
    said: str, name: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    head = 'name = "mine"\nencoders = ["toy-image"]\n'
    table = '[strategy]\nkind = "Ridge"\n'
    whole = head + said + table if said.startswith("policy") else head + table + said
    path.write_text(whole)

    assert find_recipe(str(path), {}).policy == POLICIES[name]


def test_every_policy_scores_the_same_certain_cells(
    recipe: Continual, doubted: Manifest, store: Store
) -> None:
    prepared = {
        name: prepare(replace(recipe, policy=POLICIES[name]), doubted, store)
        for name in ("asserted", "ignore", "zeros", "ones", "soft")
    }
    sure = prepared["asserted"].labelled.known
    for one in prepared.values():
        assert (one.certain == sure).all()
    assert (prepared["ones"].labelled.known.sum()) == sure.size
    assert prepared["soft"].labelled.soft is not None
    assert (np.isnan(prepared["soft"].labelled.soft) == sure).all()


@pytest.mark.parametrize(
    "strategy", [Ridge(), Heads(), QUICK], ids=lambda strategy: type(strategy).__name__
)
def test_soft_labels_are_learned_from_and_never_scored(
    strategy: StrategyConfig, recipe: Continual, doubted: Manifest, store: Store, tmp_path: Path
) -> None:
    results = {}
    for name in ("asserted", "soft"):
        chosen = replace(recipe, strategy=strategy, policy=POLICIES[name])
        *_, last = run(chosen, prepare(chosen, doubted, store), tmp_path)
        assert isinstance(last, Finished)
        results[name] = last.results
    plain, soft = (results[name].scores["auroc"][-1] for name in ("asserted", "soft"))
    for finding, estimate in plain.items():
        assert (soft[finding].n, soft[finding].positives) == (estimate.n, estimate.positives)
        assert soft[finding].value is not None
    assert results["soft"].scores != results["asserted"].scores
    assert results["soft"].plan_id != results["asserted"].plan_id
    assert results["soft"].summary["f1"][results["soft"].headline].defined  # so it has thresholds


def test_the_policy_of_a_run_is_read_back_from_its_folder(
    recipe: Continual, doubted: Manifest, store: Store, tmp_path: Path
) -> None:
    chosen = replace(recipe, policy=POLICIES["chexpert"])
    *_, last = run(chosen, prepare(chosen, doubted, store), tmp_path)
    assert isinstance(last, Finished)

    assert find_recipe(str(last.folder / "recipe.json"), {}) == chosen
    assert chosen.policy.of("Edema").uncertain is Uncertain.PRESENT

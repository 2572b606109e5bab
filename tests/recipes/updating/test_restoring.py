"""A learner comes back from its bundle and goes on, to the bit, as the run's would."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from carina.adaptors import Linear, RidgeAlignment, Sides
from carina.bundles import read_bundle, read_state, write_bundle
from carina.core import InvalidValue, Mismatch, digest_file
from carina.features import Store
from carina.learning import (
    Heads,
    Learned,
    Learner,
    RETune,
    Ridge,
    StrategyConfig,
    learn_one,
    leaving,
    load_learner,
    load_setting,
    save_learner,
    save_setting,
)
from carina.recipes import bundle_of, home_of, prepare, restored
from carina.streams import AllAtOnce, View, lay_out, view
from carina.studies import Manifest

QUICK = RETune(
    sides=Sides(adaptor=Linear(out=8)),
    rate=1e-2,
    batch=32,
    steps=5,
    epochs=None,
    learn_scale=True,
    noise=0.1,
)
CASES: list[tuple[StrategyConfig, str]] = [
    (Ridge(), ""),
    (Ridge(), "toy-text"),
    (Heads(), ""),
    (QUICK, "toy-text"),
]
each = pytest.mark.parametrize(
    ("strategy", "text"), CASES, ids=lambda one: type(one).__name__ if one else "no text"
)


def digests(learner: Learner, folder: Path) -> list[str]:
    save_learner(folder, learner)
    return [digest_file(path) for path in sorted(folder.iterdir())]


def learned(learner: Learner, seen: View, strategy: StrategyConfig, index: int) -> Learner:
    *_, last = learn_one(strategy, learner, seen, seed=27, index=index)
    assert isinstance(last, Learned)
    return last.learner


@each
def test_a_restored_learner_learns_the_next_experience_as_the_run_would(
    strategy: StrategyConfig,
    text: str,
    taught: Callable[..., Path],
    hospital_data: Manifest,
    tmp_path: Path,
) -> None:
    folder = taught(strategy, text=text)
    bundle, state = home_of(folder) or bundle_of(folder, updatable=True)
    write_bundle(tmp_path / "bundle", bundle, state=state)
    back = restored(read_bundle(tmp_path / "bundle"), read_state(tmp_path / "bundle"))
    setting = load_setting(folder / "setting")
    own = leaving(load_learner(folder / "learners" / "003", setting=setting)).home

    assert back.lived == 3
    assert digests(back.learner, tmp_path / "back") == digests(own, tmp_path / "own")

    prepared = prepare(back.recipe, hospital_data, Store(folder.parents[1] / "store"))
    nobody = prepared.test[:0]
    ground = prepared.labelled.ground(rows=prepared.test, validation=nobody, digest="")
    (experience,) = lay_out(AllAtOnce(), ground).experiences
    seen = view(experience, prepared.labelled)
    after = learned(back.learner, seen, back.recipe.strategy, back.lived)

    assert digests(after, tmp_path / "after") == digests(
        learned(own, seen, strategy, 3), tmp_path / "owns"
    )
    assert digests(after, tmp_path / "after") != digests(own, tmp_path / "own")


def test_an_alignment_comes_back(taught: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(taught(QUICK, text="toy-text"), folder)
    rng = torch.Generator().manual_seed(0)
    setting = load_setting(folder / "setting")
    alignment = RidgeAlignment(
        weight=torch.randn(setting.text_dim, setting.image_dim, generator=rng),
        image_mean=torch.randn(setting.image_dim, generator=rng),
        text_mean=torch.randn(setting.text_dim, generator=rng),
        penalty=0.1,
        explained=0.2,
        pairs=9,
        patients=8,
        image_encoder="image",
        text_encoder="text",
        data="data",
    )
    last = folder / "learners" / "003"
    learner = load_learner(last, setting=setting)
    aligned = replace(setting, shared_space=False, alignment=alignment)
    save_setting(folder / "setting", aligned)
    save_learner(last, replace(learner, setting=aligned))
    bundle, state = bundle_of(folder, updatable=True)
    write_bundle(tmp_path / "bundle", bundle, state=state)
    back = restored(bundle, read_state(tmp_path / "bundle")).learner.setting

    assert back.alignment is not None
    assert back.alignment.fingerprint == alignment.fingerprint
    assert not back.shared_space


def test_without_update_state_the_next_step_is_told(taught: Callable[..., Path]) -> None:
    bundle, state = bundle_of(taught(Ridge()))
    with pytest.raises(InvalidValue, match="--updatable"):
        restored(bundle, state)


def test_state_of_an_earlier_carina_is_told(taught: Callable[..., Path]) -> None:
    bundle, state = bundle_of(taught(Ridge()), updatable=True)
    assert state is not None
    notes = {name: note for name, note in state.notes.items() if name != "recipe"}
    with pytest.raises(Mismatch, match="earlier carina"):
        restored(bundle, replace(state, notes=notes))

"""What a run reads before it learns."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from carina.adaptors import Linear, Sides
from carina.encoders import UNKNOWN_SOURCE, Exposure
from carina.features import Store
from carina.learning import RETune, Ridge, StrategyConfig
from carina.recipes import Continual, Finished, Prepared, prepare, run
from carina.studies import POLICIES, LabelSpace, Manifest, joined

QUICK = RETune(sides=Sides(adaptor=Linear(out=8)), rate=1e-2, batch=32, steps=5, epochs=None)


def with_exposure(store: Store, root: Path, exposure: Exposure) -> Store:
    """A copy of the store whose encoder says what it has seen."""
    shutil.copytree(store.root, root)
    copied = Store(root)
    copied.admit(replace(copied.card("toy-image"), exposed_to=(exposure,)))
    return copied


def test_weights_of_which_nothing_is_known_may_have_seen_every_film(
    recipe: Continual, manifest: Manifest, store: Store, prepared: Prepared, tmp_path: Path
) -> None:
    own = Exposure(source=UNKNOWN_SOURCE, what="weights of the user's")
    exposed = prepare(recipe, manifest, with_exposure(store, tmp_path / "store", own))

    assert prepared.unseen is None
    assert exposed.exposed[0] == "weights of the user's"
    assert exposed.unseen is not None
    assert not exposed.unseen.any()


def test_what_weights_have_seen_of_other_data_is_no_exposure(
    recipe: Continual, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    elsewhere = Exposure(source="circles", what="all of them")
    apart = prepare(recipe, manifest, with_exposure(store, tmp_path / "store", elsewhere))

    assert apart.unseen is None
    assert not any(apart.exposed)


def two_hospitals(manifest: Manifest, root: Path) -> Manifest:
    """The films twice, as of two data sets; the second labels one finding fewer."""
    names = ("Cardiomegaly", "Edema")
    other = replace(
        manifest,
        source="circles",
        space=LabelSpace(names=names),
        labels=manifest.labels[:, manifest.space.indices(names)],
    )
    return joined({"one": manifest, "two": other}, root)


def test_weights_that_saw_one_data_set_leave_the_films_of_the_other_unseen(
    recipe: Continual, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    own = Exposure(source="squares", what="all of them")
    both = two_hospitals(manifest, tmp_path)
    ready = prepare(recipe, both, with_exposure(store, tmp_path / "store", own))

    assert ready.exposed[0] == "all of them"
    assert ready.unseen is not None
    assert ready.unseen.tolist() == [source == "circles" for source in both.sources]


def test_what_one_data_set_never_labels_is_unknown_on_its_films_whatever_the_policy(
    recipe: Continual, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    both = two_hospitals(manifest, tmp_path)
    ready = prepare(replace(recipe, policy=POLICIES["zeros"]), both, store)
    column = ready.labelled.space.index("Pneumothorax")
    theirs = np.array([source == "circles" for source in both.sources])

    assert not ready.labelled.known[theirs, column].any()
    assert not ready.certain[theirs, column].any()
    assert ready.labelled.known[~theirs, column].all()
    assert set(ready.labelled.sites) == {"squares", "circles"}


def test_label_columns_nobody_learns_stand_beside_the_others(
    recipe: Continual, manifest: Manifest, store: Store
) -> None:
    ready = prepare(replace(recipe, findings=("Edema",)), manifest, store)
    column = manifest.space.index("Pneumothorax")

    assert set(ready.labelled.others) == {"Cardiomegaly", "Pneumothorax"}
    assert np.array_equal(
        ready.labelled.others["Pneumothorax"].target, manifest.labels[:, column] == 1
    )


def test_days_and_sites_come_along_where_the_table_has_them(
    recipe: Continual, manifest: Manifest, store: Store
) -> None:
    days = tuple(f"2019-01-{1 + row % 28:02}" for row in range(len(manifest)))
    plain = prepare(recipe, manifest, store).ground()
    dated = prepare(recipe, replace(manifest, date=days), store).ground()

    assert plain.sites == plain.dates == ()
    assert dated.dates == days


@pytest.mark.parametrize(
    "strategy", [QUICK, replace(QUICK, normalise=True), Ridge()], ids=["plain", "even", "ridge"]
)
def test_features_on_disk_give_the_same_scores(
    strategy: StrategyConfig, recipe: Continual, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    asked = replace(recipe, strategy=strategy)
    found = []
    for name, folder in (("memory", None), ("disk", tmp_path / "disk")):
        ready = prepare(asked, manifest, store, on_disk=folder)
        assert (ready.labelled.features.untyped_storage().filename is None) == (folder is None)
        *_, done = run(asked, ready, tmp_path / name)
        assert isinstance(done, Finished)
        found.append((done.folder / "scores.parquet").read_bytes())

    assert found[0] == found[1]

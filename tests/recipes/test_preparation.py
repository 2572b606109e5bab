"""What a run reads before it learns."""

import shutil
from dataclasses import replace
from pathlib import Path

from carina.encoders import UNKNOWN_SOURCE, Exposure
from carina.features import Store
from carina.recipes import Continual, Prepared, prepare
from carina.studies import Manifest


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

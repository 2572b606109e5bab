"""A recipe that names a prompt bank by its path: its texts name the run, its place does not."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from carina.adaptors import TemplateBank, load_bank
from carina.core import MissingFile, to_json
from carina.features import Store
from carina.recipes import Continual, Finished, Prepared, bundle_of, prepare, run, run_name
from carina.studies import Manifest


def bank(folder: Path, text: str = "Seen: {finding}") -> str:
    """A file of one prompt a side, by path."""
    folder.mkdir()
    shipped = load_bank("retune-1")
    assert isinstance(shipped, TemplateBank)
    (folder / "mine.json").write_text(to_json(replace(shipped, name="mine", positive=(text,))))
    return str(folder / "mine.json")


def named(
    recipe: Continual, prompts: str, manifest: Manifest, store: Store
) -> tuple[str, Prepared]:
    own = replace(recipe, prompts=prompts)
    prepared = prepare(own, manifest, store)
    return run_name(own, prepared), prepared


def test_the_same_texts_elsewhere_are_the_same_run_and_others_another(
    recipe: Continual, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    first, _ = named(recipe, bank(tmp_path / "a"), manifest, store)
    moved, _ = named(recipe, bank(tmp_path / "b"), manifest, store)
    told, _ = named(recipe, bank(tmp_path / "c", "Noted: {finding}"), manifest, store)
    shipped, _ = named(recipe, "retune-4", manifest, store)

    assert first == moved
    assert len({first, told, shipped}) == 3


def test_shipped_banks_stay_apart_by_name(recipe: Continual) -> None:
    assert replace(recipe, prompts="retune-1").fingerprint != recipe.fingerprint


def test_a_bundle_does_not_tell_where_the_bank_lay(
    recipe: Continual, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    own = replace(recipe, prompts=bank(tmp_path / "Plantagenet"))
    *_, last = run(own, prepare(own, manifest, store), tmp_path / "runs")
    assert isinstance(last, Finished)
    _, state = bundle_of(last.folder, updatable=True)

    assert state is not None
    assert state.notes["recipe"]["prompts"] == "mine.json"
    assert "Plantagenet" not in json.dumps(dict(state.notes))


def test_a_path_to_no_bank_is_told_before_anything_is_learned(
    recipe: Continual, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    with pytest.raises(MissingFile):
        named(recipe, str(tmp_path / "none"), manifest, store)

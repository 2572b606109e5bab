"""Bundles on disk: the same bits back, or one clear refusal."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from carina.adaptors import (
    AdaptorConfig,
    AllPairs,
    CrossModalConfig,
    LinearReadout,
    PretrainedAdaptor,
)
from carina.bundles import Bundle, UpdateState, read_bundle, read_state, write_bundle
from carina.bundles.files import SavedBundle
from carina.core import (
    ConfigError,
    InvalidValue,
    Mismatch,
    MissingFile,
    UnreadableFile,
    digest_bytes,
    to_json,
)

Make = Callable[..., Bundle]
SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "reference" / "bundle.schema.json"


def files(bundle: Bundle) -> set[str]:
    """Those of a bundle without an update state."""
    beneath = {"pretrained.safetensors"} if bundle.pretrained is not None else set()
    return {"bundle.json", "adaptor.safetensors", "card.md"} | beneath


def test_the_schema_knows_every_form_of_an_adaptor() -> None:
    forms = json.loads(SCHEMA.read_text())["$defs"]["sides"]["properties"]["adaptor"]["oneOf"]
    told = {form["properties"]["kind"]["const"]: {*form["properties"]} - {"kind"} for form in forms}

    assert told == {
        kind.__name__: {field.name for field in fields(kind)} for kind in get_args(AdaptorConfig)
    }


def test_the_schema_knows_every_form_of_a_pretrained_adaptor_that_embeds() -> None:
    over = json.loads(SCHEMA.read_text())["$defs"]["pretrained"]["properties"]["adaptor"]
    told = {
        form["properties"]["kind"]["const"]: {*form["properties"]} - {"kind"}
        for form in over["properties"]["config"]["oneOf"]
    }

    assert told == {
        kind.__name__: {field.name for field in fields(kind)}
        for kind in get_args(CrossModalConfig)
        if kind is not AllPairs
    }


def edited(folder: Path, **changes: Any) -> None:
    """Change a bundle's JSON and put its digest right, as another carina could have written it."""
    path = folder / "bundle.json"
    plain = {**json.loads(path.read_text()), **changes, "digest": ""}
    plain["digest"] = digest_bytes(to_json(plain).encode())
    path.write_text(to_json(plain))


def test_written_and_read_it_predicts_the_same_bits(tmp_path: Path, bundle: Bundle) -> None:
    write_bundle(tmp_path / "b", bundle)
    back = read_bundle(tmp_path / "b")
    features = torch.randn(70, 32, generator=torch.Generator().manual_seed(5))

    assert torch.equal(back.answer(features).difference, bundle.answer(features).difference)
    assert back.fingerprint == bundle.fingerprint
    for name in ("rules", "encoders", "text_encoder", "lineage", "auroc", "intended_use"):
        assert getattr(back, name) == getattr(bundle, name)


def test_the_same_bundle_is_the_same_files(tmp_path: Path, bundle: Bundle) -> None:
    write_bundle(tmp_path / "one", bundle)
    write_bundle(tmp_path / "two", read_bundle(tmp_path / "one"))

    for name in files(bundle):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_update_state_is_written_on_request_alone(
    tmp_path: Path, bundle: Bundle, state: UpdateState
) -> None:
    state = replace(state, withheld={"Hernia": "too few"})
    write_bundle(tmp_path / "without", bundle)
    write_bundle(tmp_path / "with", bundle, state=state)
    back = read_state(tmp_path / "with")

    assert {path.name for path in (tmp_path / "without").iterdir()} == files(bundle)
    assert read_state(tmp_path / "without") is None
    assert {path.name for path in (tmp_path / "with").iterdir()} == {
        *files(bundle),
        "state.safetensors",
    }
    assert back is not None
    assert back.tensors.keys() == state.tensors.keys()
    assert all(torch.equal(back.tensors[name], state.tensors[name]) for name in state.tensors)
    assert (back.notes, back.fewest_patients, back.single_patients) == (state.notes, 7, False)
    assert back.withheld == {"Hernia": "too few"}
    assert back.bytes == {"optimiser": 8, "sums": 16 * 8}
    assert read_bundle(tmp_path / "with").fingerprint == bundle.fingerprint


def test_a_bundle_without_state_takes_the_place_of_one_with(
    tmp_path: Path, bundle: Bundle, state: UpdateState
) -> None:
    write_bundle(tmp_path, bundle, state=state)
    write_bundle(tmp_path, bundle)

    assert {path.name for path in tmp_path.iterdir()} == files(bundle)


def test_whether_it_may_stem_from_one_patient_is_read_back(tmp_path: Path, make: Make) -> None:
    for said in (True, False):
        write_bundle(tmp_path, make(single_patients=said))
        assert read_bundle(tmp_path).single_patients is said


@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@pytest.mark.parametrize("name", ["bundle.json", "adaptor.safetensors", "pretrained.safetensors"])
def test_a_flipped_bit_is_never_read(flipped: Path, name: str, place: float, bit: int) -> None:
    path = flipped / name
    whole = path.read_bytes()
    torn = bytearray(whole)
    torn[int(place * len(torn))] ^= 1 << bit
    path.write_bytes(torn)
    try:
        with pytest.raises(UnreadableFile, match=name):
            read_bundle(flipped)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", ["bundle.json", "adaptor.safetensors", "state.safetensors"])
@pytest.mark.parametrize("kept", [0, 7, -1])
def test_a_file_that_is_cut_off_is_refused(
    tmp_path: Path, bundle: Bundle, state: UpdateState, name: str, kept: int
) -> None:
    write_bundle(tmp_path, bundle, state=state)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(UnreadableFile, match="Copy the bundle anew"):
        (read_state if name == "state.safetensors" else read_bundle)(tmp_path)


@pytest.mark.parametrize("name", ["adaptor.safetensors", "state.safetensors"])
def test_a_missing_file_is_named(
    tmp_path: Path, bundle: Bundle, state: UpdateState, name: str
) -> None:
    write_bundle(tmp_path, bundle, state=state)
    (tmp_path / name).unlink()

    with pytest.raises(MissingFile, match=f"{name} beside it is not"):
        (read_state if name == "state.safetensors" else read_bundle)(tmp_path)


def test_another_bundles_tensors_are_refused(tmp_path: Path, make: Make) -> None:
    one = make()
    assert isinstance(one.readout, LinearReadout)
    moved = replace(one.readout, bias=one.readout.bias + 1)
    write_bundle(tmp_path / "one", one)
    write_bundle(tmp_path / "other", make(readout=moved))
    tensors = (tmp_path / "other" / "adaptor.safetensors").read_bytes()
    (tmp_path / "one" / "adaptor.safetensors").write_bytes(tensors)

    with pytest.raises(UnreadableFile, match="not as it was written"):
        read_bundle(tmp_path / "one")


def test_another_adaptor_in_its_place_is_refused(
    tmp_path: Path, adapted: Bundle, other_adaptor: PretrainedAdaptor
) -> None:
    """As long to the byte, and it would answer."""
    write_bundle(tmp_path / "one", adapted)
    write_bundle(tmp_path / "other", replace(adapted, pretrained=other_adaptor))
    place = tmp_path / "one" / "pretrained.safetensors"
    whole = place.read_bytes()
    place.write_bytes((tmp_path / "other" / "pretrained.safetensors").read_bytes())
    assert place.stat().st_size == len(whole)

    with pytest.raises(UnreadableFile, match=r"pretrained\.safetensors is not as it was written"):
        read_bundle(tmp_path / "one")
    place.write_bytes(whole[:-1])
    with pytest.raises(
        UnreadableFile, match=r"pretrained\.safetensors has .* Copy the bundle anew"
    ):
        read_bundle(tmp_path / "one")
    place.unlink()
    with pytest.raises(MissingFile, match=r"pretrained\.safetensors beside it is not"):
        read_bundle(tmp_path / "one")


def test_a_bundle_from_before_there_were_adaptors_is_read(tmp_path: Path, make: Make) -> None:
    write_bundle(tmp_path, make())
    path = tmp_path / "bundle.json"
    plain = json.loads(path.read_text())
    del plain["pretrained"]
    plain["digest"] = digest_bytes(to_json({**plain, "digest": ""}).encode())
    path.write_text(to_json(plain))

    assert read_bundle(tmp_path).fingerprint == make().fingerprint
    assert not list(Draft202012Validator(json.loads(SCHEMA.read_text())).iter_errors(plain))


def test_a_folder_that_is_none_or_something_else_says_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"no folder .*carina bundle RUN"):
        read_bundle(tmp_path / "nowhere")
    with pytest.raises(MissingFile, match=r"no bundle\.json in it"):
        read_bundle(tmp_path)
    (tmp_path / "results.json").touch()
    with pytest.raises(MissingFile, match=r"is a run\. .*carina bundle"):
        read_bundle(tmp_path)
    (tmp_path / "bundle.json").write_text('{"name": "a web page"}')
    with pytest.raises(UnreadableFile, match="not one that carina wrote"):
        read_bundle(tmp_path)


def test_another_form_is_told_from_damage(tmp_path: Path, bundle: Bundle) -> None:
    write_bundle(tmp_path, bundle)
    edited(tmp_path, schema_version=2, something_new=1)

    with pytest.raises(Mismatch, match="of form 2; this carina reads 1"):
        read_bundle(tmp_path)


def test_an_unknown_key_names_its_neighbour(tmp_path: Path, bundle: Bundle) -> None:
    write_bundle(tmp_path, bundle)
    edited(tmp_path, linage=[])

    with pytest.raises(ConfigError, match=r"no key 'linage'\. Did you mean 'lineage'"):
        read_bundle(tmp_path)


def test_somebodys_other_files_are_never_replaced(tmp_path: Path, bundle: Bundle) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InvalidValue, match="something other than a bundle"):
        write_bundle(tmp_path, bundle)
    with pytest.raises(InvalidValue, match="is a file"):
        write_bundle(tmp_path / "thesis.txt", bundle)
    write_bundle(tmp_path / "b", bundle)
    (tmp_path / "b" / "notes.txt").touch()
    with pytest.raises(InvalidValue, match="something other than a bundle"):
        write_bundle(tmp_path / "b", bundle)

    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    assert {path.name for path in tmp_path.iterdir()} == {"thesis.txt", "b"}


def test_a_fault_while_writing_leaves_the_old_bundle(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make()
    write_bundle(tmp_path / "b", old)

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("carina.bundles.files.bundle_card", full)
    with pytest.raises(OSError, match="No space"):
        write_bundle(tmp_path / "b", make(intended_use="new"))

    assert read_bundle(tmp_path / "b").fingerprint == old.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_files_are_as_the_published_schema_says(
    tmp_path: Path, bundle: Bundle, state: UpdateState
) -> None:
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for given_state in (None, state):
        write_bundle(tmp_path, bundle, state=given_state)
        assert not list(validator.iter_errors(json.loads((tmp_path / "bundle.json").read_text())))

    assert set(schema["properties"]) == {field.name for field in fields(SavedBundle)}
    edited(tmp_path, extra=1)
    assert list(validator.iter_errors(json.loads((tmp_path / "bundle.json").read_text())))

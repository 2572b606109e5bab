"""Bundles on disk: JSON and safetensors, whole or not at all, every byte accounted for."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from carina.adaptors import (
    PretrainedAdaptor,
    pack,
    pack_pretrained,
    unpack,
    unpack_pretrained,
    unshared,
)
from carina.bundles.bundle import AnswerRule, Bundle, Lesson, UpdateState
from carina.bundles.card import bundle_card
from carina.core import (
    Estimate,
    InvalidValue,
    Mismatch,
    MissingFile,
    UnreadableFile,
    digest_bytes,
    digest_file,
    fingerprint,
    partial_folder,
    to_json,
    write_bytes,
    write_text,
)
from carina.core import load as load_plain
from carina.encoders import EncoderCard

__all__ = [
    "SCHEMA_VERSION",
    "SavedBundle",
    "copy_bundle",
    "digest_of_files",
    "read_bundle",
    "read_state",
    "write_bundle",
]

T = TypeVar("T")
SCHEMA_VERSION = 1
"""Of the form of ``bundle.json``; a bundle of another is refused."""
_PLAIN, _ADAPTOR, _PRETRAINED, _STATE, _CARD = (
    "bundle.json",
    "adaptor.safetensors",
    "pretrained.safetensors",
    "state.safetensors",
    "card.md",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFile:
    """A file beside ``bundle.json``."""

    bytes: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPretrained:
    """A `PretrainedAdaptor` but for its tensors.

    Attributes:
        file: Of the tensors.
        adaptor: What `pack_pretrained` leaves beside them.
    """

    file: SavedFile
    adaptor: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """An `UpdateState` but for its tensors."""

    file: SavedFile
    notes: dict[str, Any]
    fewest_patients: int | None
    single_patients: bool
    withheld: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedBundle:
    """``bundle.json``: a `Bundle` but for its tensors.

    Attributes:
        schema_version: Of this form.
        digest: Of this very file with "" in the place of the digest; the same in every version.
        fingerprint: The bundle's.
        readout: What `pack` leaves beside the tensors.
        adaptor: The file of the readout's tensors.
        pretrained: The frozen Adaptor, where a run stood on one.
        state: The update state, where somebody asked for it.
    """

    schema_version: int
    digest: str
    fingerprint: str
    intended_use: str
    readout: dict[str, Any]
    rules: tuple[AnswerRule, ...]
    encoders: tuple[EncoderCard, ...]
    text_encoder: EncoderCard | None
    lineage: tuple[Lesson, ...]
    auroc: dict[str, Estimate]
    single_patients: bool
    adaptor: SavedFile
    state: SavedState | None
    pretrained: SavedPretrained | None = None


def write_bundle(folder: Path, bundle: Bundle, *, state: UpdateState | None = None) -> None:
    """Write a bundle with its card; a bundle that is there is replaced once all of it is written.

    Args:
        folder: Where to.
        bundle: What predicts.
        state: What learning on needs; left out unless asked for.

    Raises:
        InvalidValue: where something other than a bundle stands in the folder.
    """
    folder = folder.resolve()
    _check_free(folder)
    plain, tensors = pack(bundle.readout)
    adaptor = save(tensors)
    over = None if bundle.pretrained is None else pack_pretrained(bundle.pretrained)
    beneath = None if over is None else save(over[1])
    carried = None if state is None else save(unshared(state.tensors))
    saved = SavedBundle(
        schema_version=SCHEMA_VERSION,
        digest="",
        fingerprint=bundle.fingerprint,
        intended_use=bundle.intended_use,
        readout=plain,
        rules=bundle.rules,
        encoders=bundle.encoders,
        text_encoder=bundle.text_encoder,
        lineage=bundle.lineage,
        auroc=dict(bundle.auroc),
        single_patients=bundle.single_patients,
        adaptor=_told(adaptor),
        state=None
        if state is None or carried is None
        else SavedState(
            file=_told(carried),
            notes=dict(state.notes),
            fewest_patients=state.fewest_patients,
            single_patients=state.single_patients,
            withheld=dict(state.withheld),
        ),
        pretrained=None
        if over is None or beneath is None
        else SavedPretrained(file=_told(beneath), adaptor=over[0]),
    )
    saved = replace(saved, digest=digest_bytes(to_json(saved).encode()))
    with partial_folder(folder) as partial:
        write_bytes(partial / _ADAPTOR, adaptor)
        if beneath is not None:
            write_bytes(partial / _PRETRAINED, beneath)
        if carried is not None:
            write_bytes(partial / _STATE, carried)
        write_text(partial / _CARD, bundle_card(bundle, state))
        write_text(partial / _PLAIN, to_json(saved))


def read_bundle(folder: Path) -> Bundle:
    """The bundle that `write_bundle` wrote; it predicts the same bits.

    Raises:
        MissingFile: where there is no bundle.
        UnreadableFile: where a byte is not the one that was written.
        Mismatch: where it was written in another form.
        ConfigError: where its values are not a bundle's.
    """
    return _of_one(folder, lambda saved: _bundle(folder, saved))


def read_state(folder: Path) -> UpdateState | None:
    """The update state beside a bundle, or None where it was written without.

    Raises:
        MissingFile, UnreadableFile, Mismatch, ConfigError: as `read_bundle`.
    """
    return _of_one(folder, lambda saved: _state(folder, saved))


def _of_one(folder: Path, read: Callable[[SavedBundle], T]) -> T:
    """What is read of a bundle that may be replaced meanwhile: all of it from one, never from two."""
    while True:
        saved = _saved(folder)
        try:
            return read(saved)
        except (MissingFile, UnreadableFile):
            if _saved(folder).digest == saved.digest:
                raise


def _bundle(folder: Path, saved: SavedBundle) -> Bundle:
    return Bundle(
        readout=unpack(saved.readout, _tensors(folder / _ADAPTOR, saved.adaptor)),
        rules=saved.rules,
        encoders=saved.encoders,
        text_encoder=saved.text_encoder,
        pretrained=_pretrained(folder, saved.pretrained),
        lineage=saved.lineage,
        auroc=saved.auroc,
        single_patients=saved.single_patients,
        intended_use=saved.intended_use,
    )


def _pretrained(folder: Path, saved: SavedPretrained | None) -> PretrainedAdaptor | None:
    if saved is None:
        return None
    return unpack_pretrained(saved.adaptor, _tensors(folder / _PRETRAINED, saved.file))


def _state(folder: Path, saved: SavedBundle) -> UpdateState | None:
    state = saved.state
    if state is None:
        return None
    return UpdateState(
        tensors=_tensors(folder / _STATE, state.file),
        notes=state.notes,
        fewest_patients=state.fewest_patients,
        single_patients=state.single_patients,
        withheld=state.withheld,
    )


def digest_of_files(bundle: Path) -> str:
    """A short name for a bundle's files, card and state included; one changed byte changes it."""
    return fingerprint(
        {path.name: digest_file(path) for path in bundle.iterdir() if path.is_file()}
    )


def copy_bundle(bundle: Path, to: Path) -> None:
    """The files of a bundle once more, in a folder that is not there, each on disk."""
    for path in sorted(bundle.iterdir()):
        if path.is_file():
            write_bytes(to / path.name, path.read_bytes())


def _check_free(folder: Path) -> None:
    """Refuse to put a bundle in the place of somebody's other files."""
    if folder.exists() and not folder.is_dir():
        raise InvalidValue(f"{folder.name} is a file; a bundle is a folder. Name another place.")
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if there and (
        _PLAIN not in there or not there <= {_PLAIN, _ADAPTOR, _PRETRAINED, _STATE, _CARD}
    ):
        raise InvalidValue(
            f"The folder {folder.name} holds something other than a bundle, which would be lost. "
            "Name a folder that is empty or not there."
        )


def _told(data: bytes) -> SavedFile:
    return SavedFile(bytes=len(data), digest=digest_bytes(data))


def _saved(folder: Path) -> SavedBundle:
    path = folder / _PLAIN
    if not path.is_file():
        raise MissingFile(_no_bundle(folder))
    try:
        text = path.read_text(encoding="utf-8")
        plain = json.loads(text)
    except (UnicodeDecodeError, ValueError):
        raise UnreadableFile(_changed(_PLAIN)) from None
    if not isinstance(plain, dict) or not {"schema_version", "digest"} <= plain.keys():
        raise UnreadableFile(f"{_PLAIN} of {folder.name} is not one that carina wrote.")
    wanted = digest_bytes(to_json({**plain, "digest": ""}).encode())
    if plain["digest"] != wanted or to_json(plain) != text:
        raise UnreadableFile(_changed(_PLAIN))
    if plain["schema_version"] != SCHEMA_VERSION:
        raise Mismatch(
            f"This bundle is of form {plain['schema_version']}; this carina reads {SCHEMA_VERSION}. "
            "Use the carina it was written with, or bundle the run again: carina bundle RUN --out B."
        )
    return load_plain(plain, SavedBundle, what=_PLAIN)


def _tensors(path: Path, told: SavedFile) -> dict[str, Tensor]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise MissingFile(f"{_PLAIN} is there but {path.name} beside it is not.") from None
    if len(data) != told.bytes:
        raise UnreadableFile(
            f"{path.name} has {len(data)} bytes, wanted {told.bytes}: it is cut off or another "
            "bundle's. Copy the bundle anew."
        )
    if digest_bytes(data) != told.digest:
        raise UnreadableFile(_changed(path.name))
    try:
        return load(data)
    except SafetensorError as error:
        raise UnreadableFile(f"{path.name} is no safetensors file: {error}.") from error


def _changed(name: str) -> str:
    return f"{name} is not as it was written: it is damaged or edited. Copy the bundle anew."


def _no_bundle(folder: Path) -> str:
    make = "Make a bundle: carina bundle RUN --out B."
    if folder.is_file():
        return (
            f"{folder} is a file, and a bundle is a folder, named before the images: "
            "carina predict BUNDLE IMAGE..."
        )
    if not folder.is_dir():
        return f"There is no folder {folder}. {make}"
    if (folder / "results.json").is_file():
        return f"{folder} is a run. Make a bundle of it: carina bundle {folder} --out B."
    if (folder / "adaptor.json").is_file() or (folder / "pretraining.json").is_file():
        return (
            f"{folder} holds an Adaptor, which answers nothing by itself. Run a recipe over it "
            "([align] adaptor = ...) and make a bundle of the run: carina bundle RUN --out B."
        )
    return f"{folder} holds no bundle: there is no {_PLAIN} in it. {make}"

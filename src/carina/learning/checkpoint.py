"""Learners and their settings on disk: safetensors and JSON, whole or not at all, back to the last bit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from carina.adaptors import pack, pack_alignment, unpack, unpack_alignment, unshared
from carina.core import (
    Mismatch,
    MissingFile,
    UnreadableFile,
    digest_file,
    partial_folder,
    read_json,
    write_json,
)
from carina.learning.learner import Learner, Setting
from carina.measures import Sigmoid
from carina.studies import LabelSpace

__all__ = ["checked_tensors", "load_learner", "load_setting", "save_learner", "save_setting"]

_FORMAT = 2
_SETTING_FORMAT = 1
_PLAIN, _TENSORS = "learner.json", "learner.safetensors"
_SETTING, _ALIGNMENT = "setting.json", "alignment.safetensors"
_READOUT, _CARRIED = "readout/", "carried/"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSetting:
    """What tells one `Setting` from another."""

    image_dim: int
    text_dim: int
    shared_space: bool
    alignment: str | None

    @classmethod
    def of(cls, setting: Setting) -> "SavedSetting":
        """Its widths, and its alignment by fingerprint."""
        return cls(
            image_dim=setting.image_dim,
            text_dim=setting.text_dim,
            shared_space=setting.shared_space,
            alignment=None if setting.alignment is None else setting.alignment.fingerprint,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeSetting:
    """A `Setting` but for its alignment's tensors, whose file's digest it knows."""

    format: int
    image_dim: int
    text_dim: int
    shared_space: bool
    alignment: dict[str, Any] | None
    tensors: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedLearner:
    """A `Learner` but for its tensors, whose file's digest it knows."""

    format: int
    setting: SavedSetting
    labels: tuple[str, ...]
    readout: dict[str, Any] | None
    calibration: dict[str, Sigmoid]
    notes: dict[str, Any]
    fewest_patients: int | None
    single_patients: bool
    patient_rows: int
    tensors: str


def save_setting(folder: Path, setting: Setting) -> None:
    """Write a setting, alignment and all; a folder of that name is replaced once it is written."""
    aligned = setting.alignment
    plain, tensors = (None, {}) if aligned is None else pack_alignment(aligned)
    with partial_folder(folder) as partial:
        save_file(tensors, partial / _ALIGNMENT)
        whole = WholeSetting(
            format=_SETTING_FORMAT,
            image_dim=setting.image_dim,
            text_dim=setting.text_dim,
            shared_space=setting.shared_space,
            alignment=plain,
            tensors=digest_file(partial / _ALIGNMENT),
        )
        write_json(partial / _SETTING, whole)


def load_setting(folder: Path) -> Setting:
    """The setting that `save_setting` wrote.

    Raises:
        MissingFile: where it is not there.
        UnreadableFile: where its bytes are not those that were written.
        Mismatch: where it was written in another format.
    """
    whole = read_json(folder / _SETTING, WholeSetting)
    if whole.format != _SETTING_FORMAT:
        raise Mismatch(
            f"This setting is of format {whole.format}; this carina reads {_SETTING_FORMAT}."
        )
    tensors = checked_tensors(folder / _ALIGNMENT, whole.tensors, beside=_SETTING)
    plain = whole.alignment
    return Setting(
        image_dim=whole.image_dim,
        text_dim=whole.text_dim,
        shared_space=whole.shared_space,
        alignment=None if plain is None else unpack_alignment(plain, tensors),
    )


def save_learner(folder: Path, learner: Learner) -> None:
    """Write a learner; a folder of that name is replaced once all of it is written.

    The setting is not written but for what tells it from another.
    """
    plain, tensors = (None, {}) if learner.readout is None else pack(learner.readout)
    every = {f"{_READOUT}{name}": tensor for name, tensor in tensors.items()}
    every |= {f"{_CARRIED}{name}": tensor for name, tensor in learner.carried.items()}
    with partial_folder(folder) as partial:
        save_file(unshared(every), partial / _TENSORS)
        saved = SavedLearner(
            format=_FORMAT,
            setting=SavedSetting.of(learner.setting),
            labels=learner.labels.names,
            readout=plain,
            calibration=dict(learner.calibration),
            notes=dict(learner.notes),
            fewest_patients=learner.fewest_patients,
            single_patients=learner.single_patients,
            patient_rows=learner.patient_rows,
            tensors=digest_file(partial / _TENSORS),
        )
        write_json(partial / _PLAIN, saved)


def load_learner(folder: Path, *, setting: Setting) -> Learner:
    """The learner that `save_learner` wrote.

    Args:
        folder: Where it is.
        setting: The one it was taught in.

    Raises:
        MissingFile: where it is not there.
        UnreadableFile: where its bytes are not those that were written.
        Mismatch: where it was taught in another setting or written in another format.
    """
    saved = read_json(folder / _PLAIN, SavedLearner)
    if saved.format != _FORMAT:
        raise Mismatch(f"This learner is of format {saved.format}; this carina reads {_FORMAT}.")
    if saved.setting != (wanted := SavedSetting.of(setting)):
        raise Mismatch(f"This learner was taught in {saved.setting}, not in {wanted}.")
    tensors = checked_tensors(folder / _TENSORS, saved.tensors, beside=_PLAIN)
    return Learner(
        setting=setting,
        labels=LabelSpace(names=saved.labels),
        readout=None if saved.readout is None else unpack(saved.readout, _under(_READOUT, tensors)),
        calibration=saved.calibration,
        carried=_under(_CARRIED, tensors),
        notes=saved.notes,
        fewest_patients=saved.fewest_patients,
        single_patients=saved.single_patients,
        patient_rows=saved.patient_rows,
    )


def checked_tensors(path: Path, digest: str, *, beside: str) -> dict[str, Tensor]:
    """The tensors of a file that has the digest its neighbour knows."""
    if not path.is_file():
        raise MissingFile(f"{beside} is there but {path.name} beside it is not.")
    if digest_file(path) != digest:
        raise UnreadableFile(f"{path.name} is not the file that {beside} was written with.")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise UnreadableFile(f"{path.name} is no safetensors file: {error}.") from error


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}

"""A pre-trained Adaptor on disk, and where a pre-training stands: safetensors and JSON.

Nothing in either executes. Each folder is whole or not there, and its JSON knows the digest of the
tensors beside it.
"""

from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from carina.adaptors import (
    CrossModalConfig,
    PretrainedAdaptor,
    pack_pretrained,
    unpack_pretrained,
    unshared,
)
from carina.core import Mismatch, digest_file, dump, partial_folder, read_json, write_json
from carina.learning.checkpoint import checked_tensors
from carina.learning.pretraining import Epoch, Standing

__all__ = ["load_adaptor", "load_standing", "save_adaptor", "save_standing"]

_FORMAT = 1
_PLAIN, _TENSORS = "adaptor.json", "adaptor.safetensors"
_STANDING, _STATE = "standing.json", "standing.safetensors"
_BESIDE = ("format", "tensors")  # of `SavedAdaptor`, what the Adaptor itself does not know
_PARTS = ("weights", "best", "optimiser")


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedAdaptor:
    """A `PretrainedAdaptor` but for its tensors, whose file's digest it knows."""

    format: int
    config: CrossModalConfig
    image_dim: int
    text_dim: int
    image_encoder: str
    text_encoder: str
    data: str
    pairs: int
    patients: int
    tensors: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedStanding:
    """A `Standing` but for its tensors, whose file's digest it knows."""

    format: int
    epochs: tuple[Epoch, ...]
    best_epoch: int
    tensors: str


def save_adaptor(folder: Path, adaptor: PretrainedAdaptor) -> None:
    """Write an Adaptor; a folder of that name is replaced once all of it is written."""
    plain, tensors = pack_pretrained(adaptor)
    with partial_folder(folder) as partial:
        save_file(tensors, partial / _TENSORS)
        digest = digest_file(partial / _TENSORS)
        write_json(partial / _PLAIN, {"format": _FORMAT, **plain, "tensors": digest})


def load_adaptor(folder: Path) -> PretrainedAdaptor:
    """The Adaptor that `save_adaptor` wrote.

    Raises:
        MissingFile: where it is not there.
        UnreadableFile: where its bytes are not those that were written.
        Mismatch: where it was written in another format, or its tensors are of another form.
    """
    saved = read_json(folder / _PLAIN, SavedAdaptor)
    _same_format(saved.format, "Adaptor")
    tensors = checked_tensors(folder / _TENSORS, saved.tensors, beside=_PLAIN)
    plain = {name: value for name, value in dump(saved).items() if name not in _BESIDE}
    return unpack_pretrained(plain, tensors)


def save_standing(folder: Path, standing: Standing) -> None:
    """Write where a pre-training stands after an epoch."""
    tensors = {
        f"{part}/{name}": tensor
        for part in _PARTS
        for name, tensor in getattr(standing, part).items()
    }
    with partial_folder(folder) as partial:
        save_file(unshared(tensors), partial / _STATE)
        saved = SavedStanding(
            format=_FORMAT,
            epochs=standing.epochs,
            best_epoch=standing.best_epoch,
            tensors=digest_file(partial / _STATE),
        )
        write_json(partial / _STANDING, saved)


def load_standing(folder: Path) -> Standing:
    """What `save_standing` wrote.

    Raises:
        MissingFile, UnreadableFile, Mismatch: as `load_adaptor`.
    """
    saved = read_json(folder / _STANDING, SavedStanding)
    _same_format(saved.format, "pre-training")
    tensors = checked_tensors(folder / _STATE, saved.tensors, beside=_STANDING)

    def part(name: str) -> dict[str, Tensor]:
        start = f"{name}/"
        return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}

    return Standing(
        epochs=saved.epochs,
        weights=part("weights"),
        best=part("best"),
        best_epoch=saved.best_epoch,
        optimiser=part("optimiser"),
    )


def _same_format(came: int, what: str) -> None:
    if came != _FORMAT:
        raise Mismatch(f"This {what} is of format {came}; this carina reads {_FORMAT}.")

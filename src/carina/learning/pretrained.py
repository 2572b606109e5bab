"""A pre-trained Adaptor on disk, and where a pre-training stands: safetensors and JSON.

Nothing in either executes. Each folder is whole or not there, and its JSON knows the digest of the
tensors beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from carina.adaptors import (
    PretrainedAdaptor,
    pack_pretrained,
    unpack_pretrained,
    unshared,
)
from carina.core import (
    Mismatch,
    MissingFile,
    UnreadableFile,
    digest_bytes,
    digest_file,
    load,
    partial_folder,
    read_json,
    to_json,
    write_json,
)
from carina.learning.checkpoint import checked_tensors
from carina.learning.pretraining import Epoch, Standing

__all__ = ["load_adaptor", "load_standing", "save_adaptor", "save_standing"]

_FORMAT = 1
_PLAIN, _TENSORS = "adaptor.json", "adaptor.safetensors"
_STANDING, _STATE = "standing.json", "standing.safetensors"
_NEAR = (f"adaptor/{_PLAIN}", f"*/adaptor/{_PLAIN}")
_ANEW = "Copy the Adaptor's folder anew, or pre-train it again: carina pretrain."
_PARTS = ("weights", "best", "optimiser")


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedBeside:
    """What the file of an Adaptor holds beside the Adaptor itself.

    Attributes:
        tensors: Digest of the file beside it.
        digest: Of this very file with "" in the place of the digest; "" in one from before there
            were digests.
    """

    format: int
    tensors: str
    digest: str = ""


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
        saved = {"format": _FORMAT, **plain, "tensors": digest, "digest": ""}
        write_json(partial / _PLAIN, {**saved, "digest": _digest(saved)})


def load_adaptor(folder: Path) -> PretrainedAdaptor:
    """The Adaptor that `save_adaptor` wrote.

    Raises:
        MissingFile: where it is not there, with what is.
        UnreadableFile: where its bytes are not those that were written.
        Mismatch: where it was written in another format, or its tensors are of another form.
    """
    path = folder / _PLAIN
    if folder.is_file() or not path.is_file():
        raise MissingFile(_no_adaptor(folder))
    whole: dict[str, Any] = read_json(path, dict)
    names = {each.name for each in fields(SavedBeside)}
    known = {name: value for name, value in whole.items() if name in names}
    saved = load(known, SavedBeside, what=_PLAIN)
    _same_format(saved.format, "Adaptor")
    if saved.digest and saved.digest != _digest({**whole, "digest": ""}):
        raise UnreadableFile(f"{_PLAIN} is not as it was written: it is damaged or edited. {_ANEW}")
    try:
        tensors = checked_tensors(folder / _TENSORS, saved.tensors, beside=_PLAIN)
    except (MissingFile, UnreadableFile) as error:
        raise type(error)(f"{error} {_ANEW}") from None
    return unpack_pretrained({n: each for n, each in whole.items() if n not in names}, tensors)


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


def _digest(plain: Mapping[str, Any]) -> str:
    return digest_bytes(to_json(plain).encode())


def _no_adaptor(folder: Path) -> str:
    """What is there in the place of an Adaptor, and where one lies near it."""
    if folder.is_file():
        came = f"{folder} is a file, and an Adaptor is a folder."
    elif not folder.is_dir():
        came = f"There is no folder {folder}."
    else:
        came = f"{folder} is no Adaptor: there is no {_PLAIN} in it."
    near = [folder.parent] if folder.name == _PLAIN else []
    near += sorted({path.parent for way in _NEAR for path in folder.glob(way)})
    if len(near) == 1:
        return f"{came} Did you mean {near[0]}?"
    if near:
        return f"{came} It holds {len(near)} of them; name one: {', '.join(map(str, near))}."
    return (
        f"{came} Make one, which is then the folder 'adaptor' in O/NAME: carina pretrain DATA "
        "--image-encoder E --text-encoder T --store STORE --out O."
    )


def _same_format(came: int, what: str) -> None:
    if came != _FORMAT:
        raise Mismatch(f"This {what} is of format {came}; this carina reads {_FORMAT}.")

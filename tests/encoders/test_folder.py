import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from carina.core import InvalidValue, Mismatch, MissingFile, UnreadableFile
from carina.encoders import Preprocess, prepare
from carina.encoders.folder import input_recipe, release, settings, shape, tensors, the_recipe

CLIP: dict[str, Any] = {
    "image_processor_type": "CLIPImageProcessor",
    "size": {"shortest_edge": 40},
    "crop_size": {"height": 32, "width": 32},
}
SIGLIP: dict[str, Any] = {
    "image_processor_type": "SiglipImageProcessor",
    "size": {"height": 48, "width": 48},
    "resample": 2,
}


def written(folder: Path, name: str, what: object) -> Path:
    (folder / name).write_text(json.dumps(what))
    return folder


def recipe(folder: Path, what: object) -> Preprocess:
    return the_recipe("x", written(folder, "preprocessor_config.json", what))


def smooth(rows: int, cols: int) -> np.ndarray:
    """Grey bytes with soft edges, as a film has, and no noise that overshoots."""
    down, across = np.mgrid[0:rows, 0:cols] / max(rows, cols)
    waves = 0.5 + 0.3 * np.sin(9 * down) * np.cos(7 * across) + 0.15 * np.sin(25 * across)
    return np.asarray(np.round(np.clip(waves, 0, 1) * 255), dtype=np.uint8)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("CLIP", CLIP),
        ("CLIP", CLIP | {"size": 40, "crop_size": 32}),  # as files of 2021 have it
        ("Bit", CLIP | {"image_processor_type": "BitImageProcessor", "resample": 3}),
        ("Siglip", SIGLIP),
        ("ViT", {"image_processor_type": "ViTImageProcessorFast", "size": 48}),
        ("ViT", {"feature_extractor_type": "ViTFeatureExtractor", "do_normalize": False,
                 "size": {"height": 40, "width": 40}, "rescale_factor": 0.003921568}),
    ],
)  # fmt: skip
def test_images_are_prepared_as_transformers_prepares_them(
    kind: str, what: dict[str, Any], tmp_path: Path
) -> None:
    """Within two grey levels: Pillow rounds to bytes between its passes, we keep float32."""
    module = pytest.importorskip(f"transformers.models.{kind.lower()}.image_processing_pil_"
                                 f"{kind.lower()}")  # fmt: skip
    upstream = getattr(module, f"{kind}ImageProcessorPil")(
        **{key: value for key, value in what.items() if not key.endswith("_type")}
    )
    spec = recipe(tmp_path, what)
    for rows, cols in ((90, 90), (96, 80), (64, 160)):
        film = smooth(rows, cols)
        found = prepare(film.astype(np.float32) / 255, spec)
        expected = upstream(images=Image.fromarray(film).convert("RGB"), return_tensors="np")[
            "pixel_values"
        ][0]

        assert found.shape == expected.shape
        levels = np.abs(found - expected) * np.reshape(spec.deviation, (-1, 1, 1)) * 255
        assert levels.max() < 2, (rows, cols)
        assert levels.mean() < 0.5, (rows, cols)


def test_fields_that_are_silent_are_those_of_the_processor(tmp_path: Path) -> None:
    spec = recipe(tmp_path, {"image_processor_type": "SiglipImageProcessor"})

    assert spec == Preprocess(
        size=224, mean=(0.5,) * 3, deviation=(0.5,) * 3, interpolation="bicubic"
    )


def test_a_processor_of_one_file_for_both_towers_is_read_too(tmp_path: Path) -> None:
    written(tmp_path, "processor_config.json", {"image_processor": SIGLIP, "tokenizer": {}})

    assert the_recipe("x", tmp_path).size == 48


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"size": 224}, "its processor is not named; known: CLIPImageProcessor"),
        ({"image_processor_type": "SamImageProcessor"}, "its processor is SamImageProcessor"),
        (CLIP | {"do_resize": False}, "does not resize"),
        (CLIP | {"resample": 1}, "filter 1 of Pillow"),
        (CLIP | {"do_center_crop": False}, "images are not square"),
        (CLIP | {"crop_size": {"height": 32, "width": 30}}, "32 x 30, which is not square"),
        (SIGLIP | {"size": {"height": 32, "width": 30}}, "32 x 30, which is not square"),
        (SIGLIP | {"do_center_crop": True, "crop_size": 32}, "resizes to a square and crops"),
        (SIGLIP | {"size": "large"}, "none carina can prepare images by"),
        (CLIP | {"image_std": [0.0, 0.0, 0.0]}, "every deviation"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_told(
    what: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidValue, match=said):
        recipe(tmp_path, what)


def test_a_recipe_is_the_familys_or_each_field_that_differs_is_told(tmp_path: Path) -> None:
    stated = Preprocess(size=48, mean=(0.5,), deviation=(0.5,))
    written(tmp_path, "preprocessor_config.json", SIGLIP)
    assert input_recipe("x", tmp_path, stated) is stated

    written(tmp_path, "preprocessor_config.json", SIGLIP | {"resample": 3, "image_std": [0.4] * 3})
    with pytest.raises(Mismatch) as caught:
        input_recipe("x", tmp_path, stated)
    said = str(caught.value)
    assert "deviation (0.4,) instead of (0.5,); interpolation bicubic instead of bilinear" in said

    (tmp_path / "preprocessor_config.json").unlink()
    assert input_recipe("x", tmp_path, stated) is stated
    assert input_recipe("x", tmp_path) is None


def test_settings_that_change_no_number_change_no_digest(tmp_path: Path) -> None:
    plain = {"model_type": "bert", "hidden_size": 8, "text_config": {"layers": 2}}
    noisy = plain | {
        "_name_or_path": "/home/somebody",
        "transformers_version": "4.1",
        "torch_dtype": "float16",
        "auto_map": {"AutoModel": "evil.Evil"},
        "text_config": {"layers": 2, "_attn_implementation": "eager", "id2label": {"0": "a"}},
    }
    found = [
        settings("x", written(tmp_path, "config.json", each), ("bert",)) for each in (plain, noisy)
    ]

    assert found == [plain, plain]
    assert shape(plain) != shape(plain | {"hidden_size": 9})


def test_settings_without_a_kind_are_of_the_familys(tmp_path: Path) -> None:
    written(tmp_path, "config.json", {"hidden_size": 8})

    assert settings("x", tmp_path, ("bert",))["model_type"] == "bert"
    (tmp_path / "model.safetensors").touch()
    assert settings("x", tmp_path / "model.safetensors", ("bert",))["hidden_size"] == 8


def test_a_folder_that_is_not_there_is_named_without_what_is_above_it(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="nothing called mine where the weights of x") as caught:
        settings("x", tmp_path / "mine", ("bert",))
    assert tmp_path.name not in str(caught.value)


def test_a_kind_that_is_nearly_right_gets_its_neighbour(tmp_path: Path) -> None:
    written(tmp_path, "config.json", {"model_type": "dinov3"})

    with pytest.raises(Mismatch, match=r"Did you mean 'dinov2'\?"):
        settings("x", tmp_path, ("dinov2",))


def test_a_folder_without_weights_and_an_index_without_its_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"wanted model\.safetensors or pytorch_model\.bin"):
        tensors("x", tmp_path)

    index = {"weight_map": {"a": "one.safetensors"}}
    written(tmp_path, "model.safetensors.index.json", index)
    with pytest.raises(MissingFile, match=r"one\.safetensors"):
        tensors("x", tmp_path)

    written(tmp_path, "model.safetensors.index.json", {"weight_map": {"a": "../one.safetensors"}})
    with pytest.raises(UnreadableFile, match="files of its own folder"):
        tensors("x", tmp_path)


def test_a_release_is_named_by_its_numbers_and_not_by_its_file(tmp_path: Path) -> None:
    given = {"a": torch.ones(2), "b": torch.zeros(1, dtype=torch.bfloat16)}
    save_file(given, tmp_path / "model.safetensors")
    torch.save(given, tmp_path / "pytorch_model.bin")
    one = release(tensors("x", tmp_path / "model.safetensors"))

    assert one == release(tensors("x", tmp_path / "pytorch_model.bin"))
    assert one != release(given | {"b": torch.ones(1)})

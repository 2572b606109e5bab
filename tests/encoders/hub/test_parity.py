"""Families read from a folder give what transformers gives of the same folder."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from carina.encoders import ImageEncoder, load_image_encoder

TEXTS = (
    "No acute cardiopulmonary abnormality.",
    "Findings:\n  Mild cardiomegaly. SMALL left pleural effusion; no pneumothorax, 3 cm.\n",
    "Überblähung beidseits",
    "consolidation " * 400,
    "",
)
IMAGES = [
    "rad-dino",
    "dinov2:mine",
    "dinov2:registers",
    "medsiglip-image",
    "siglip:mine/image",
    "clip:mine/image",
]


TOLERANCE = 1e-4  # of the standard deviation of upstream's output


def assert_same(found: Tensor, expected: Tensor) -> None:
    """The same numbers; how nearly is printed, for `make inputs`."""
    difference = float((found - expected).abs().max() / expected.std())
    test = os.environ["PYTEST_CURRENT_TEST"].split("::")[1].split(" ")[0]
    sys.stdout.write(f"\nparity: {test.removeprefix('test_')} {difference:.1e}\n")
    assert found.shape == expected.shape
    assert difference <= TOLERANCE


def pixels(encoder: ImageEncoder, count: int = 2) -> Tensor:
    spec = encoder.card.preprocess
    assert spec is not None
    return torch.randn((count, 3, spec.size, spec.size), generator=torch.Generator().manual_seed(1))


def upstream_images(kind: str, folder: Path, images: Tensor) -> tuple[Tensor, Tensor]:
    """What transformers gives after loading the folder its own way: pooled, tokens."""
    import transformers

    with torch.no_grad():
        if kind == "clip":
            model = transformers.CLIPModel.from_pretrained(folder)
            found = model.vision_model(pixel_values=images)
            return model.visual_projection(found.pooler_output), found.last_hidden_state[:, 1:]
        if kind in ("siglip", "medsiglip"):
            model = transformers.SiglipModel.from_pretrained(folder)
            found = model.vision_model(pixel_values=images)
            return found.pooler_output, found.last_hidden_state
        found = transformers.AutoModel.from_pretrained(folder)(pixel_values=images)
        before = 5 if kind == "registers" else 1
        return found.pooler_output, found.last_hidden_state[:, before:]


@pytest.mark.parametrize("name", IMAGES)
def test_pooled_and_tokens_of_images_are_those_of_transformers(
    name: str, folder_of: Callable[[str], Path], loaded: Callable[[str], Any]
) -> None:
    encoder = loaded(name)
    images = pixels(encoder)
    pooled, tokens = upstream_images(folder_of(name).name, folder_of(name), images)

    found = encoder.encode(images, tokens=True)

    assert_same(found.pooled, pooled)
    assert_same(found.tokens, tokens)
    assert found.pooled.std() > 0.01


@pytest.mark.parametrize("pooling", ["cls", "mean", "pooler"])
def test_texts_through_bert_are_those_of_transformers(
    pooling: str, folder_of: Callable[[str], Path], loaded: Callable[[str], Any]
) -> None:
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder_of("bert"))
    model = AutoModel.from_pretrained(folder_of("bert"))
    encoder = loaded(f"bert:mine/{pooling}")
    for text in TEXTS:
        words = tokenizer(text, truncation=True, max_length=128, return_tensors="pt")
        with torch.no_grad():
            found = model(**words)
        states = found.last_hidden_state
        expected = {"cls": states[:, 0], "mean": states.mean(1), "pooler": found.pooler_output}

        assert encoder.tokenise(text) == words["input_ids"][0].tolist()
        assert_same(encoder.encode((text,)).pooled, expected[pooling])


def test_texts_through_clip_are_those_of_transformers(
    folder_of: Callable[[str], Path], loaded: Callable[[str], Any]
) -> None:
    from transformers import AutoTokenizer, CLIPModel

    tokenizer = AutoTokenizer.from_pretrained(folder_of("clip"))
    model = CLIPModel.from_pretrained(folder_of("clip"))
    words = tokenizer(
        list(TEXTS), padding=True, truncation=True, max_length=96, return_tensors="pt"
    )
    with torch.no_grad():
        expected = model.text_projection(model.text_model(**words).pooler_output)

    found = loaded("clip:mine/text").encode(TEXTS).pooled

    assert_same(found, expected)


@pytest.mark.parametrize("name", ["siglip:mine/text", "medsiglip-text"])
def test_texts_through_siglip_are_padded_lower_case_and_those_of_transformers(
    name: str, folder_of: Callable[[str], Path], loaded: Callable[[str], Any]
) -> None:
    from transformers import SiglipModel

    encoder = loaded(name)
    numbers = [encoder.tokenise(text) for text in TEXTS]
    with torch.no_grad():
        model = SiglipModel.from_pretrained(folder_of(name))
        expected = model.text_model(input_ids=torch.tensor(numbers)).pooler_output

    assert_same(encoder.encode(TEXTS).pooled, expected)
    assert {len(each) for each in numbers} == {64}
    assert all(each[-1] == 1 for each in numbers)
    assert encoder.tokenise("Small, LEFT\n effusion!") == encoder.tokenise("small left effusion")


def test_both_towers_of_one_folder_share_a_space_and_other_weights_have_another(
    folder_of: Callable[[str], Path], loaded: Callable[[str], Any]
) -> None:
    spaces = [
        {loaded(f"{kind}:mine/{tower}").card.space for tower in ("image", "text")}
        for kind in ("siglip", "clip")
    ]
    spaces.append({loaded(f"medsiglip-{tower}").card.space for tower in ("image", "text")})

    assert [len(each) for each in spaces] == [1, 1, 1]
    assert len(set.union(*spaces)) == 3


@pytest.mark.parametrize("name", ["dinov2:mine", "siglip:mine/image", "clip:mine/image"])
def test_fewer_bits_round_and_do_no_more(
    name: str, folder_of: Callable[[str], Path], loaded: Callable[[str], Any]
) -> None:
    encoder = load_image_encoder(name, weights=folder_of(name), dtype="bfloat16")
    images = pixels(loaded(name))

    found, whole = encoder.encode(images).pooled, loaded(name).encode(images).pooled

    assert found.dtype == torch.float32
    assert 0 < (found - whole).abs().max() < 0.1 * whole.std()

"""CLIP under OpenAI's names: sizes from the shapes, both towers accounted for, words by its BPE."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from carina.core import Mismatch, MissingFile, UnreadableFile, digest_bytes
from carina.encoders import (
    FrozenImages,
    FrozenTexts,
    load_encoder,
    load_image_encoder,
    load_text_encoder,
)
from carina.testing import ImageEncoderContract, TextEncoderContract

LETTERS = [chr(n) for n in (*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324))]
MERGES = ("e f", "ef f", "u s", "i o", "io n</w>", "us ion</w>", "eff usion</w>", "n o</w>")
WORDS = [
    *LETTERS,
    *(f"{letter}</w>" for letter in LETTERS),
    *(merge.replace(" ", "") for merge in MERGES),
    "<|startoftext|>",
    "<|endoftext|>",
]
LENGTH, SIDE, PATCH = 120, 32, 8


def shapes(
    *,
    wide: int = 128,
    text_wide: int = 64,
    dim: int = 32,
    layers: int = 2,
    patch: int = PATCH,
    side: int = SIDE,
    length: int = LENGTH,
    words: int = len(WORDS),
) -> dict[str, tuple[int, ...]]:
    """OpenAI's names, every one, with their shapes."""
    names: dict[str, tuple[int, ...]] = {
        "positional_embedding": (length, text_wide),
        "text_projection": (text_wide, dim),
        "logit_scale": (),
        "visual.class_embedding": (wide,),
        "visual.positional_embedding": (1 + (side // patch) ** 2, wide),
        "visual.proj": (wide, dim),
        "visual.conv1.weight": (wide, 3, patch, patch),
        "token_embedding.weight": (words, text_wide),
    }
    norms = {"visual.ln_pre": wide, "visual.ln_post": wide, "ln_final": text_wide}
    dense: dict[str, tuple[int, int]] = {}
    for tower, width in (("visual.", wide), ("", text_wide)):
        for layer in range(layers):
            at = f"{tower}transformer.resblocks.{layer}"
            norms |= {f"{at}.ln_1": width, f"{at}.ln_2": width}
            dense |= {
                f"{at}.attn.out_proj": (width, width),
                f"{at}.mlp.c_fc": (4 * width, width),
                f"{at}.mlp.c_proj": (width, 4 * width),
            }
            names |= {
                f"{at}.attn.in_proj_weight": (3 * width, width),
                f"{at}.attn.in_proj_bias": (3 * width,),
            }
    for name, width in norms.items():
        names |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    for name, shape in dense.items():
        names |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return names


def drawn() -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(13)
    return {
        name: torch.randn(shape, generator=draw) / shape[-1] ** 0.5
        if len(shape) > 1
        else 1.0 - float(name.endswith("bias")) + 0.1 * torch.randn(shape, generator=draw)
        for name, shape in shapes().items()
    }


def vocabulary(folder: Path, words: list[str] = WORDS, merges: tuple[str, ...] = MERGES) -> Path:
    """As OpenAI's models come on a hub."""
    numbers = {word: number for number, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(numbers))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = vocabulary(tmp_path_factory.mktemp("clip"))
    torch.save(drawn(), folder / "best.pt")
    return folder


@pytest.fixture(scope="module")
def image(folder: Path) -> FrozenImages:
    encoder = load_image_encoder("chexzero-image", weights=folder / "best.pt")
    assert isinstance(encoder, FrozenImages)
    return encoder


@pytest.fixture(scope="module")
def text(folder: Path) -> FrozenTexts:
    encoder = load_text_encoder("chexzero-text", weights=folder / "best.pt")
    assert isinstance(encoder, FrozenTexts)
    return encoder


class TestClipImage(ImageEncoderContract):
    @pytest.fixture
    def encoder(self, image: FrozenImages) -> FrozenImages:
        return image


class TestClipText(TextEncoderContract):
    @pytest.fixture
    def encoder(self, text: FrozenTexts) -> FrozenTexts:
        return text


def test_the_names_are_upstreams() -> None:
    names = sorted(shapes(layers=12))

    assert len(names) == 302
    assert digest_bytes("\n".join(names).encode()).startswith("61968037a1e0feff990f")


def test_sizes_come_from_the_shapes(image: FrozenImages, text: FrozenTexts) -> None:
    assert (image.card.dim, image.card.token_dim, image.card.grid) == (32, 128, (4, 4))
    assert image.card.preprocess is not None
    assert image.card.preprocess.size == SIDE
    assert (text.card.dim, text.card.max_tokens) == (32, LENGTH)


def theirs(given: dict[str, Tensor]) -> Any:
    """The same weights in transformers' CLIP."""
    from transformers import CLIPConfig, CLIPModel

    tower = {"num_hidden_layers": 2, "hidden_act": "quick_gelu"}
    ends = {"bos_token_id": len(WORDS) - 2, "eos_token_id": len(WORDS) - 1}
    config = CLIPConfig(
        projection_dim=32,
        vision_config=tower
        | {"hidden_size": 128, "intermediate_size": 512, "num_attention_heads": 2}
        | {"image_size": SIDE, "patch_size": PATCH},
        text_config=tower
        | ends
        | {"hidden_size": 64, "intermediate_size": 256, "num_attention_heads": 1}
        | {"vocab_size": len(WORDS), "max_position_embeddings": LENGTH},
    )
    with torch.random.fork_rng(devices=[]):
        model = CLIPModel(config).eval()
    vision, texts = "vision_model.", "text_model."
    named = {
        "logit_scale": given["logit_scale"],
        "visual_projection.weight": given["visual.proj"].T,
        "text_projection.weight": given["text_projection"].T,
        f"{vision}embeddings.class_embedding": given["visual.class_embedding"],
        f"{vision}embeddings.patch_embedding.weight": given["visual.conv1.weight"],
        f"{vision}embeddings.position_embedding.weight": given["visual.positional_embedding"],
        f"{texts}embeddings.token_embedding.weight": given["token_embedding.weight"],
        f"{texts}embeddings.position_embedding.weight": given["positional_embedding"],
    }
    norms = {
        "visual.ln_pre": f"{vision}pre_layrnorm",
        "visual.ln_post": f"{vision}post_layernorm",
        "ln_final": f"{texts}final_layer_norm",
    }
    parts = {
        "ln_1": "layer_norm1",
        "ln_2": "layer_norm2",
        "attn.out_proj": "self_attn.out_proj",
        "mlp.c_fc": "mlp.fc1",
        "mlp.c_proj": "mlp.fc2",
    }
    for here, there in (("visual.", vision), ("", texts)):
        for layer in range(2):
            at, place = f"{here}transformer.resblocks.{layer}", f"{there}encoder.layers.{layer}"
            norms |= {f"{at}.{part}": f"{place}.{name}" for part, name in parts.items()}
            for end in ("weight", "bias"):
                mixed = given[f"{at}.attn.in_proj_{end}"].chunk(3)
                for letter, part in zip("qkv", mixed, strict=True):
                    named[f"{place}.self_attn.{letter}_proj.{end}"] = part
    for here, there in norms.items():
        named |= {f"{there}.{end}": given[f"{here}.{end}"] for end in ("weight", "bias")}
    model.load_state_dict(named)
    return model


def test_both_towers_are_those_of_transformers(image: FrozenImages, text: FrozenTexts) -> None:
    model = theirs(drawn())
    films = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    sentences = ("No effusion.", "ion of the left", "")

    with torch.no_grad():
        seen = model.vision_model(pixel_values=films)
        patches = model.vision_model.post_layernorm(seen.last_hidden_state)[:, 1:]
        read = [torch.tensor([text.tokenise(sentence)]) for sentence in sentences]
        meant = torch.cat(
            [model.text_projection(model.text_model(input_ids=row).pooler_output) for row in read]
        )

    found = image.encode(films, tokens=True)
    assert found.tokens is not None
    expected = model.visual_projection(seen.pooler_output)
    torch.testing.assert_close(found.pooled, expected.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.tokens, patches, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(text.encode(sentences).pooled, meant, rtol=1e-4, atol=1e-5)


def test_padding_behind_the_end_changes_nothing(text: FrozenTexts) -> None:
    numbers = text.tokenise("no effusion")
    padded = replace(text, tokenise=lambda _: numbers + [0] * (LENGTH - len(numbers)))

    torch.testing.assert_close(
        padded.encode(("",)).pooled, text.encode(("no effusion",)).pooled, rtol=1e-4, atol=1e-5
    )


def test_words_are_joined_by_rank_and_framed(text: FrozenTexts) -> None:
    start, end = len(WORDS) - 2, len(WORDS) - 1

    found = text.tokenise(" No \n EFFUSION")

    assert found == [start, WORDS.index("no</w>"), WORDS.index("effusion</w>"), end]


def test_a_long_text_keeps_its_end(text: FrozenTexts) -> None:
    numbers = text.tokenise("no " * 200)

    assert len(numbers) == LENGTH
    assert numbers[-1] == len(WORDS) - 1


def test_openais_own_vocabulary_file_gives_the_same_encoder(
    folder: Path, text: FrozenTexts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "\n".join(['"bpe_simple_vocab', *MERGES, "never u", "sed s"])
    (tmp_path / "bpe_simple_vocab_16e6.txt.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "best.pt").hardlink_to(folder / "best.pt")
    monkeypatch.setattr("carina.encoders.clip_tokens._MERGES", len(MERGES))

    assert load_encoder("chexzero-text", weights=tmp_path / "best.pt").card == text.card


def test_towers_of_one_file_share_a_space_that_no_other_file_has(
    folder: Path, image: FrozenImages, text: FrozenTexts, tmp_path: Path
) -> None:
    tensors = drawn()
    tensors["text_projection"][0, 0] += 1
    torch.save(tensors, vocabulary(tmp_path) / "best.pt")

    other = load_image_encoder("chexzero-image", weights=tmp_path / "best.pt").card

    assert image.card.space == text.card.space
    assert other.space != image.card.space
    assert other.fingerprint == image.card.fingerprint  # its numbers are the same


def test_another_vocabulary_is_another_encoder(
    folder: Path, text: FrozenTexts, tmp_path: Path
) -> None:
    vocabulary(tmp_path, merges=MERGES[:-1])
    (tmp_path / "best.pt").hardlink_to(folder / "best.pt")

    other = load_text_encoder("chexzero-text", weights=tmp_path / "best.pt").card

    assert other.weights != text.card.weights
    assert other.space == text.card.space


def test_numbers_that_openai_saves_beside_the_weights_are_let_go(
    image: FrozenImages, tmp_path: Path
) -> None:
    beside = ("input_resolution", "context_length", "vocab_size")
    torch.save(drawn() | {name: torch.tensor(1) for name in beside}, tmp_path / "best.pt")

    assert load_encoder("chexzero-image", weights=tmp_path / "best.pt").card == image.card


@pytest.mark.parametrize("tower", ["image", "text"])
@pytest.mark.parametrize("name", ["visual.conv1.weight", "transformer.resblocks.1.ln_2.bias"])
@pytest.mark.parametrize("fault", ["renamed", "missing", "superfluous"])
def test_a_wrong_name_is_told_whichever_tower_is_asked_for(
    tower: str, name: str, fault: str, tmp_path: Path
) -> None:
    tensors = drawn()
    held = tensors[name]
    if fault != "superfluous":
        del tensors[name]
    if fault != "missing":
        name = f"{name}x"
        tensors[name] = held
    torch.save(tensors, vocabulary(tmp_path) / "best.pt")

    with pytest.raises(Mismatch, match=name.replace(".", r"\.")):
        load_encoder(f"clip-openai-{tower}", weights=tmp_path / "best.pt")


def test_towers_without_whole_heads_are_refused(tmp_path: Path) -> None:
    tensors = {name: torch.zeros(shape) for name, shape in shapes(wide=96).items()}
    torch.save(tensors, tmp_path / "best.pt")

    with pytest.raises(Mismatch, match="multiples of 64"):
        load_encoder("clip-openai-image", weights=tmp_path / "best.pt")


def test_a_vocabulary_of_another_length_or_without_an_end_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "best.pt").hardlink_to(folder / "best.pt")
    vocabulary(tmp_path, WORDS[1:])
    with pytest.raises(Mismatch, match=f"has {len(WORDS) - 1} words; chexzero-text knows"):
        load_encoder("chexzero-text", weights=tmp_path / "best.pt")

    vocabulary(tmp_path, [*WORDS[-2:], *WORDS[:-2]])
    with pytest.raises(Mismatch, match="no CLIP's"):
        load_encoder("chexzero-text", weights=tmp_path / "best.pt")


@pytest.mark.parametrize("damage", [b"", b"{", b'["no"]', b'{"a": "b"}', b"\xff"])
def test_a_damaged_vocabulary_is_refused(damage: bytes, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "best.pt").hardlink_to(folder / "best.pt")
    (vocabulary(tmp_path) / "vocab.json").write_bytes(damage)

    with pytest.raises(UnreadableFile, match="vocabulary of chexzero-text"):
        load_encoder("chexzero-text", weights=tmp_path / "best.pt")


def test_without_a_vocabulary_it_says_which_files_to_bring(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "best.pt").hardlink_to(folder / "best.pt")

    with pytest.raises(MissingFile, match=r"vocab\.json and merges\.txt, or from bpe_simple"):
        load_encoder("chexzero-text", weights=tmp_path / "best.pt")


def test_entities_are_read_as_the_signs_they_stand_for(text: FrozenTexts) -> None:
    assert text.tokenise("effusion &amp;lt; no") == text.tokenise("effusion < no")

"""Small folders in transformers' form, and what carina loads from them."""

import json
import shutil
import string
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from carina.encoders import load_encoder

WORDS = [
    "no",
    "acute",
    "small",
    "left",
    "pleural",
    "effusion",
    "mild",
    "cardiomegaly",
    "pneumothorax",
    "is",
    "seen",
    "on",
    "film",
]
WIDTHS = {"intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2}
SIDES = {"image_size": 56, "patch_size": 14}


def of(name: str) -> str:
    """Which of the small folders an encoder reads."""
    kind = name.split(":", maxsplit=1)[0]
    return {
        "rad-dino": "rad-dino",
        "medsiglip-image": "medsiglip",
        "medsiglip-text": "medsiglip",
        "dinov2:registers": "registers",
        "clinicalbert": "bert",
        "pubmedbert": "bert",
    }.get(name, kind)


def crop(size: int, kind: str = "Bit", mean: float = 0.5307, deviation: float = 0.2583) -> Any:
    return {
        "image_processor_type": f"{kind}ImageProcessor",
        "size": {"shortest_edge": size},
        "crop_size": {"height": size, "width": size},
        "do_center_crop": True,
        "resample": 3,
        "rescale_factor": 0.00392156862745098,
        "image_mean": [mean] * 3,
        "image_std": [deviation] * 3,
    }


def squash(size: int) -> Any:
    return {
        "image_processor_type": "SiglipImageProcessor",
        "size": {"height": size, "width": size},
        "resample": 3,
        "rescale_factor": 0.00392156862,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }


def spiece() -> bytes:
    """A small vocabulary of the unigram kind: control pieces, words, letters."""

    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data)]) + data

    def piece(text: str, score: float, sort: int = 1) -> bytes:
        body = field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + bytes([0x18, sort])
        return field(1, body)

    signs = [piece("<pad>", 0, 3), piece("</s>", 0, 3), piece("<unk>", 0, 2)]
    words = [piece("▁" + word, -3.0) for word in WORDS]
    letters = [piece(letter, -6.0) for letter in "▁" + string.ascii_lowercase + string.digits]
    return b"".join([*signs, *words, *letters])


def write_bert(folder: Path) -> None:
    from transformers import BertConfig, BertForPreTraining

    folder.mkdir()
    letters = string.ascii_lowercase + string.digits + ".,;:"
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *WORDS,
        *letters,
        *(f"##{letter}" for letter in letters),
    ]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, max_position_embeddings=128, **WIDTHS
    )
    BertForPreTraining(config).save_pretrained(folder)


def write_clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizerFast
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    signs = [*letters, *(letter + "</w>" for letter in letters)]
    vocabulary = [*signs, "<|startoftext|>", "<|endoftext|>"]
    numbers = {piece: number for number, piece in enumerate(vocabulary)}
    CLIPTokenizerFast(vocab=numbers, merges=[]).save_pretrained(folder)
    end = numbers["<|endoftext|>"]
    text = {
        "vocab_size": len(vocabulary),
        "hidden_size": 24,
        "max_position_embeddings": 96,
        "bos_token_id": end - 1,
        "eos_token_id": end,
        "pad_token_id": end,
    }
    config = CLIPConfig(
        text_config=text | WIDTHS,
        vision_config={"hidden_size": 32} | SIDES | WIDTHS,
        projection_dim=20,
    )
    CLIPModel(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(crop(56, "CLIP")))


def write_siglip(folder: Path, side: int) -> None:
    from transformers import SiglipConfig, SiglipModel

    words = {
        "vocab_size": 60,
        "hidden_size": 32,
        "max_position_embeddings": 64,
        "bos_token_id": 1,
        "eos_token_id": 1,
    }
    config = SiglipConfig(
        text_config=words | WIDTHS,
        vision_config={"hidden_size": 32, "image_size": side, "patch_size": 14} | WIDTHS,
    )
    SiglipModel(config).save_pretrained(folder)
    (folder / "spiece.model").write_bytes(spiece())
    (folder / "preprocessor_config.json").write_text(json.dumps(squash(side)))


def write_dinov2(folder: Path, side: int, *, registers: bool = False) -> None:
    import transformers

    kind = "Dinov2WithRegisters" if registers else "Dinov2"
    config = getattr(transformers, f"{kind}Config")(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        mlp_ratio=2,
        image_size=side,
        patch_size=14,
    )
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(crop(side)))


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small folder a kind, all tensors drawn anew so that no norm is the identity."""
    whole = tmp_path_factory.mktemp("hub")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        write_bert(whole / "bert")
        write_clip(whole / "clip")
        write_siglip(whole / "siglip", 56)
        write_siglip(whole / "medsiglip", 448)
        write_dinov2(whole / "dinov2", 56)
        write_dinov2(whole / "registers", 56, registers=True)
        write_dinov2(whole / "rad-dino", 518)
        for file in whole.glob("*/model.safetensors"):
            save_file({k: drawn(k, t) for k, t in load_file(file).items()}, file, {"format": "pt"})
    return whole


def drawn(name: str, like: Tensor) -> Tensor:
    scale = like[0].numel() ** -0.5 if like.dim() > 1 else 0.2
    values = torch.randn_like(like) * scale
    return 1 + values if "norm" in name.casefold() and name.endswith("weight") else values


@pytest.fixture(scope="session")
def folder_of(folders: Path) -> Callable[[str], Path]:
    """The small folder that the encoder of a name reads."""
    return lambda name: folders / of(name)


@pytest.fixture(scope="session")
def loaded(folders: Path) -> Callable[[str], Any]:
    """Encoders by name, each loaded once."""
    there: dict[str, Any] = {}

    def load(name: str) -> Any:
        if name not in there:
            there[name] = load_encoder(name, weights=folders / of(name))
        return there[name]

    return load


@pytest.fixture
def copied(folders: Path, tmp_path: Path) -> Callable[[str], Path]:
    """The folder an encoder reads, for a test that changes it."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(folders / of(name), tmp_path / of(name)))

    return copy

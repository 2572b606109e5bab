"""What upstream's own code computed from weights filled by rule: ours computes the same.

The numbers and the rule lie in ../shared; the weights are written in upstream's file form, loaded
by name, and fed what upstream was fed.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from carina.encoders import FrozenImages, FrozenTexts, load_image_encoder, load_text_encoder

TOLERANCE = 1e-4  # of the golden's standard deviation

BERT_WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "effusion")


@dataclass(frozen=True, kw_only=True)
class Golden:
    """One of the goldens: its names and shapes, what came out, and the rule that fills it."""

    names: Mapping[str, list[int]]
    outputs: Mapping[str, Tensor]
    rule: Any

    def tensors(self) -> dict[str, Tensor]:
        return {
            name: torch.tensor(0)
            if name.endswith("num_batches_tracked")
            else torch.from_numpy(self.rule.filled(name, tuple(shape)))
            for name, shape in self.names.items()
        }

    def image(self, *shape: int) -> Tensor:
        return torch.from_numpy(self.rule.image(shape))


@pytest.fixture(scope="session")
def golden(shared: Path) -> Callable[[str], Golden]:
    folder = shared / "reference" / "encoder-goldens"
    if not folder.is_dir():
        pytest.skip("the goldens of upstream's encoders are not here")
    spec = spec_from_file_location("fill_by_rule", folder / "fill.py")
    assert spec is not None
    assert spec.loader is not None
    rule = module_from_spec(spec)
    spec.loader.exec_module(rule)

    def read(name: str) -> Golden:
        return Golden(
            names=json.loads((folder / f"{name}.names.json").read_text())["names"],
            outputs=load_file(folder / f"{name}.golden.safetensors"),
            rule=rule,
        )

    return read


def images(name: str, weights: Path, *, side: int) -> FrozenImages:
    """The encoder, for inputs of another side than its recipe's where upstream was fed such."""
    encoder = load_image_encoder(name, weights=weights)
    assert isinstance(encoder, FrozenImages)
    spec = encoder.card.preprocess
    assert spec is not None
    card = replace(encoder.card, preprocess=replace(spec, size=side))
    return replace(encoder, card=card)


def assert_same(found: Tensor, expected: Tensor) -> None:
    """The same numbers; how nearly is printed, for `make inputs`."""
    difference = float((found - expected).abs().max() / expected.std())
    test = os.environ["PYTEST_CURRENT_TEST"].split("::")[1].split(" ")[0]
    sys.stdout.write(f"\nparity: {test.removeprefix('test_')} {difference:.1e}\n")
    assert found.shape == expected.shape
    assert difference <= TOLERANCE


def as_map(tokens: Tensor | None, side: int) -> Tensor:
    assert tokens is not None
    return tokens.transpose(1, 2).reshape(len(tokens), -1, side, side)


@pytest.mark.parametrize(
    ("name", "of", "side", "grid"),
    [("biovil-image", "biovil-image", 224, 7), ("biovil-t-image", "biovil-t-image", 448, 14)],
)
def test_biovil_projects_films_as_upstream(
    name: str, of: str, side: int, grid: int, golden: Callable[[str], Golden], tmp_path: Path
) -> None:
    given = golden(of)
    torch.save(given.tensors(), tmp_path / "weights.pt")
    encoder = images(name, tmp_path / "weights.pt", side=side)

    found = encoder.encode(given.image(2, 3, side, side), tokens=True)

    assert_same(found.pooled, given.outputs["projected_global_embedding"])
    assert_same(as_map(found.tokens, grid), given.outputs["projected_patch_embeddings"])


def test_the_autoencoder_has_upstreams_latent_map(
    golden: Callable[[str], Golden], tmp_path: Path
) -> None:
    given = golden("resnet-ae")
    torch.save(given.tensors(), tmp_path / "weights.pt")
    encoder = images("resnet-ae", tmp_path / "weights.pt", side=224)

    found = encoder.encode(given.image(2, 1, 224, 224) * 2048 - 1024, tokens=True)

    latent = given.outputs["latent"]
    assert_same(as_map(found.tokens, 3), latent)
    assert_same(found.pooled, latent.mean(dim=(2, 3)))


def test_cxr_bert_projects_texts_as_upstream(
    golden: Callable[[str], Golden], tmp_path: Path
) -> None:
    given = golden("cxr-bert-text")
    tensors = given.tensors()
    tensors["bert.embeddings.position_ids"] = torch.arange(512)[None]  # as older files have it
    torch.save(tensors, tmp_path / "pytorch_model.bin")
    (tmp_path / "vocab.txt").write_text("\n".join(BERT_WORDS))
    encoder = load_text_encoder("biovil-text", weights=tmp_path)
    assert isinstance(encoder, FrozenTexts)
    numbers = given.rule.tokens(3, 12, 1000, 30000)
    # a text that upstream masks after so many words is here a text of so many
    rows = [
        row[mask.astype(bool)].tolist()
        for row, mask in zip(numbers, given.outputs["attention_mask"].numpy(), strict=True)
    ]
    encoder = replace(encoder, tokenise=partial(reading, rows))

    found = encoder.encode(("0", "1", "2"))

    assert_same(found.pooled, given.outputs["projected"])


def reading(rows: list[list[int]], text: str) -> list[int]:
    """A text is the number of its row."""
    return rows[int(text)]


@pytest.fixture(scope="module")
def clip_file(
    golden: Callable[[str], Golden], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Golden, Path]:
    given = golden("clip-vit-b-32")
    folder = tmp_path_factory.mktemp("clip")
    save_file(given.tensors(), folder / "model.safetensors")
    vocabulary = {f"w{number}": number for number in range(49406)}
    vocabulary |= {"<|startoftext|>": 49406, "<|endoftext|>": 49407}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return given, folder


@pytest.mark.parametrize("family", ["chexzero", "clip-openai"])
def test_clip_sees_as_upstream(family: str, clip_file: tuple[Golden, Path]) -> None:
    given, folder = clip_file
    encoder = images(f"{family}-image", folder / "model.safetensors", side=224)

    assert_same(encoder.encode(given.image(2, 3, 224, 224)).pooled, given.outputs["image"])


def test_clip_reads_as_upstream(clip_file: tuple[Golden, Path]) -> None:
    given, folder = clip_file
    encoder = load_text_encoder("chexzero-text", weights=folder)
    assert isinstance(encoder, FrozenTexts)
    padded = [row.tolist() for row in given.outputs["ids"]]
    plain = [row[: int(np.argmax(row)) + 1] for row in padded]

    for rows in (plain, padded):
        fed = replace(encoder, tokenise=partial(reading, rows))
        assert_same(fed.encode(("0", "1")).pooled, given.outputs["text"])

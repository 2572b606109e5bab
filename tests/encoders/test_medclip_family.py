"""MedCLIP and CXR-CLIP: towers out of one checkpoint, under the names of its day."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from carina.core import Mismatch, MissingFile
from carina.encoders import FrozenImages, FrozenTexts, load_image_encoder, load_text_encoder
from carina.encoders.resnet import ResNet
from carina.testing import ImageEncoderContract, TextEncoderContract

WORDS = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] no acute ##pulmonary abnormality . , small left pleural effusion "
    "mild cardiomegaly ; pneumothorax is seen on this film today and"
)

TODAY_TO_THEN = (
    ("attention.q_proj.", "attention.self.query."),
    ("attention.k_proj.", "attention.self.key."),
    ("attention.v_proj.", "attention.self.value."),
    ("attention.o_proj.", "attention.output.dense."),
    ("attention.relative_position_bias.rel", "attention.self.rel"),
    ("mlp.fc1.", "intermediate.dense."),
    ("mlp.fc2.", "output.dense."),
)


def of_its_day(name: str) -> str:
    """The name a tensor of Swin had when the checkpoints were made."""
    if "encoder.layers" in name:
        for today, then in TODAY_TO_THEN:
            name = name.replace(today, then)
    return name


def swin() -> nn.Module:
    from transformers import SwinConfig, SwinModel

    network: nn.Module = SwinModel(SwinConfig()).eval()
    return network


def bert() -> nn.Module:
    from transformers import BertConfig, BertModel

    network: nn.Module = BertModel(BertConfig(vocab_size=28996)).eval()
    return network


Write = Callable[..., Path]


@pytest.fixture(scope="module")
def towers() -> dict[str, nn.Module]:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        heads = {name: nn.Linear(768, 512, bias=name != "medclip") for name in ("medclip", "cxr")}
        other = {name: nn.Linear(768, 512, bias=name != "medclip") for name in ("medclip", "cxr")}
        return {
            "swin": swin(),
            "bert": bert(),
            "image-medclip": heads["medclip"],
            "text-medclip": other["medclip"],
            "image-cxr": heads["cxr"],
            "text-cxr": other["cxr"],
        }


def checkpoint(towers: dict[str, nn.Module], kind: str) -> dict[str, Tensor]:
    places = {
        "medclip": {
            "swin": "vision_model.model.",
            "bert": "text_model.model.",
            "image-medclip": "vision_model.projection_head.",
            "text-medclip": "text_model.projection_head.",
        },
        "cxr": {
            "swin": "image_encoder.image_encoder.",
            "bert": "text_encoder.text_encoder.",
            "image-cxr": "image_projection.projection.",
            "text-cxr": "text_projection.projection.",
        },
    }[kind]
    tensors = {
        place + (of_its_day(name) if tower == "swin" else name): value
        for tower, place in places.items()
        for name, value in towers[tower].state_dict().items()
    }
    index = f"{places['swin']}encoder.layers.0.blocks.0.attention.self.relative_position_index"
    tensors[index] = torch.zeros((49, 49), dtype=torch.int64)
    tensors[f"{places['bert']}embeddings.position_ids"] = torch.arange(512)[None]
    return tensors | {"logit_scale": torch.tensor(4.6)}


@pytest.fixture(scope="module")
def folders(
    towers: dict[str, nn.Module], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    found = {}
    for kind, name in (("medclip", "pytorch_model.bin"), ("cxr", "swint_mc.pt")):
        folder = tmp_path_factory.mktemp(kind)
        tensors = checkpoint(towers, kind)
        torch.save(tensors if kind == "medclip" else {"model": tensors, "epoch": 7}, folder / name)
        (folder / "vocab.txt").write_text("\n".join(WORDS.split()) + "\n")
        found[kind] = folder
    return found


@pytest.fixture(scope="module")
def loaded(folders: dict[str, Path]) -> dict[str, FrozenImages | FrozenTexts]:
    found: dict[str, FrozenImages | FrozenTexts] = {}
    for name, kind in (("medclip", "medclip"), ("cxr-clip", "cxr")):
        image = load_image_encoder(f"{name}-image", weights=folders[kind])
        text = load_text_encoder(f"{name}-text", weights=folders[kind])
        assert isinstance(image, FrozenImages)
        assert isinstance(text, FrozenTexts)
        found |= {f"{kind}-image": image, f"{kind}-text": text}
    return found


@pytest.fixture(scope="module")
def films() -> Tensor:
    return torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_a_film_by_medclip_is_the_projected_mean_of_its_patches(
    towers: dict[str, nn.Module], loaded: dict[str, FrozenImages], films: Tensor
) -> None:
    patches = towers["swin"](pixel_values=films).last_hidden_state
    wanted = towers["image-medclip"](patches.mean(dim=1))

    found = loaded["medclip-image"].encode(films, tokens=True)

    assert (found.pooled - wanted).abs().max() <= 1e-4 * wanted.std()
    assert found.tokens is not None
    assert torch.allclose(found.tokens.mean(dim=1), found.pooled, atol=1e-5)


@torch.no_grad()
def test_a_film_by_cxr_clip_is_the_projected_first_patch(
    towers: dict[str, nn.Module], loaded: dict[str, FrozenImages], films: Tensor
) -> None:
    patches = towers["swin"](pixel_values=films).last_hidden_state
    wanted = towers["image-cxr"](patches[:, 0])

    found = loaded["cxr-image"].encode(films).pooled

    assert (found - wanted).abs().max() <= 1e-4 * wanted.std()


@torch.no_grad()
def test_a_text_is_pooled_as_upstream_pools(
    towers: dict[str, nn.Module], loaded: dict[str, FrozenTexts]
) -> None:
    numbers = torch.tensor([[2, 5, 6, 7, 8, 9, 3]])
    layers = towers["bert"](input_ids=numbers, output_hidden_states=True).hidden_states
    medclip = torch.stack([layers[1], layers[2], layers[-1]], dim=1).mean(dim=2).mean(dim=1)
    texts = ("no acutepulmonary abnormality.",)

    for kind, pooled in (("medclip", medclip), ("cxr", layers[-1][:, -1])):
        encoder = loaded[f"{kind}-text"]
        assert encoder.tokenise(texts[0]) == numbers[0].tolist()
        wanted = towers[f"text-{kind}"](pooled)
        assert (encoder.encode(texts).pooled - wanted).abs().max() <= 1e-4 * wanted.std()


def test_two_towers_of_a_release_share_a_space_and_no_other(
    loaded: dict[str, FrozenImages | FrozenTexts],
) -> None:
    spaces = {name: encoder.card.space for name, encoder in loaded.items()}

    assert spaces["medclip-image"] == spaces["medclip-text"]
    assert spaces["cxr-image"] == spaces["cxr-text"]
    assert len(set(spaces.values())) == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda tensors: tensors.pop("vision_model.projection_head.weight"), "1 missing"),
        (lambda tensors: tensors.update(extra=torch.ones(1)), "not known to this encoder (extra"),
    ],
    ids=["missing", "superfluous"],
)
def test_a_wrong_name_in_the_checkpoint_is_told(
    change: Callable[[dict[str, Tensor]], object],
    told: str,
    towers: dict[str, nn.Module],
    tmp_path: Path,
) -> None:
    tensors = checkpoint(towers, "medclip")
    change(tensors)
    torch.save(tensors, tmp_path / "pytorch_model.bin")

    with pytest.raises(Mismatch) as caught:
        load_image_encoder("medclip-image", weights=tmp_path)

    assert told in str(caught.value)


def test_without_its_vocabulary_a_text_tower_says_what_to_put_there(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"")

    with pytest.raises(MissingFile, match=r"vocab\.txt"):
        load_text_encoder("medclip-text", weights=tmp_path)


def test_a_folder_without_weights_says_what_is_there_instead(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("")

    with pytest.raises(MissingFile, match=r"pytorch_model\.bin.*readme\.txt"):
        load_image_encoder("medclip-image", weights=tmp_path)


class TestMedclipFilms(ImageEncoderContract):
    @pytest.fixture
    def encoder(self, loaded: dict[str, FrozenImages]) -> FrozenImages:
        return loaded["medclip-image"]


class TestMedclipTexts(TextEncoderContract):
    @pytest.fixture
    def encoder(self, loaded: dict[str, FrozenTexts]) -> FrozenTexts:
        return loaded["medclip-text"]


@pytest.fixture(scope="module")
def residual() -> dict[str, nn.Module]:
    """Transformers' ResNet-50 cannot be had under these names; ours is held by upstream's goldens."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return {
            "trunk": ResNet(inputs=3, blocks=(3, 4, 6, 3)).eval(),
            "medclip": nn.Linear(2048, 512, bias=False),
            "cxr": nn.Linear(2048, 512),
        }


@pytest.mark.parametrize(
    ("name", "kind", "trunk", "head"),
    [
        ("medclip-resnet-image", "medclip", "vision_model.model.", "vision_model.model.fc."),
        ("cxr-clip-resnet-image", "cxr", "image_encoder.resnet.", "image_projection.projection."),
    ],
)
@torch.no_grad()
def test_a_film_by_a_residual_tower_is_the_projected_mean_of_its_map(
    name: str,
    kind: str,
    trunk: str,
    head: str,
    residual: dict[str, nn.Module],
    films: Tensor,
    tmp_path: Path,
) -> None:
    tensors = {
        place + key: value
        for place, part in ((trunk, residual["trunk"]), (head, residual[kind]))
        for key, value in part.state_dict().items()
    }
    torch.save({"model": tensors}, tmp_path / "model.pt")
    maps = residual["trunk"](films)
    wanted = residual[kind](maps[-1].mean(dim=(2, 3)))

    encoder = load_image_encoder(name, weights=tmp_path / "model.pt")
    found = encoder.encode(films, tokens=True, stages=True)

    assert (found.pooled - wanted).abs().max() <= 1e-4 * wanted.std()
    assert found.stages is not None
    assert [each.shape[1] for each in found.stages] == [s.width for s in encoder.card.stages]
    assert encoder.card.space.startswith(name.split("-resnet")[0])

"""Families read from a folder in transformers' form, against transformers itself on small ones."""

import json
import pickle
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

from carina.core import InvalidValue, Mismatch, MissingFile, UnknownName, UnreadableFile
from carina.encoders import (
    ImageEncoder,
    TextEncoder,
    listing,
    load_encoder,
)
from carina.testing import ImageEncoderContract, TextEncoderContract

TEXTS = (
    "No acute cardiopulmonary abnormality.",
    "Findings:\n  Mild cardiomegaly. SMALL left pleural effusion; no pneumothorax, 3 cm.\n",
    "Überblähung beidseits",
    "consolidation " * 400,
    "",
)
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
IMAGES = [
    "rad-dino",
    "dinov2:mine",
    "dinov2:registers",
    "medsiglip-image",
    "siglip:mine/image",
    "clip:mine/image",
]
TEXTS_ENCODERS = [
    "bert:mine/cls",
    "bert:mine/mean",
    "bert:mine/pooler",
    "medsiglip-text",
    "siglip:mine/text",
    "clip:mine/text",
]


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


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def loaded(folders: Path) -> Callable[[str], Any]:
    """Encoders by name, each loaded once."""
    there: dict[str, Any] = {}

    def load(name: str) -> Any:
        if name not in there:
            there[name] = load_encoder(name, weights=folders / of(name))
        return there[name]

    return load


def pixels(encoder: ImageEncoder, count: int = 2) -> Tensor:
    spec = encoder.card.preprocess
    assert spec is not None
    return torch.randn((count, 3, spec.size, spec.size), generator=torch.Generator().manual_seed(1))


def upstream_images(name: str, folder: Path, images: Tensor) -> tuple[Tensor, Tensor]:
    """What transformers gives after loading the folder its own way: pooled, tokens."""
    import transformers

    kind = of(name)
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
    name: str, folders: Path, loaded: Callable[[str], Any]
) -> None:
    encoder = loaded(name)
    images = pixels(encoder)
    pooled, tokens = upstream_images(name, folders / of(name), images)

    found = encoder.encode(images, tokens=True)

    torch.testing.assert_close(found.pooled, pooled, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.tokens, tokens, atol=1e-5, rtol=0)
    assert found.pooled.std() > 0.01


@pytest.mark.parametrize("pooling", ["cls", "mean", "pooler"])
def test_texts_through_bert_are_those_of_transformers(
    pooling: str, folders: Path, loaded: Callable[[str], Any]
) -> None:
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folders / "bert")
    model = AutoModel.from_pretrained(folders / "bert")
    encoder = loaded(f"bert:mine/{pooling}")
    for text in TEXTS:
        words = tokenizer(text, truncation=True, max_length=128, return_tensors="pt")
        with torch.no_grad():
            found = model(**words)
        states = found.last_hidden_state
        expected = {"cls": states[:, 0], "mean": states.mean(1), "pooler": found.pooler_output}

        assert encoder.tokenise(text) == words["input_ids"][0].tolist()
        torch.testing.assert_close(
            encoder.encode((text,)).pooled, expected[pooling], atol=1e-5, rtol=0
        )


def test_texts_through_clip_are_those_of_transformers(
    folders: Path, loaded: Callable[[str], Any]
) -> None:
    from transformers import AutoTokenizer, CLIPModel

    tokenizer = AutoTokenizer.from_pretrained(folders / "clip")
    model = CLIPModel.from_pretrained(folders / "clip")
    words = tokenizer(
        list(TEXTS), padding=True, truncation=True, max_length=96, return_tensors="pt"
    )
    with torch.no_grad():
        expected = model.text_projection(model.text_model(**words).pooler_output)

    found = loaded("clip:mine/text").encode(TEXTS).pooled

    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["siglip:mine/text", "medsiglip-text"])
def test_texts_through_siglip_are_padded_lower_case_and_those_of_transformers(
    name: str, folders: Path, loaded: Callable[[str], Any]
) -> None:
    from transformers import SiglipModel

    encoder = loaded(name)
    numbers = [encoder.tokenise(text) for text in TEXTS]
    with torch.no_grad():
        model = SiglipModel.from_pretrained(folders / of(name))
        expected = model.text_model(input_ids=torch.tensor(numbers)).pooler_output

    torch.testing.assert_close(encoder.encode(TEXTS).pooled, expected, atol=1e-5, rtol=0)
    assert {len(each) for each in numbers} == {64}
    assert all(each[-1] == 1 for each in numbers)
    assert encoder.tokenise("Small, LEFT\n effusion!") == encoder.tokenise("small left effusion")


def test_both_towers_of_one_folder_share_a_space_and_other_weights_have_another(
    folders: Path, loaded: Callable[[str], Any]
) -> None:
    spaces = [
        {loaded(f"{kind}:mine/{tower}").card.space for tower in ("image", "text")}
        for kind in ("siglip", "clip")
    ]
    spaces.append({loaded(f"medsiglip-{tower}").card.space for tower in ("image", "text")})

    assert [len(each) for each in spaces] == [1, 1, 1]
    assert len(set.union(*spaces)) == 3


def copied(folders: Path, name: str, to: Path) -> Path:
    folder = to / of(name)
    shutil.copytree(folders / of(name), folder)
    return folder


@pytest.mark.parametrize(
    "name", ["bert:mine/cls", "dinov2:mine", "siglip:mine/text", "clip:mine/image"]
)
def test_a_torch_file_and_shards_give_the_same_digest(
    name: str, folders: Path, loaded: Callable[[str], Any], tmp_path: Path
) -> None:
    folder = copied(folders, name, tmp_path)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    assert load_encoder(name, weights=folder).card == loaded(name).card

    (folder / "pytorch_model.bin").unlink()
    halves = {"a.safetensors": list(tensors)[::2], "b.safetensors": list(tensors)[1::2]}
    for file, keys in halves.items():
        save_file({key: tensors[key] for key in keys}, folder / file)
    index = {"weight_map": {key: file for file, keys in halves.items() for key in keys}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert load_encoder(name, weights=folder).card == loaded(name).card


def test_an_index_reaches_no_file_outside_its_folder(folders: Path, tmp_path: Path) -> None:
    folder = copied(folders, "bert:mine/cls", tmp_path)
    (folder / "model.safetensors").rename(tmp_path / "model.safetensors")
    index = {"weight_map": {"a": "../model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    with pytest.raises(UnreadableFile, match="files of its own folder"):
        load_encoder("bert:mine/cls", weights=folder)


def test_a_bert_of_2019_has_the_digest_of_today(
    folders: Path, loaded: Callable[[str], Any], tmp_path: Path
) -> None:
    folder = copied(folders, "bert:mine/cls", tmp_path)
    tensors = load_file(folder / "model.safetensors")
    old = {
        key.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for key, tensor in tensors.items()
    }
    assert all(key.startswith(("bert.", "cls.")) for key in old)
    old["bert.embeddings.position_ids"] = torch.arange(128)[None]
    (folder / "model.safetensors").unlink()
    torch.save(old, folder / "pytorch_model.bin")

    assert load_encoder("bert:mine/cls", weights=folder).card == loaded("bert:mine/cls").card


@pytest.mark.parametrize(
    "name", ["bert:mine/mean", "rad-dino", "siglip:mine/image", "clip:mine/text"]
)
def test_a_key_renamed_and_a_superfluous_one_are_told_by_upstreams_names(
    name: str, folders: Path, tmp_path: Path
) -> None:
    folder = copied(folders, name, tmp_path)
    tensors = load_file(folder / "model.safetensors")
    skipped = "vision_" if name.endswith("text") else "text_"
    key = next(
        key
        for key in tensors
        if key.endswith(("query.weight", "q_proj.weight")) and not key.startswith(skipped)
    )
    tensors[key + "s"] = tensors.pop(key)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})

    with pytest.raises(Mismatch) as caught:
        load_encoder(name, weights=folder)

    plain = key.removeprefix("bert.")
    assert f"1 missing ({plain})" in str(caught.value)
    assert f"1 not known to this encoder ({plain}s)" in str(caught.value)


def test_a_pooler_that_is_not_there_is_missed_only_where_it_is_asked_for(
    folders: Path, loaded: Callable[[str], Any], tmp_path: Path
) -> None:
    folder = copied(folders, "bert:mine/cls", tmp_path)
    tensors = load_file(folder / "model.safetensors")
    kept = {key: tensor for key, tensor in tensors.items() if "pooler" not in key}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})

    with pytest.raises(Mismatch, match=r"2 missing \(pooler\.dense\.bias, pooler\.dense\.weight"):
        load_encoder("bert:mine/pooler", weights=folder)
    assert load_encoder("bert:mine/cls", weights=folder).card == loaded("bert:mine/cls").card


def test_code_beside_the_weights_is_not_run_and_kernels_are_not_fetched(
    folders: Path, loaded: Callable[[str], Any], tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    for name in ("bert:mine/cls", "dinov2:mine", "clip:mine/text", "siglip:mine/image"):
        folder = copied(folders, name, tmp_path)
        (folder / "evil.py").write_text(f"open({str(trace)!r}, 'w')\nclass Evil: pass\n")
        wanted = {
            "auto_map": {
                "AutoConfig": "evil.Evil",
                "AutoModel": "evil.Evil",
                "AutoTokenizer": ["evil.Evil", "evil.Evil"],
            },
            "attn_implementation": "somebody/kernel",
            "_attn_implementation": "some/kernel",
        }
        for file in ("config.json", "tokenizer_config.json"):
            there = json.loads((folder / file).read_text()) if (folder / file).is_file() else {}
            (folder / file).write_text(
                json.dumps(
                    there | wanted | ({} if file == "config.json" else {"tokenizer_class": "Evil"})
                )
            )

        found = load_encoder(name, weights=folder)

        assert not trace.exists()
        if found.card.modality == "image":
            assert found.card == loaded(name).card
        else:
            assert torch.equal(found.encode(TEXTS).pooled, loaded(name).encode(TEXTS).pooled)


class Malicious:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("name", ["bert:mine/cls", "medsiglip-text", "rad-dino"])
def test_a_pickle_in_the_folder_that_runs_code_is_refused(
    name: str, folders: Path, tmp_path: Path
) -> None:
    folder = copied(folders, name, tmp_path)
    (folder / "model.safetensors").unlink()
    for write in (torch.save, lambda what, to: to.write_bytes(pickle.dumps(what))):
        write({"a": Malicious(tmp_path / "trace")}, folder / "pytorch_model.bin")
        with pytest.raises(UnreadableFile, match="carries more than tensors"):
            load_encoder(name, weights=folder)
    assert not (tmp_path / "trace").exists()


def test_a_folder_of_another_kind_is_refused_by_its_kind(folders: Path) -> None:
    with pytest.raises(Mismatch, match="of the kind 'dinov2'"):
        load_encoder("bert:mine/cls", weights=folders / "dinov2")
    with pytest.raises(Mismatch, match="of the kind 'clip'"):
        load_encoder("medsiglip-image", weights=folders / "clip")


def test_settings_no_model_can_be_built_from_are_told(folders: Path, tmp_path: Path) -> None:
    folder = copied(folders, "bert:mine/cls", tmp_path)
    there = json.loads((folder / "config.json").read_text())
    for broken, said in (
        (json.dumps(there | {"num_attention_heads": 7}), "No model can be built"),
        ("{", "is no JSON"),
        ("[]", "holds no settings"),
    ):
        (folder / "config.json").write_text(broken)
        with pytest.raises(UnreadableFile, match=said):
            load_encoder("bert:mine/cls", weights=folder)
    (folder / "config.json").unlink()
    with pytest.raises(MissingFile, match=r"config\.json"):
        load_encoder("bert:mine/cls", weights=folder)


def test_another_input_recipe_is_an_error_for_a_release_and_taken_over_for_a_kind(
    folders: Path, tmp_path: Path
) -> None:
    folder = copied(folders, "rad-dino", tmp_path)
    (folder / "preprocessor_config.json").write_text(json.dumps(crop(56, mean=0.4)))

    with pytest.raises(Mismatch, match=r"size 56 instead of 518; .*mean .*0\.4"):
        load_encoder("rad-dino", weights=folder)
    card = load_encoder("dinov2:mine", weights=folder).card
    assert card.preprocess is not None
    assert (card.preprocess.size, card.preprocess.mean[0], card.grid) == (56, 0.4, (4, 4))

    (folder / "preprocessor_config.json").unlink()
    assert load_encoder("rad-dino", weights=folder).card.grid == (37, 37)
    with pytest.raises(MissingFile, match=r"preprocessor_config\.json"):
        load_encoder("dinov2:mine", weights=folder)


def test_a_release_keeps_what_it_has_seen_and_a_folder_of_ones_own_is_unknown(
    loaded: Callable[[str], Any],
) -> None:
    release, own = loaded("rad-dino").card, loaded("dinov2:mine").card

    assert "mimic-cxr-jpg" in {seen.source for seen in release.exposed_to}
    assert release.revision == "own file"
    assert [seen.source for seen in own.exposed_to] == ["unknown"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bert:mine", "bert:NAME/cls"),
        ("bert:mine/meen", "Did you mean 'mean'"),
        ("bert:..//cls", "bert:NAME/mean"),
        ("clip:mine", "clip:NAME/image or clip:NAME/text"),
        ("siglip:mine/txt", "siglip:NAME/text"),
        ("dinov2:a b", "letters, digits"),
    ],
)
def test_a_name_that_leaves_something_open_says_what_is_wanted(name: str, said: str) -> None:
    with pytest.raises(UnknownName, match=said):
        load_encoder(name, weights=Path("nowhere"))


def test_releases_are_listed_with_licence_exposure_and_where_they_are_published() -> None:
    told = {info.card.name: info for info in listing()}
    for name in (
        "bert-base",
        "biobert",
        "clinicalbert",
        "pubmedbert",
        "dinov2-base",
        "rad-dino",
        "medsiglip-image",
        "medsiglip-text",
    ):
        info = told[name]
        assert info.card.licence, name
        assert info.card.exposed_to, name
        assert info.weights_from.startswith(f"hub:{info.card.revision},"), name
        with pytest.raises(InvalidValue, match="Upstream publishes them as hub:"):
            load_encoder(name)


class TestImageContracts(ImageEncoderContract):
    @pytest.fixture(
        params=["dinov2:mine", "dinov2:registers", "siglip:mine/image", "clip:mine/image"]
    )
    def encoder(self, request: pytest.FixtureRequest, loaded: Callable[[str], Any]) -> ImageEncoder:
        found: ImageEncoder = loaded(request.param)
        return found


class TestTextContracts(TextEncoderContract):
    @pytest.fixture(
        params=["bert:mine/cls", "bert:mine/mean", "siglip:mine/text", "clip:mine/text"]
    )
    def encoder(self, request: pytest.FixtureRequest, loaded: Callable[[str], Any]) -> TextEncoder:
        found: TextEncoder = loaded(request.param)
        return found

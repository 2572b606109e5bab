"""What is read of a model's folder, and what is refused."""

import json
import logging
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from carina.core import InvalidValue, Mismatch, MissingFile, UnknownName, UnreadableFile
from carina.encoders import FrozenTexts, listing, load_encoder, load_text_encoder


@pytest.mark.parametrize(
    "name", ["bert:mine/cls", "dinov2:mine", "siglip:mine/text", "clip:mine/image"]
)
def test_a_torch_file_and_shards_give_the_same_digest(
    name: str, loaded: Callable[[str], Any], copied: Callable[[str], Path]
) -> None:
    folder = copied(name)
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


def test_an_index_reaches_no_file_outside_its_folder(
    copied: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = copied("bert:mine/cls")
    (folder / "model.safetensors").rename(tmp_path / "model.safetensors")
    index = {"weight_map": {"a": "../model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    with pytest.raises(UnreadableFile, match="files of its own folder"):
        load_encoder("bert:mine/cls", weights=folder)


def test_a_bert_of_2019_has_the_digest_of_today(
    loaded: Callable[[str], Any], copied: Callable[[str], Path]
) -> None:
    folder = copied("bert:mine/cls")
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
    name: str, copied: Callable[[str], Path]
) -> None:
    folder = copied(name)
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


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("siglip:mine/image", "text_model.head.weight"),
        ("medsiglip-text", "vision_model.head.probe"),
        ("clip:mine/image", "text_projection.weight"),
        ("clip:mine/text", "vision_model.post_layernorm.bias"),
        ("bert:mine/cls", "bert.pooler.dense.bias"),
    ],
)
def test_a_misspelt_name_of_what_is_not_in_use_is_told_too_and_a_tower_may_stand_alone(
    name: str, key: str, copied: Callable[[str], Path]
) -> None:
    folder = copied(name)
    file, plain = folder / "model.safetensors", key.removeprefix("bert.")
    whole = load_file(file)
    save_file({k + "s" if k == key else k: t for k, t in whole.items()}, file, {"format": "pt"})

    with pytest.raises(
        Mismatch, match=re.escape(f"({plain}); 1 not known to this encoder ({plain}s)")
    ):
        load_encoder(name, weights=folder)

    towers = {"text": ("text_",), "visi": ("vision_", "visual_"), "bert": ("bert.pooler.", "cls.")}
    alone = {k: t for k, t in whole.items() if not k.startswith(towers[key[:4]])}
    save_file(alone, file, {"format": "pt"})
    assert 0 < len(alone) < len(whole)
    load_encoder(name, weights=folder)


def test_a_pooler_that_is_not_there_is_missed_only_where_it_is_asked_for(
    loaded: Callable[[str], Any], copied: Callable[[str], Path]
) -> None:
    folder = copied("bert:mine/cls")
    tensors = load_file(folder / "model.safetensors")
    kept = {key: tensor for key, tensor in tensors.items() if "pooler" not in key}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})

    with pytest.raises(Mismatch, match=r"2 missing \(pooler\.dense\.bias, pooler\.dense\.weight"):
        load_encoder("bert:mine/pooler", weights=folder)
    assert load_encoder("bert:mine/cls", weights=folder).card == loaded("bert:mine/cls").card


def test_code_beside_the_weights_is_not_run_and_kernels_are_not_fetched(
    loaded: Callable[[str], Any], copied: Callable[[str], Path], tmp_path: Path
) -> None:
    trace, texts = tmp_path / "trace", ("a small left effusion", "")
    for name in ("bert:mine/cls", "dinov2:mine", "clip:mine/text", "siglip:mine/image"):
        folder = copied(name)
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
        if isinstance(found, FrozenTexts):  # its tokenizer's settings have changed, not its words
            assert torch.equal(found.encode(texts).pooled, loaded(name).encode(texts).pooled)
        else:
            assert found.card == loaded(name).card


class Malicious:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("name", ["bert:mine/cls", "medsiglip-text", "rad-dino"])
def test_a_pickle_in_the_folder_that_runs_code_is_refused(
    name: str, copied: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = copied(name)
    (folder / "model.safetensors").unlink()
    for write in (torch.save, lambda what, to: to.write_bytes(pickle.dumps(what))):
        write({"a": Malicious(tmp_path / "trace")}, folder / "pytorch_model.bin")
        with pytest.raises(UnreadableFile, match="carries more than tensors"):
            load_encoder(name, weights=folder)
    assert not (tmp_path / "trace").exists()


def test_a_folder_of_another_kind_is_refused_by_its_kind(folder_of: Callable[[str], Path]) -> None:
    with pytest.raises(Mismatch, match="of the kind 'dinov2'"):
        load_encoder("bert:mine/cls", weights=folder_of("dinov2"))
    with pytest.raises(Mismatch, match="of the kind 'clip'"):
        load_encoder("medsiglip-image", weights=folder_of("clip"))


def test_settings_no_model_can_be_built_from_are_told(copied: Callable[[str], Path]) -> None:
    folder = copied("bert:mine/cls")
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
    copied: Callable[[str], Path],
) -> None:
    folder = copied("rad-dino")
    recipe = json.loads((folder / "preprocessor_config.json").read_text()) | {
        "size": {"shortest_edge": 56},
        "crop_size": {"height": 56, "width": 56},
        "image_mean": [0.4] * 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(recipe))

    with pytest.raises(Mismatch, match=r"size 56 instead of 518; .*mean .*0\.4"):
        load_encoder("rad-dino", weights=folder)
    card = load_encoder("dinov2:mine", weights=folder).card
    assert card.preprocess is not None
    assert (card.preprocess.size, card.preprocess.mean[0], card.grid) == (56, 0.4, (4, 4))

    (folder / "preprocessor_config.json").unlink()
    assert load_encoder("rad-dino", weights=folder).card.grid == (37, 37)
    with pytest.raises(MissingFile, match=r"preprocessor_config\.json"):
        load_encoder("dinov2:mine", weights=folder)


@pytest.mark.parametrize("name", ["siglip:mine/image", "clip:mine/image"])
def test_a_recipe_for_another_size_than_the_models_is_refused(
    name: str, copied: Callable[[str], Path]
) -> None:
    folder = copied(name)
    recipe = json.loads((folder / "preprocessor_config.json").read_text())
    recipe |= {"size": {"height": 70, "width": 70}, "do_center_crop": False}
    (folder / "preprocessor_config.json").write_text(json.dumps(recipe))

    with pytest.raises(Mismatch, match=r"takes images of 56 x 56 .* gives 70 x 70"):
        load_encoder(name, weights=folder)


class Records(logging.Handler):
    """What a library logs, kept."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def test_loading_says_nothing(copied: Callable[[str], Path]) -> None:
    folder = copied("siglip:mine/text")
    config = json.loads((folder / "config.json").read_text())
    for sign in ("bos_token_id", "eos_token_id"):  # as published: not in the vocabulary
        del config["text_config"][sign]
    (folder / "config.json").write_text(json.dumps(config))
    library, records = logging.getLogger("transformers"), Records()
    level = library.level
    library.addHandler(records)
    try:
        load_text_encoder("siglip:mine/text", weights=folder).encode(("small effusion",))
    finally:
        library.removeHandler(records)

    assert records.said == []
    assert library.level == level


def test_a_vocabulary_with_words_the_model_has_not_is_refused(
    copied: Callable[[str], Path],
) -> None:
    folder = copied("bert:mine/cls")
    with (folder / "vocab.txt").open("a") as vocabulary:
        vocabulary.write("\nradiolucency")

    with pytest.raises(Mismatch, match="Take the tokenizer files of the same release"):
        load_encoder("bert:mine/cls", weights=folder)


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


def test_a_number_behind_the_pooling_is_where_texts_are_cut(
    loaded: Callable[[str], Any], folder_of: Callable[[str], Path]
) -> None:
    whole = loaded("bert:mine/pooler")
    cut, far = (
        load_text_encoder(f"bert:mine/pooler/{most}", weights=folder_of("bert:mine/pooler"))
        for most in (5, 100_000)
    )
    short, long = "no effusion", "no effusion and no pneumothorax on either side"

    assert (cut.card.max_tokens, far.card.max_tokens) == (5, whole.card.max_tokens)
    assert torch.equal(cut.encode((short,)).pooled, whole.encode((short,)).pooled)
    assert not torch.equal(cut.encode((long,)).pooled, whole.encode((long,)).pooled)
    assert torch.equal(far.encode((long,)).pooled, whole.encode((long,)).pooled)
    assert cut.card.fingerprint != whole.card.fingerprint
    with pytest.raises(UnknownName, match="does not say how words become one vector"):
        load_encoder("bert:mine/112")

"""CXR-BERT: one BERT under upstream's names, projected or not, and the vocabulary beside it."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from carina.core import Mismatch, MissingFile, digest_bytes
from carina.encoders import FrozenTexts, load_text_encoder
from carina.testing import TextEncoderContract

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "no",
    "acute",
    "##pulmonary",
    "abnormality",
    ".",
    ",",
    "small",
    "left",
    "pleural",
    "effusion",
    "mild",
    "cardiomegaly",
    ";",
    "pneumothorax",
    "is",
    "seen",
    "on",
    "this",
    "film",
    "today",
    "and",
    "effusion",
]


def shapes() -> dict[str, tuple[int, ...]]:
    """Upstream's names, every one, with their shapes."""
    wide, inner, words = 768, 3072, 30522
    names: dict[str, tuple[int, ...]] = {
        "bert.embeddings.word_embeddings.weight": (words, wide),
        "bert.embeddings.position_embeddings.weight": (512, wide),
        "bert.embeddings.token_type_embeddings.weight": (2, wide),
        "bert.embeddings.LayerNorm.weight": (wide,),
        "bert.embeddings.LayerNorm.bias": (wide,),
        "cls.predictions.bias": (words,),
        "cls.predictions.transform.LayerNorm.weight": (wide,),
        "cls.predictions.transform.LayerNorm.bias": (wide,),
        "cls_projection_head.LayerNorm.weight": (128,),
        "cls_projection_head.LayerNorm.bias": (128,),
    }
    dense = {
        "cls.predictions.transform.dense": (wide, wide),
        "cls.predictions.decoder": (words, wide),
        "cls_projection_head.dense_to_hidden": (128, wide),
        "cls_projection_head.dense_to_output": (128, 128),
    }
    for layer in range(12):
        at = f"bert.encoder.layer.{layer}"
        inside = ("self.query", "self.key", "self.value", "output.dense")
        dense |= {f"{at}.attention.{name}": (wide, wide) for name in inside}
        dense |= {f"{at}.intermediate.dense": (inner, wide), f"{at}.output.dense": (wide, inner)}
        norms = (f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm")
        names |= {f"{norm}.{part}": (wide,) for norm in norms for part in ("weight", "bias")}
    for name, shape in dense.items():
        names |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return names


def drawn() -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(11)
    tensors = {
        name: torch.randn(shape, generator=draw) / shape[-1] ** 0.5
        if len(shape) > 1
        else 1.0 - float(name.endswith("bias")) + 0.1 * torch.randn(shape, generator=draw)
        for name, shape in shapes().items()
    }
    # in upstream's model the two are one
    tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"]
    return tensors


def spread(names: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """One number for each tensor, spread out: a file of a few kilobytes."""
    return {name: torch.zeros(()).expand(shape) for name, shape in names.items()}


def vocabulary(folder: Path, words: list[str] = WORDS) -> Path:
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(words)))
    return folder


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as upstream publishes it, but for the code, which nobody runs."""
    folder = vocabulary(tmp_path_factory.mktemp("cxr-bert"))
    torch.save(drawn(), folder / "pytorch_model.bin")
    code = '{"auto_map": {"AutoTokenizer": ["no_such_module.CXRBertTokenizer", null]}}'
    (folder / "tokenizer_config.json").write_text(code)
    return folder


@pytest.fixture(scope="module")
def biovil(release: Path) -> FrozenTexts:
    encoder = load_text_encoder("biovil-text", weights=release)
    assert isinstance(encoder, FrozenTexts)
    return encoder


class TestCXRBert(TextEncoderContract):
    @pytest.fixture
    def encoder(self, biovil: FrozenTexts) -> FrozenTexts:
        return biovil


def test_the_names_are_upstreams() -> None:
    names = sorted(shapes())

    assert len(names) == 210
    assert digest_bytes("\n".join(names).encode()).startswith("dd3b333aba1101ab7922")


def test_it_projects_cls_of_the_bert_of_transformers_whatever_stands_behind_a_mask(
    release: Path, biovil: FrozenTexts
) -> None:
    from transformers import BertConfig, BertForMaskedLM

    given = torch.load(release / "pytorch_model.bin", weights_only=True)
    with torch.random.fork_rng(devices=[]):
        bert = BertForMaskedLM(BertConfig()).eval()
    head = {name: t for name, t in given.items() if name.startswith("cls_projection_head.")}
    bert.load_state_dict({name: t for name, t in given.items() if name not in head})
    texts = ("small left pleural effusion; no pneumothorax", "mild cardiomegaly")
    rows = [biovil.tokenise(text) for text in texts]
    longest = max(map(len, rows))
    padded = torch.tensor([row + [5] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])

    with torch.no_grad():
        words = bert(padded, attention_mask=mask, output_hidden_states=True).hidden_states[-1]
        part = {name.removeprefix("cls_projection_head."): t for name, t in head.items()}
        x = torch.nn.functional.gelu(
            words[:, 0] @ part["dense_to_hidden.weight"].T + part["dense_to_hidden.bias"]
        )
        x = torch.nn.functional.layer_norm(
            x, (128,), part["LayerNorm.weight"], part["LayerNorm.bias"], eps=1e-12
        )
        expected = x @ part["dense_to_output.weight"].T + part["dense_to_output.bias"]

    torch.testing.assert_close(biovil.encode(texts).pooled, expected, rtol=1e-4, atol=1e-4)


def test_the_end_of_a_sentence_and_its_case_change_nothing(biovil: FrozenTexts) -> None:
    one, ended, loud, inside = biovil.encode(
        ("no effusion", "no effusion.!?", "No EFFUSION", "no. effusion")
    ).pooled

    assert torch.equal(one, ended)
    assert torch.equal(one, loud)
    assert not torch.equal(one, inside)


def test_old_names_are_migrated(tmp_path: Path) -> None:
    today, old = spread(shapes()), {"module.bert.embeddings.position_ids": torch.arange(512)[None]}
    for name, tensor in today.items():
        past = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        old[f"module.{past.replace('LayerNorm.bias', 'LayerNorm.beta')}"] = tensor
    torch.save(today, vocabulary(tmp_path) / "today.bin")
    torch.save(old, tmp_path / "old.bin")

    one, other = (
        load_text_encoder("biovil-text", weights=tmp_path / f"{name}.bin").card
        for name in ("today", "old")
    )

    assert one == other


def test_words_of_the_guessing_head_are_the_words(tmp_path: Path) -> None:
    """Upstream ties the two and reads the head's last; a file may hold two values for the one."""
    given = spread(shapes())
    given["cls.predictions.decoder.weight"] = torch.ones(()).expand(30522, 768)
    torch.save(given, vocabulary(tmp_path) / "pytorch_model.bin")
    encoder = load_text_encoder("biovil-text", weights=tmp_path)
    assert isinstance(encoder, FrozenTexts)

    assert encoder.module.get_parameter("bert.embeddings.word_embeddings.weight").eq(1).all()


def test_the_general_one_averages_words_and_is_alone(release: Path, biovil: FrozenTexts) -> None:
    encoder = load_text_encoder("cxr-bert-general", weights=release)
    assert isinstance(encoder, FrozenTexts)
    numbers = torch.tensor([encoder.tokenise("no effusion")])

    with torch.no_grad():
        words = biovil.module.get_submodule("bert")(input_ids=numbers).last_hidden_state

    torch.testing.assert_close(encoder.encode(("no effusion",)).pooled, words.mean(dim=1))
    assert encoder.card.dim == 768
    assert encoder.card.space == ""
    assert biovil.card.space == "biovil"


@pytest.mark.parametrize("name", ["bert.encoder.layer.7.output.dense.bias", "cls.predictions.bias"])
@pytest.mark.parametrize("fault", ["renamed", "missing", "superfluous"])
def test_a_wrong_name_is_told(name: str, fault: str, tmp_path: Path) -> None:
    tensors = spread(shapes())
    held = tensors[name]
    if fault != "superfluous":
        del tensors[name]
    if fault != "missing":
        name = f"{name}x"
        tensors[name] = held
    torch.save(tensors, vocabulary(tmp_path) / "pytorch_model.bin")

    with pytest.raises(Mismatch, match=name.replace(".", r"\.")):
        load_text_encoder("biovil-t-text", weights=tmp_path)


def test_a_vocabulary_longer_than_the_encoders_is_refused(tmp_path: Path) -> None:
    vocabulary(tmp_path, [*WORDS, *(f"w{number}" for number in range(30522))])
    torch.save(spread(shapes()), tmp_path / "pytorch_model.bin")

    with pytest.raises(Mismatch, match="biovil-text knows 30522"):
        load_text_encoder("biovil-text", weights=tmp_path)


def test_without_a_vocabulary_it_says_which_files_to_bring(tmp_path: Path) -> None:
    torch.save(spread(shapes()), tmp_path / "pytorch_model.bin")

    with pytest.raises(MissingFile, match=r"tokenizer\.json or vocab\.txt beside the weights"):
        load_text_encoder("biovil-text", weights=tmp_path)

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from carina.core import UnreadableFile
from carina.encoders.families.siglip import _words
from carina.encoders.pieces import unigram_pieces

NORMAL, UNKNOWN, CONTROL = 1, 2, 3


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2, len(data)]) + data


def piece(text: str, score: float, sort: int = NORMAL) -> bytes:
    body = field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + bytes([0x18, sort])
    return field(1, body)


VOCABULARY = b"".join(
    [
        piece("<pad>", 0, CONTROL),
        piece("</s>", 0, CONTROL),
        piece("<unk>", 0, UNKNOWN),
        piece("▁", -8),
        piece("▁lung", -2),
        piece("▁lungs", -5),
        *(piece(letter, -4) for letter in "lungs"),
        piece("</s", -1),
        piece(">", -1),
    ]
)


def test_the_likeliest_pieces_are_taken() -> None:
    numbers, controls = unigram_pieces("x", VOCABULARY)

    assert controls == {"<pad>": 0, "</s>": 1}
    assert numbers("lung lungs") == [4, 5]  # -5 for the plural beats -2 - 4 for stem and letter
    assert numbers("  lung   lung") == [4, 4]
    assert numbers("gun") == [3, 9, 7, 8]
    assert numbers("") == []


def test_what_no_piece_covers_is_unknown_once_a_run() -> None:
    numbers, _ = unigram_pieces("x", VOCABULARY)

    assert numbers("lung日本s") == [4, 2, 10]


def test_a_text_that_spells_a_control_sign_has_none_in_it() -> None:
    numbers, _ = unigram_pieces("x", VOCABULARY)

    assert numbers("lung</s>") == [4, 11, 12]


def test_settings_between_the_pieces_are_passed_over() -> None:
    trainer = field(2, bytes([0x18, 1]) + b"\x25" + struct.pack("<f", 1.0) + field(1, b"a.txt"))
    normaliser = field(3, field(1, b"identity") + b"\x31" + struct.pack("<d", 2.0))
    numbers, _ = unigram_pieces("x", trainer + VOCABULARY + normaliser)

    assert numbers("lung") == [4]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        VOCABULARY[:-1],
        field(2, bytes([0x18, 2])) + VOCABULARY,  # byte pairs
        piece("a", 0),  # nothing for the unknown
        b"\x08" + b"\xff" * 20,
        field(1, field(2, b"no piece")),
    ],
)
def test_another_kind_and_damaged_files_are_refused(data: bytes) -> None:
    with pytest.raises(UnreadableFile, match=r"spiece\.model of x"):
        unigram_pieces("x", data)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    pytest.importorskip("google.protobuf", reason="protobuf is not installed")
    folder = tmp_path_factory.mktemp("spm")
    lines = [
        f"{size} {side} pleural effusion with naïve atelectasis, {heart} cardiomegaly {number}"
        for size in ("small", "large", "trace")
        for side in ("left", "right", "bilateral")
        for heart in ("no", "mild", "marked")
        for number in range(30)
    ]
    (folder / "lines.txt").write_text("\n".join(lines))
    library.SentencePieceTrainer.train(
        input=str(folder / "lines.txt"),
        model_prefix=str(folder / "spiece"),
        vocab_size=120,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    return folder


@pytest.mark.parametrize("most", [16, 64])
def test_texts_become_what_the_siglip_tokenizer_makes_of_them(trained: Path, most: int) -> None:
    from transformers import SiglipTokenizer

    upstream = SiglipTokenizer(str(trained / "spiece.model"))
    tokenise: Callable[[str], list[int]] = _words("x", trained, most)[0]
    for text in (
        "Small LEFT pleural effusion; no cardiomegaly, 3 cm.\n",
        " leading, \t and trailing  ",
        "",
        "...",
        "▁",
        "a▁b",
        "effusion " * 80,
        "x" * 300,
        "Überblähung ﬁne ½ ① 日本",
        "na\u0131\u0308ve e\u0301 \u00a0 \u200b …–“”",
    ):
        expected = upstream(text, padding="max_length", max_length=most, truncation=True)

        assert tokenise(text) == expected["input_ids"], text

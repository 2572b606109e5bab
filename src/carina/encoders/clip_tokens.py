"""Words to numbers as CLIP of OpenAI does, by the vocabulary that lies beside the weights."""

import gzip
import json
from collections.abc import Callable, Iterable
from html import unescape
from pathlib import Path
from typing import Any

from carina.core import Mismatch, MissingFile, UnreadableFile

__all__ = ["clip_tokens"]

_OPENAI = "bpe_simple_vocab_16e6.txt.gz"
_PAIR = ("vocab.json", "merges.txt")
_MERGES = 49152 - 256 - 2  # of OpenAI's file, the first; what stands behind them was never used
_MOST = 16 * 2**20  # bytes; the files of CLIP hold some 3 million
_START, _END = "<|startoftext|>", "<|endoftext|>"


def clip_tokens(
    who: str, weights: Path, most: int, *, words: int
) -> tuple[Callable[[str], list[int]], bytes]:
    """A function from a text to token numbers, and the bytes of the vocabulary, for the digest.

    Upstream mends broken Unicode by a package of its own before it cuts a text into words; here
    only letters are put into their composed form. The 3,955 reports of Indiana come out the same.

    Args:
        who: The encoder's name, for messages.
        weights: The folder that holds ``vocab.json`` and ``merges.txt``, or OpenAI's
            ``bpe_simple_vocab_16e6.txt.gz``; or a file in it.
        most: Where a text is cut, start and end included.
        words: How many words the encoder knows.

    Raises:
        MissingFile: where there is no vocabulary.
        UnreadableFile: where it is damaged.
        Mismatch: where it has another number of words than the encoder.
    """
    folder = weights if weights.is_dir() else weights.parent
    if all((folder / name).is_file() for name in _PAIR):
        read = _pair
    elif (folder / _OPENAI).is_file():
        read = _openai
    else:
        raise MissingFile(
            f"{who} reads its vocabulary from {' and '.join(_PAIR)}, or from {_OPENAI}, beside the "
            "weights, and there is none. Put the files of its release into that folder."
        )
    try:
        vocabulary, merges = read(folder)
    except (OSError, EOFError, ValueError) as error:
        raise UnreadableFile(
            f"The vocabulary of {who} cannot be read ({type(error).__name__}). Copy it anew."
        ) from error
    if len(vocabulary) != words or set(vocabulary.values()) != set(range(words)):
        raise Mismatch(
            f"The vocabulary beside the weights has {len(vocabulary)} words; {who} knows {words}. "
            "Take the vocabulary of the same release."
        )
    if _START not in vocabulary or vocabulary.get(_END) != words - 1:
        raise Mismatch(
            f"The vocabulary beside the weights is no CLIP's: {_START} is in it and {_END} is its "
            f"last word. Take the vocabulary of {who}'s release."
        )
    # here, since importing transformers costs seconds
    from transformers import CLIPTokenizer

    tokenizer: Any = CLIPTokenizer(vocab=vocabulary, merges=merges)

    def tokenise(text: str) -> list[int]:
        plain = unescape(unescape(text))  # as upstream: "&amp;lt;" is "<"
        numbers: list[int] = tokenizer(plain, truncation=True, max_length=most)["input_ids"]
        return numbers

    return tokenise, json.dumps([sorted(vocabulary.items()), merges]).encode()


def _pair(folder: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Words with their numbers, and pairs to be joined, in order."""
    vocabulary = json.loads(_bytes(folder / _PAIR[0]))
    if not isinstance(vocabulary, dict) or {type(n) for n in vocabulary.values()} != {int}:
        raise ValueError("words without numbers")
    lines = _bytes(folder / _PAIR[1]).decode("utf-8").split("\n")
    return vocabulary, _merges(line for line in lines if not line.startswith("#version"))


def _openai(folder: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The same from OpenAI's file: letters, letters at the end of a word, joined pairs."""
    with gzip.open(folder / _OPENAI) as file:
        lines = file.read(_MOST).decode("utf-8").split("\n")
    merges = _merges(lines[1 : 1 + _MERGES])
    letters = _letters()
    found = [*letters, *(f"{letter}</w>" for letter in letters)]
    found += [first + second for first, second in merges]
    return {word: number for number, word in enumerate([*found, _START, _END])}, merges


def _merges(lines: Iterable[str]) -> list[tuple[str, str]]:
    merges = []
    for line in lines:
        if line.strip():
            first, second = line.split()  # a line that is no pair is a ValueError
            merges.append((first, second))
    return merges


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST)


def _letters() -> list[str]:
    """A printable letter for each byte: itself where it is one, else one from 256 on."""
    own = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1)]
    own += range(ord("®"), ord("ÿ") + 1)
    others = 256 - len(own)
    return [chr(code) for code in (*own, *range(256, 256 + others))]

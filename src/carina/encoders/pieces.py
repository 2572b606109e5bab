"""A SentencePiece vocabulary (``spiece.model``) through the tokenizers library.

Kudo and Richardson, SentencePiece: A simple and language independent subword tokenizer and
detokenizer for Neural Text Processing, EMNLP 2018 (demo). The file is a protocol buffer, of which
four fields are wanted: reading these takes less than two packages that nothing else here needs.
"""

import struct
from collections.abc import Callable, Iterator

from carina.core import UnreadableFile

__all__ = ["unigram_pieces"]

_UNIGRAM = 1
_UNKNOWN = 2  # type of the piece for what no piece covers
_CONTROL = 3  # type of pieces no text contains, such as </s>
# numbers of fields, of the model, a piece, the trainer's settings and the normaliser's
_PIECES, _TRAINER, _NORMALISER = 1, 2, 3
_PIECE, _SCORE, _TYPE = 1, 2, 3
_KIND = 3
_CHARACTERS = 2


def unigram_pieces(who: str, data: bytes) -> tuple[Callable[[str], list[int]], dict[str, int]]:
    """A function from a text to numbers of pieces, and the numbers of control pieces by name.

    The text is brought into the vocabulary's own normal form; its first word gets the sign of a
    space where it has none. No control piece is found in a text, nor added to it.

    Args:
        who: The encoder's name, for messages.
        data: The file's bytes.

    Raises:
        UnreadableFile: where they are damaged, or of another kind of vocabulary.
    """
    try:
        pieces, kind, characters = _read(data)
        if kind != _UNIGRAM:
            raise ValueError(f"kind {kind}")
        unknown = next(index for index, piece in enumerate(pieces) if piece[2] == _UNKNOWN)
    except (IndexError, KeyError, StopIteration, ValueError, struct.error) as error:
        raise UnreadableFile(
            f"spiece.model of {who} cannot be read as a vocabulary of the unigram kind "
            f"({type(error).__name__}). Copy it anew from where the weights are published."
        ) from error
    # here, since few encoders need it
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    # a text that spells a control piece is made of other pieces: none may be found as it is
    words = Tokenizer(
        models.Unigram(
            [("\0" + piece if sort == _CONTROL else piece, score) for piece, score, sort in pieces],
            unk_id=unknown,
        )
    )
    charted = [normalizers.Precompiled(characters)] if characters else []
    words.normalizer = normalizers.Sequence([*charted, normalizers.Replace(Regex(" {2,}"), " ")])
    words.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    controls = {piece: i for i, (piece, _, sort) in enumerate(pieces) if sort == _CONTROL}

    def numbers(text: str) -> list[int]:
        found: list[int] = words.encode(text, add_special_tokens=False).ids
        return found

    return numbers, controls


def _read(data: bytes) -> tuple[list[tuple[str, float, int]], int, bytes]:
    """Pieces with score and type, the kind of model, the chart of characters."""
    pieces: list[tuple[str, float, int]] = []
    kind, characters = _UNIGRAM, b""
    for number, value in _fields(data):
        if not isinstance(value, bytes):
            continue
        if number == _PIECES:
            parts = dict(_fields(value))
            piece, score, sort = parts[_PIECE], parts.get(_SCORE, 0.0), parts.get(_TYPE, 1)
            if not (
                isinstance(piece, bytes) and isinstance(score, float) and isinstance(sort, int)
            ):
                raise ValueError("a piece of another form")
            pieces.append((piece.decode(), score, sort))
        elif number == _TRAINER:
            said = dict(_fields(value)).get(_KIND, _UNIGRAM)
            kind = said if isinstance(said, int) else 0
        elif number == _NORMALISER:
            chart = dict(_fields(value)).get(_CHARACTERS, b"")
            characters = chart if isinstance(chart, bytes) else b""
    return pieces, kind, characters


def _fields(data: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Numbers and values of the fields of one message, by the wire format's four types."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                value, at = _varint(data, at)
                yield key >> 3, value
            case 1:
                (wide,) = struct.unpack_from("<d", data, at)
                at += 8
                yield key >> 3, wide
            case 5:
                (narrow,) = struct.unpack_from("<f", data, at)
                at += 4
                yield key >> 3, narrow
            case 2:
                size, at = _varint(data, at)
                if at + size > len(data):
                    raise ValueError("cut short")
                yield key >> 3, data[at : at + size]
                at += size
            case other:
                raise ValueError(f"wire type {other}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number without an end")

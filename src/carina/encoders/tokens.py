"""Words to numbers by the tokenizer files that lie beside the weights."""

from collections.abc import Callable
from pathlib import Path

from carina.core import Mismatch, MissingFile, UnreadableFile

__all__ = ["bert_tokens"]

_VOCABULARIES = ("tokenizer.json", "vocab.txt")
_SETTINGS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


def bert_tokens(
    who: str, weights: Path, most: int, *, words: int | None = None
) -> tuple[Callable[[str], list[int]], dict[str, bytes]]:
    """A function from a text to token numbers, and the files that shape them, for the digest.

    Args:
        who: The encoder's name, for messages.
        weights: The folder that holds the tokenizer files, or a file in it.
        most: Where a text is cut, special tokens included.
        words: How many words the encoder knows; a longer vocabulary is another encoder's.

    Raises:
        MissingFile: where there is no vocabulary.
        Mismatch: where it has words the encoder has not.
        UnreadableFile: where it is damaged, or wants code of its own.
    """
    folder = weights if weights.is_dir() else weights.parent
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        raise MissingFile(
            f"{who} reads its vocabulary from {' or '.join(_VOCABULARIES)} beside the weights, and "
            "there is none. Put the tokenizer files of its text encoder into that folder."
        )
    # here, since importing transformers costs seconds
    from transformers import BertTokenizerFast

    try:
        # a class named here, not found by the folder's settings: those may name code
        tokenizer = BertTokenizerFast.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # whatever a damaged vocabulary makes of it
        raise UnreadableFile(
            f"The tokenizer files of {who} cannot be read ({type(error).__name__}). Copy them anew."
        ) from error

    if words is not None and len(tokenizer) > words:
        raise Mismatch(
            f"The vocabulary beside the weights has {len(tokenizer)} words; {who} knows {words}. "
            "Take the tokenizer files of the same release."
        )

    def tokenise(text: str) -> list[int]:
        numbers: list[int] = tokenizer(text, truncation=True, max_length=most)["input_ids"]
        return numbers

    files = {
        name: (folder / name).read_bytes()
        for name in (*_VOCABULARIES, *_SETTINGS)
        if (folder / name).is_file()
    }
    return tokenise, files

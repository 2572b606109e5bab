"""Banks of prompts by name, and what a text encoder makes of one, once."""

from pathlib import Path

from carina.adaptors.finding_bank import has_head, read_finding_bank, read_findings
from carina.adaptors.template_bank import TemplateBank
from carina.adaptors.wording import PromptBank
from carina.core import UnknownName, read_json, unknown
from carina.encoders import TextEncoder, encode_texts
from carina.features import PromptVectors
from carina.studies import LabelSpace

__all__ = ["bank_names", "encode_bank", "is_bank_path", "load_bank"]

_SHIPPED = Path(__file__).parent / "banks"
_JOINED = "carina-14"
"""The bank that a folder of finding files joins."""


def bank_names() -> tuple[str, ...]:
    """Every bank that comes with carina."""
    return tuple(sorted(path.name.removesuffix(".json") for path in _SHIPPED.iterdir()))


def is_bank_path(text: str) -> bool:
    """Whether a recipe's ``prompts`` is a path, so a bank of one's own: it has a slash or ends in .json."""
    return any(sign in text for sign in "/\\") or text.endswith(".json")


def load_bank(name: str) -> PromptBank:
    """A bank by name, or by path: one of one's own.

    A path, from the working folder on, is that of a JSON file of templates, of a folder with
    ``bank.json`` and ``findings``, or of a folder of finding files, which join `carina-14`.

    Raises:
        UnknownName: for a name, naming the near neighbour.
        MissingFile: where nothing is at the path.
        ConfigError: for files with faults, all listed.
    """
    if is_bank_path(name):
        return _own(Path(name))
    if name not in bank_names():
        raise UnknownName(
            f"{unknown('prompt bank', name, bank_names())} A bank of your own is named by its path, "
            "with a slash: ./mine."
        )
    if (_SHIPPED / name).is_dir():
        return read_finding_bank(_SHIPPED / name)
    return read_json(_SHIPPED / f"{name}.json", TemplateBank)


def _own(path: Path) -> PromptBank:
    if path.suffix == ".json":
        return read_json(path, TemplateBank)
    if has_head(path):
        return read_finding_bank(path)
    findings = read_findings(path)
    return read_finding_bank(_SHIPPED / _JOINED).joined(findings, name=path.resolve().name)


def encode_bank(bank: PromptBank, space: LabelSpace, encoder: TextEncoder) -> PromptVectors:
    """The positive and negative prompts of every finding as numbers; each text is encoded once."""
    wordings = [bank.texts(name) for name in space.names]
    texts = [text for wording in wordings for text in wording.positive]
    texts += [text for wording in wordings for text in wording.negative]
    vectors = encode_texts(encoder, texts)
    sides = vectors.reshape(2, len(space), bank.a_side, vectors.shape[1])
    return PromptVectors(
        space=space,
        positive=sides[0],
        negative=sides[1],
        bank=bank.fingerprint,
        encoder=encoder.card.fingerprint,
    )

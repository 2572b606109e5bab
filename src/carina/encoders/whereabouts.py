"""Where weights lie: a path somebody names, or a repository of the hub at a pinned revision."""

import re
from pathlib import Path

from carina.core import InvalidValue, MissingFile

__all__ = ["HUB", "located"]

HUB = "hub:"
"""How a reference to weights on the hub begins."""

_PINNED = re.compile(r"hub:(?P<id>[\w.-]+/[\w.-]+)@(?P<revision>[0-9a-f]{40})")
_PLAIN = ("*.safetensors", "*.bin", "*.pt", "*.pth", "*.json", "*.txt", "*.model")


def located(name: str, weights: Path | None) -> Path | None:
    """The file or folder a reference to weights means; fetched where it is on the hub.

    From the hub come tensors, settings and vocabularies of one commit; no code is fetched, and
    what is fetched is read as any other file of weights.

    Args:
        name: The encoder's, for messages.
        weights: A path, ``hub:ORGANISATION/NAME@REVISION`` with the 40 digits of a commit, or None.

    Raises:
        InvalidValue: for a hub id without a pinned revision.
        MissingFile: where the hub cannot be reached or has no such revision.
    """
    if weights is None or not str(weights).startswith(HUB):
        return weights
    pinned = _PINNED.fullmatch(str(weights))
    if pinned is None:
        raise InvalidValue(
            f"Weights of {name} from the hub are pinned: hub:ORGANISATION/NAME@REVISION, where the "
            f"revision is the 40 hex digits of a commit; got {weights}. The model's page lists them."
        )
    # here, since most encoders come from a file
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            pinned["id"], revision=pinned["revision"], allow_patterns=list(_PLAIN)
        )
    except Exception as error:  # whatever a network can do
        raise MissingFile(
            f"The weights of {name} could not be fetched ({type(error).__name__}). Fetch "
            f"{pinned['id']} on a machine with a network, and name its folder: --weights PATH."
        ) from error
    return Path(folder)

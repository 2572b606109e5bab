"""The user's own settings: where the weights of encoders lie on this machine.

They are read when an encoder is loaded and no weights are named; nothing of them goes into a card,
a store, a run or a bundle, so those stay true on a machine with other places.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from carina.core import InvalidValue, MissingFile, near, read_toml
from carina.encoders.whereabouts import HUB

__all__ = ["EncoderPlace", "EncoderSettings", "settings_file", "user_settings"]

_VARIABLE = "CARINA_CONFIG"
_FILE = "encoders.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderPlace:
    """What a user says of one encoder.

    Attributes:
        weights: File or folder of its weights, or ``hub:ORGANISATION/NAME@REVISION``; a path that
            is not absolute counts from the folder of the settings, ``~`` is the home.
    """

    weights: str

    def __post_init__(self) -> None:
        if not self.weights.strip():
            raise InvalidValue("weights names a file, a folder or hub:ID@REVISION; got nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """What a user says of encoders: ``[encoders."NAME"]`` in a TOML file.

    Attributes:
        encoders: By the encoder's name.
        folder: Where the file lies, for paths that are not absolute.
    """

    encoders: Mapping[str, EncoderPlace] = field(default_factory=dict)
    folder: Path = Path()

    def weights(self, name: str) -> Path | None:
        """Where the weights of an encoder lie, or None where nothing is said of it."""
        place = self.encoders.get(name)
        if place is None:
            return None
        if place.weights.startswith(HUB):
            return Path(place.weights)
        return self.folder / Path(place.weights).expanduser()

    def unknown(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Names in the settings that no encoder has, each with its near neighbour, in words."""
        plain = [name for name in self.encoders if ":" not in name]
        return tuple(f"{name!r}.{near(name, names)}" for name in plain if name not in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    encoders: dict[str, EncoderPlace] = field(default_factory=dict)


def settings_file() -> Path:
    """Where the settings are looked for, whether or not they are there.

    ``$CARINA_CONFIG`` where it is set, else ``carina/encoders.toml`` below ``$XDG_CONFIG_HOME`` or
    ``~/.config``.
    """
    if named := os.environ.get(_VARIABLE):
        return Path(named).expanduser()
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path("~/.config").expanduser()) / "carina" / _FILE


def user_settings() -> EncoderSettings:
    """The settings of whoever runs this; empty where there are none.

    Raises:
        MissingFile: where ``$CARINA_CONFIG`` names a file that is not there.
        ConfigError, UnreadableFile: where the file has faults, all told at once.
    """
    path = settings_file()
    if not path.is_file():
        if os.environ.get(_VARIABLE):
            raise MissingFile(
                f"{_VARIABLE} names settings that are not there ({path.name}). Write them, or "
                "unset the variable."
            )
        return EncoderSettings()
    return EncoderSettings(encoders=read_toml(path, _File).encoders, folder=path.parent)

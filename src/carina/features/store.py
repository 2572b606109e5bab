"""The feature store: a folder of encoders, each with its immutable segments."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from carina.core import (
    PARTIAL,
    ConfigError,
    InvalidValue,
    Mismatch,
    MissingFile,
    UnknownName,
    UnreadableFile,
    lock_folder,
    near,
    read_json,
    to_json,
    unknown,
    write_json,
)
from carina.encoders import ENCODERS, EncoderCard, SelfCheck
from carina.features.ledger import Ledger
from carina.features.outputs import encode_command
from carina.features.partial import claimed_folder, prune, publish
from carina.features.segment import Segment, read_segment
from carina.features.table import FeatureTable, mapped_table

__all__ = ["Checked", "Holding", "Store"]

_CARD = "card.json"
_CHECK = "self_check.json"
_LEDGERS = "ledgers"
_SALT = "salt.json"
_HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What `Store.verify` found in one segment.

    Attributes:
        encoder: The encoder's name.
        segment: The segment's fingerprint.
        faults: In words; empty where all is well.
    """

    encoder: str
    segment: str
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What a store holds by one encoder.

    Attributes:
        card: The encoder.
        segments: How many.
        images: How many different ones.
        bytes: Size of the segments' files.
    """

    card: EncoderCard
    segments: int
    images: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Salt:
    salt: str


@dataclass(frozen=True, slots=True)
class Store:
    """Features on disk, found by what made them.

    Below the root lie ``<encoder fingerprint>/card.json`` and ``self_check.json``,
    ``<encoder fingerprint>/<segment fingerprint>/`` and ``ledgers/``. Segments never change and
    name images by their digests alone. The ledgers hold a salt made for this store, and salted
    hashes of paths and patients; no file name, identifier or date in the clear. The salt lies
    beside the hashes, so whoever has the store can test any list of patients or paths against
    them: a store is as confidential as the list of its patients.

    Attributes:
        root: The folder; it is made when something is first encoded into it.
    """

    root: Path

    def encoders(self) -> tuple[EncoderCard, ...]:
        """Every encoder with features here, by name.

        Raises:
            MissingFile: where there is no store, or a folder of other things.
        """
        if not self.root.is_dir():
            raise MissingFile(
                f"There is no store {self.root.name!r}. Make one: "
                "carina encode DATA --encoder NAME --store STORE."
            )
        cards = [read_json(path, EncoderCard) for path in self.root.glob(f"*/{_CARD}")]
        if not cards and self._holds_other_things():
            raise MissingFile(
                f"The folder {self.root.name!r} is no store: no features are in it. Make one: "
                "carina encode DATA --encoder NAME --store STORE."
            )
        return tuple(sorted(cards, key=lambda card: (card.name, card.fingerprint)))

    def card(self, name: str, *, outputs: tuple[str, ...] = ("pooled",)) -> EncoderCard:
        """The one encoder of a name.

        Args:
            name: The encoder's.
            outputs: What is wanted of it, for the command that is told where it is not there.

        Raises:
            UnknownName: where there is none, with the near neighbour.
            Mismatch: where there are several, made from different weights or code.
        """
        known = self.encoders()
        named = [card for card in known if card.name == name]
        if not named:
            raise _not_here(name, known, outputs)
        if len(named) > 1:
            raise Mismatch(
                f"The store has {len(named)} encoders named {name!r}: {_told_apart(named)}. "
                "Ask with the card of the encoder you mean, or keep each in its own store."
            )
        return named[0]

    def segments(
        self, card: EncoderCard, *, outputs: tuple[str, ...] = ("pooled",)
    ) -> tuple[Segment, ...]:
        """Every segment by an encoder that has all the outputs asked for, by fingerprint."""
        folders = sorted(self.segment_folders(card))
        segments = (read_segment(folder) for folder in folders)
        return tuple(s for s in segments if set(outputs) <= set(s.made_by.outputs))

    def segment_folders(self, card: EncoderCard) -> Iterator[Path]:
        """Where an encoder's segments lie, in no order."""
        folder = self.encoder_folder(card)
        if not folder.is_dir():
            return iter(())
        return (
            path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(PARTIAL)
        )

    def table(
        self,
        cards: EncoderCard | Sequence[EncoderCard],
        digests: Sequence[str],
        *,
        outputs: tuple[str, ...] = ("pooled",),
    ) -> FeatureTable:
        """Features of images, in order, by one encoder or several side by side.

        Args:
            cards: Whose features.
            digests: The images, by the digest of their files; see `lookup`.
            outputs: "pooled", "tokens", "stages", "crops".

        Raises:
            Mismatch: where the store is from other weights, or lacks images.
            UnreadableFile: where a segment is damaged.
        """
        asked = (cards,) if isinstance(cards, EncoderCard) else tuple(cards)
        for card in asked:
            self.require(card)
        segments = [self.segments(card, outputs=outputs) for card in asked]
        return mapped_table(asked, segments, tuple(digests), outputs=outputs)

    def require(self, card: EncoderCard) -> None:
        """Refuse an encoder the store has nothing of, and say what there is instead.

        Raises:
            Mismatch: where the store was made by other weights of that name.
            UnknownName: where it has no encoder of that name.
        """
        known = self.encoders()
        if card.fingerprint in {other.fingerprint for other in known}:
            return
        namesakes = [other for other in known if other.name == card.name]
        if not namesakes:
            raise _not_here(card.name, known, ("pooled",))
        raise Mismatch(
            f"The store is from other weights or settings of {card.name!r}: it holds "
            f"{_told_apart(namesakes)}; wanted {_told_apart([card])}. Load the encoder that made "
            f"it, or encode anew: carina encode DATA --encoder {card.name} --store STORE."
        )

    def holdings(self) -> tuple[Holding, ...]:
        """What there is by each encoder."""
        held = []
        for card in self.encoders():
            segments = self.segments(card, outputs=())
            held.append(
                Holding(
                    card=card,
                    segments=len(segments),
                    images=len({image for segment in segments for image in segment.images}),
                    bytes=sum(segment.bytes for segment in segments),
                )
            )
        return tuple(held)

    @property
    def bytes(self) -> int:
        """Size of every file below the root."""
        return sum(path.stat().st_size for path in self.root.rglob("*") if path.is_file())

    def verify(self, *, full: bool = True) -> Iterator[Checked]:
        """Check one segment after the other.

        Args:
            full: Whether to read every byte and compare it with what was written; otherwise
                only names and sizes are.
        """
        for card in self.encoders():
            for folder in sorted(self.segment_folders(card)):
                try:
                    faults = read_segment(folder).faults(full=full)
                except UnreadableFile as error:
                    faults = (str(error),)
                yield Checked(encoder=card.name, segment=folder.name, faults=faults)

    def prune(self, *, older_than: float = _HOUR) -> int:
        """Remove what killed writers left behind, and say how many pieces that was.

        Args:
            older_than: Seconds; asked of pieces of which only age tells that nobody fills them.
        """
        parents = [self.root, *(path.parent for path in self.root.glob(f"*/{_CARD}"))]
        return sum(prune(parent, older_than=older_than) for parent in parents)

    def encoder_folder(self, card: EncoderCard) -> Path:
        """Where an encoder's card and segments lie."""
        return self.root / card.fingerprint

    def admit(self, card: EncoderCard) -> None:
        """Make the store where there is none, and a place in it for an encoder.

        Raises:
            InvalidValue: where a file, or a folder of other things, is in the store's place.
        """
        self._salted()
        folder = self.encoder_folder(card)
        if not folder.is_dir():
            with claimed_folder(folder) as partial:
                write_json(partial / _CARD, card)
                publish(partial, folder)
        path = folder / _CARD
        if not path.is_file() or read_json(path, EncoderCard) != card:
            write_json(path, card)  # what is said of an encoder may change, its numbers not

    def note_check(self, card: EncoderCard, check: SelfCheck | None) -> None:
        """Put down how an admitted encoder's numbers stand to the golden ones, where it is known."""
        if check is not None and check != self.check_of(card):
            path = self.encoder_folder(card) / _CHECK
            with claimed_folder(path) as partial:  # which the next writer prunes after a kill
                (partial / _CHECK).write_text(to_json(check), encoding="utf-8")
                (partial / _CHECK).replace(path)

    def check_of(self, card: EncoderCard) -> SelfCheck | None:
        """What `note_check` put down last; None where nothing was."""
        path = self.encoder_folder(card) / _CHECK
        return read_json(path, SelfCheck) if path.is_file() else None

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[None]:
        """Hold the store, which is there, for writing: with others who write, or alone.

        Who writes with others waits for who is alone. The lock goes with its process, killed or
        not; where a file system knows no locks, and on Windows, none is held.

        Raises:
            UnreadableFile: where somebody is to be alone and others are writing.
        """
        try:
            lock = lock_folder(self.root, wait=not alone, shared=not alone)
        except OSError:
            yield
            return
        if lock is None:
            raise UnreadableFile(
                "Somebody is writing into this store. Wait until that is done, and give the same "
                "command again."
            )
        try:
            yield
        finally:
            os.close(lock)

    @property
    def salt(self) -> str:
        """Random text made once for this store, for hashes of paths and patients."""
        return self._salted()

    @property
    def image_ledger(self) -> Ledger:
        """Salted hash of path, size and time of change; digest of the file."""
        return Ledger(path=self.root / _LEDGERS / "images.tsv")

    @property
    def owner_ledger(self) -> Ledger:
        """Digest of the file; salted hash of the patient. What `forget` goes by."""
        return Ledger(path=self.root / _LEDGERS / "owners.tsv")

    @property
    def forgotten_ledger(self) -> Ledger:
        """Salted hash of a patient who was forgotten; how many images went."""
        return Ledger(path=self.root / _LEDGERS / "forgotten.tsv")

    @property
    def unreadable_ledger(self) -> Ledger:
        """Digest of a file no picture could be made of; the reason."""
        return Ledger(path=self.root / _LEDGERS / "unreadable.tsv")

    def _salted(self) -> str:
        folder = self.root / _LEDGERS
        if not folder.is_dir():
            self._check_free()
            with claimed_folder(folder) as partial:
                write_json(partial / _SALT, _Salt(salt=token_hex(16)))
                publish(partial, folder)  # two first writers agree on the one that came first
        try:
            return read_json(folder / _SALT, _Salt).salt
        except (ConfigError, MissingFile):
            raise UnreadableFile(
                f"{_LEDGERS}/{_SALT} of the store is damaged. Remove the folder {_LEDGERS} and encode "
                "every data set again: what the store holds is then hashed, not computed."
            ) from None

    def _check_free(self) -> None:
        """Refuse to begin a store among somebody's other files, such as the images themselves."""
        if self.root.is_file():
            raise InvalidValue(
                f"{self.root.name} is a file; a store is a folder. Name another place."
            )
        if self._holds_other_things() and not any(self.root.glob(f"*/{_CARD}")):
            raise InvalidValue(
                f"The folder {self.root.name} holds something other than a store. Name a folder "
                "that is empty or not there."
            )

    def _holds_other_things(self) -> bool:
        return self.root.is_dir() and any(
            path.name != _LEDGERS and not path.name.startswith(".") for path in self.root.iterdir()
        )


def _not_here(name: str, known: Sequence[EncoderCard], outputs: tuple[str, ...]) -> UnknownName:
    names = sorted({card.name for card in known})
    if name not in ENCODERS and near(name, names):
        return unknown("encoder in the store", name, names)
    return UnknownName(
        f"No encoder in the store named {name!r}. Known: {', '.join(names) or 'none'}. "
        f"Put it there: {encode_command(name, outputs)}."
    )


def _told_apart(cards: Sequence[EncoderCard]) -> str:
    return ", ".join(
        f"{card.fingerprint} (weights {card.weights[:8]}, revision {card.revision or 'unnamed'}, "
        f"computes in {card.dtype}, run by {card.engine})"
        for card in sorted(cards, key=lambda card: (card.dtype, card.engine))
    )

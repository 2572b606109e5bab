"""What becomes of the rows of a manifest while their features are made or taken in."""

from dataclasses import dataclass, field

from carina.core import salted
from carina.encoders import EncoderCard
from carina.features.digests import DigestCache
from carina.features.fetching import Found
from carina.features.store import Store

__all__ = ["Books", "EncodedAll", "Event", "Progress", "SetAside"]

_FORGOTTEN = "The patient was forgotten on request (carina forget); no features are made."


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A row without features, and why; the reason names neither file nor patient."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far `encode` is.

    Attributes:
        done: Rows settled, in the manifest's order.
        total: Rows of the manifest.
        encoded: Of those done, how many went through the encoder.
        set_aside: Of those done, how many have no features.
    """

    done: int
    total: int
    encoded: int
    set_aside: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedAll:
    """The last event of `encode`: every row is settled and on disk.

    Attributes:
        card: The encoder.
        digests: Each row's image, for `Store.table`; None where it was set aside.
        set_aside: The rows without features.
        encoded: Images that went through the encoder; the others were there already.
        seconds: How long it took.
    """

    card: EncoderCard
    digests: tuple[str | None, ...]
    set_aside: tuple[SetAside, ...]
    encoded: int
    seconds: float


Event = Progress | EncodedAll
"""What `encode` yields."""


@dataclass(slots=True, kw_only=True)
class Books:
    """What is known of the rows so far, and what the ledgers have not got yet."""

    store: Store
    cache: DigestCache
    patients: tuple[str, ...]
    digests: list[str | None] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    encoded: int = 0
    _owned: set[tuple[str, str]] = field(init=False)
    _owners: list[tuple[str, str]] = field(default_factory=list)
    _refused: dict[str, str] = field(init=False)
    _forgotten: set[str] = field(init=False)
    _refusals: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._owned = set(self.store.owner_ledger.pairs())
        self._refused = dict(self.store.unreadable_ledger.pairs())
        self._forgotten = set(dict(self.store.forgotten_ledger.pairs()))

    @property
    def progress(self) -> Progress:
        """As things stand."""
        return Progress(
            done=len(self.digests),
            total=len(self.patients),
            encoded=self.encoded,
            set_aside=len(self.set_aside),
        )

    def enter(self, found: Found) -> bool:
        """Note what became of the next row; whether its features may be kept."""
        code = f"{salted(self.patients[found.row], self.cache.salt):016x}"
        if code in self._forgotten:
            self.digests.append(None)
            self.set_aside.append(SetAside(row=found.row, reason=_FORGOTTEN))
            return False
        if found.reason:
            self.digests.append(None)
            self.set_aside.append(SetAside(row=found.row, reason=found.reason))
            if found.digest is not None and self._refused.get(found.digest) != found.reason:
                self._refused[found.digest] = found.reason
                self._refusals.append((found.digest, found.reason))
            return False
        assert found.digest is not None  # noqa: S101 - a row has a digest or a reason
        self.digests.append(found.digest)
        self.cache.learn(found.key, found.digest)
        owner = (found.digest, code)
        if owner not in self._owned:
            self._owned.add(owner)
            self._owners.append(owner)
        return True

    def write(self) -> None:
        """Put everything noted into the ledgers; owners are on disk before their features."""
        self.store.owner_ledger.append(self._owners, flush=True)
        self.store.unreadable_ledger.append(self._refusals)
        self.cache.write()
        self._owners.clear()
        self._refusals.clear()

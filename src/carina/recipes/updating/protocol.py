"""By which rules a reader in service is updated and tested: stated before, and put down with it."""

from dataclasses import dataclass
from enum import StrEnum

from carina.core import ConfigError

__all__ = ["GROUPS", "Undecided", "UpdateProtocol"]

GROUPS = ("sex", "age", "view", "site")
"""What films can be grouped by."""


class Undecided(StrEnum):
    """What becomes of the reader where the gate cannot tell."""

    KEEP = "keep"
    """The old reader stays in service."""
    REPLACE = "replace"
    """The new one takes its place; the dossier says that nothing was shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateProtocol:
    """The modification protocol of a reader.

    Attributes:
        margin: How much less AUROC the new reader may have before it counts as worse.
        margin_of_answers: How much less balanced accuracy its answers may have.
        undecided: What becomes of the reader where the gate cannot tell.
        groups: By what films are grouped for tests of their own, of `GROUPS`.
        test_from: Patients of either class that a test needs; below, a group is 'untested' and a
            finding 'cannot tell'.
        learn_from: Patients of either class that a finding's new cells come from, or it waits: who
            has the readers before and after could work out what fewer patients taught.
        findings: To learn; empty means all that the data have.
        prompts: Bank of prompts for findings that are learned, by name or path; "" means the
            recipe's.
        another_locked_set: Why another locked test set takes the place of the one registered; ""
            refuses any other.
    """

    margin: float = 0.03
    margin_of_answers: float = 0.05
    undecided: Undecided = Undecided.KEEP
    groups: tuple[str, ...] = GROUPS
    test_from: int = 10
    learn_from: int = 10
    findings: tuple[str, ...] = ()
    prompts: str = ""
    another_locked_set: str = ""

    def __post_init__(self) -> None:
        for margin in (self.margin, self.margin_of_answers):
            if not 0 < margin < 0.5:
                raise ConfigError(f"A margin lies between 0 and 0.5; got {margin}.")
        if strange := [name for name in self.groups if name not in GROUPS]:
            raise ConfigError(f"No group {strange[0]!r}. Known: {', '.join(GROUPS)}.")
        if min(self.test_from, self.learn_from) < 1:
            raise ConfigError(
                f"A check and a lesson take a patient at least; got test_from={self.test_from} and "
                f"learn_from={self.learn_from}."
            )

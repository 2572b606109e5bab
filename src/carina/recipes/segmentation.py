"""A segmentation as a value: whose grid, which structure, what form of decoder, which shares."""

from dataclasses import dataclass, fields

from carina.core import InvalidValue, fingerprint
from carina.learning import Segmenting
from carina.studies import Split

__all__ = ["Segmentation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """A decoder over one frozen encoder, taught on shares of the films with masks, and judged.

    Attributes:
        name: As on the card; not part of what the run is.
        encoder: The frozen image encoder.
        structure: What masks mark: a finding, or an organ as its files are named.
        teaching: Form of the decoder and its schedule.
        adaptor: Folder of an Adaptor that `carina pretrain` left: the encoder's cells pass it, frozen,
            before the decoder. "" for none. The path is not part of what the run is, the Adaptor is.
        shares: Of the training films with masks; each holds those before it, by patient.
        repeats: Draws of each share below 1.
        judged_on: The split; "val" while choosing, "test" once.
        draws: Resamples of patients for every interval.
        seed: Of everything random.
        salt: Of the hash that stands for a patient.
    """

    name: str
    encoder: str
    structure: str
    teaching: Segmenting = Segmenting()
    adaptor: str = ""
    shares: tuple[float, ...] = (1.0,)
    repeats: int = 10
    judged_on: Split = Split.TEST
    draws: int = 1000
    seed: int = 27
    salt: str = "carina"

    def __post_init__(self) -> None:
        if not all(0 < share <= 1 for share in self.shares) or not self.shares:
            raise InvalidValue(f"Shares lie above 0 and up to 1; got {self.shares}.")
        if list(self.shares) != sorted(set(self.shares)):
            raise InvalidValue(f"Shares stand once and rising; got {self.shares}.")
        if self.repeats < 1 or self.draws < 100 or self.seed < 0:
            raise InvalidValue(
                "Wanted one repeat or more, 100 draws or more and a seed from 0; got "
                f"{self.repeats}, {self.draws} and {self.seed}."
            )
        if self.judged_on not in (Split.VAL, Split.TEST):
            raise InvalidValue(f"Masks are judged on val or test; got {self.judged_on}.")

    @property
    def fingerprint(self) -> str:
        """Of everything but the name, and the place of an Adaptor."""
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        return fingerprint({"kind": type(self).__name__, **own, "name": "", "adaptor": ""})

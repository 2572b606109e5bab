"""Pre-training an Adaptor as a value: which encoders, how, on whom, judged on whom."""

from dataclasses import dataclass, fields
from enum import StrEnum

from carina.core import InvalidValue, fingerprint
from carina.learning import Canonical, Pretraining
from carina.studies import ReportText, Split

__all__ = ["Pretrain", "SharedReports"]

_VIEWS = ("PA", "AP", "LATERAL")


class SharedReports(StrEnum):
    """What becomes of a pair whose report, word for word, also stands in a split held back."""

    LEFT_OUT = "left-out"
    """It is not learned from: what is judged was never read."""
    KEPT = "kept"
    """It is: for formulaic reports that many films share. A film in two splits is left out still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretrain:
    """An Adaptor over two frozen encoders, learned from image and report pairs.

    Attributes:
        name: As on the command line; not part of what the run is.
        image_encoder: Whose vectors or patches it reads.
        text_encoder: Whose vectors or words it reads.
        training: Form, loss and schedule; or that it is fitted in closed form.
        learn: Splits of whose pairs it learns.
        stop: Split that tells when to stop.
        judge: Split whose patients retrieval is measured on.
        views: Of whose films, such as PA and AP; of all, unknown ones too, where none is named.
        reports: What of a report is read; `carina encode --reports` has to read the same.
        shared_reports: What becomes of reports that stand in two of these.
        draws: Resamples of patients for every interval.
        seed: Of everything random; 42 is the authors'.
    """

    name: str
    image_encoder: str
    text_encoder: str
    training: Pretraining | Canonical = Pretraining()
    learn: tuple[Split, ...] = (Split.PRETRAIN,)
    stop: Split = Split.VAL
    judge: Split = Split.TEST
    views: tuple[str, ...] = ()
    reports: ReportText = ReportText.WHOLE
    shared_reports: SharedReports = SharedReports.LEFT_OUT
    draws: int = 1000
    seed: int = 42

    def __post_init__(self) -> None:
        if not (self.name.strip() and self.image_encoder and self.text_encoder):
            raise InvalidValue(
                "Pre-training has a name, an image encoder and a text encoder; got "
                f"name={self.name!r}, image_encoder={self.image_encoder!r}, "
                f"text_encoder={self.text_encoder!r}. Name both: --image-encoder E --text-encoder T. "
                "See: carina encoders."
            )
        apart = (*self.learn, self.stop, self.judge)
        if not self.learn or len(set(apart)) != len(apart):
            raise InvalidValue(
                "It learns from one split or more, stops by another and is judged on a third; got "
                f"learn={', '.join(self.learn)}, stop={self.stop}, judge={self.judge}."
            )
        if strange := set(self.views) - set(_VIEWS):
            raise InvalidValue(f"Views are {', '.join(_VIEWS)}; got {min(strange)!r}.")
        if self.seed < 0 or self.draws < 100:
            raise InvalidValue(
                f"Wanted a seed of 0 or more and 100 draws or more; got {self.seed}, {self.draws}."
            )

    @property
    def fingerprint(self) -> str:
        """Of everything but the name."""
        others = {each.name: getattr(self, each.name) for each in fields(self)}
        return fingerprint({"kind": type(self).__name__, **others, "name": ""})

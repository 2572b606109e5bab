"""What was asked of backbones and what came out, kept by what was asked."""

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.backbones_ground import Ground
from carina.core import Estimate, fingerprint, read_json, write_json
from carina.evaluation import Retrieval

__all__ = ["Measure", "Outcome", "Trial", "kept"]

VERSION = 2
"""Raised whenever what a trial computes changes, so that older outcomes are not taken for new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One row of one table.

    Attributes:
        part: The table.
        what: The row.
        image: Name of the image encoder.
        text: Name of the text encoder, or "".
    """

    part: str
    what: str
    image: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a trial came to.

    Attributes:
        trial: Which.
        retrieval: Between films and reports of unseen patients, where that was asked.
        auroc: What was asked about -> mean AUROC over its findings.
        figures: Seconds, bytes, numbers learned and the like, by name.
    """

    trial: Trial
    retrieval: Retrieval | None = None
    auroc: dict[str, Estimate] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)


Measure = Callable[[Trial, Ground], Outcome]
"""How a part measures its trials."""


def kept(trial: Trial, ground: Ground, measure: Measure) -> Outcome:
    """The outcome of a trial, measured where it is not there yet."""
    asked = {"version": VERSION, "drawn": (ground.patients, ground.seed), "trial": trial}
    path = ground.work / "outcomes" / f"{fingerprint(asked)}.json"
    if not path.is_file():
        write_json(path, measure(trial, ground))
        print(f"  {trial.part}: {trial.what}", flush=True)
    return read_json(path, Outcome)

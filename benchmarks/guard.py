"""How often the input guard is right, on films and pictures it was not fitted on.

Shares are of films and pictures, with Wilson intervals by patient, or by source picture where crops
of it are shown: one counts as told where at least half of what is of it are. ``--split val`` is for choosing; ``test`` is read for the table.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from carina.measures import wilson
from carina.studies import Picture, inspect, square
from carina.studies.guard import Problem, turned
from carina.studies.picture import Form

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.guard_films import Seen, films
from benchmarks.other_pictures import pictures

WAYS = {
    "inverted": (Problem.INVERTED, 0, True),
    "turned 90 degrees left": (Problem.ROTATED, 1, False),
    "turned 90 degrees right": (Problem.ROTATED, 3, False),
    "upside down": (Problem.ROTATED, 2, False),
}


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A share of films or pictures.

    Attributes:
        of: Which.
        wanted: What the share should be, in words.
        share: Of the films.
        films: How many.
        patients: Of how many patients, or source pictures.
        low: Wilson, by patient.
        high: Wilson, by patient.
    """

    of: str
    wanted: str
    share: float
    films: int
    patients: int
    low: float
    high: float


def picture(small: np.ndarray) -> Picture:
    """A square of ranks as a picture; ranks of ranks are the same ranks."""
    return Picture(
        pixels=np.clip(small + 0.5, 0, 1).astype(np.float32),
        form=Form.PNG,
        photometric="MONOCHROME2",
        bits=8,
    )


def rate(of: str, wanted: str, told: Iterable[tuple[str, bool]]) -> Rate:
    """The share of films that were told, with its interval by patient."""
    by_patient: dict[str, list[bool]] = defaultdict(list)
    for patient, yes in told:
        by_patient[patient].append(yes)
    films = [yes for group in by_patient.values() for yes in group]
    patients = [np.mean(group) >= 0.5 for group in by_patient.values()]
    low, high = wilson(int(np.sum(patients)), len(patients))
    return Rate(
        of=of,
        wanted=wanted,
        share=float(np.mean(films)),
        films=len(films),
        patients=len(patients),
        low=low,
        high=high,
    )


def rates(found: list[Seen], others: list[tuple[str, str, np.ndarray]]) -> list[Rate]:
    """Every rate the page shows."""
    real = [one for one in found if one.set != "phantom"]
    frontal = [one for one in real if not one.lateral]
    shown = [
        rate(
            "false alarms, frontal films",
            "at most 2 %",
            [(one.patient, not inspect(picture(one.small)).in_scope) for one in frontal],
        )
    ]
    for name in dict.fromkeys(one.set for one in found):
        some = [one for one in found if one.set == name and not one.lateral]
        alarms = [(one.patient, not inspect(picture(one.small)).in_scope) for one in some]
        shown.append(rate(f"false alarms, {name}", "", alarms))
    for name, (problem, turn, inverted) in WAYS.items():
        told = [
            (
                one.patient,
                problem in inspect(picture(turned(one.small, turn, inverted=inverted))).problems,
            )
            for one in frontal
        ]
        shown.append(rate(f"{name}, told as {problem.name.casefold()}", "95 % or more", told))
    sideways = [one for one in real if one.lateral]
    laterals = [
        (one.patient, Problem.LATERAL in inspect(picture(one.small)).problems) for one in sideways
    ]
    shown.append(rate("covid's laterals, told as lateral", "80 % of patients", laterals))
    parts = [(one.patient, not inspect(picture(one.part)).in_scope) for one in real]
    shown.append(rate("enlarged parts of films, out of scope", "", parts))
    kinds = {"": "95 %"} | dict.fromkeys((kind for kind, _, _ in others), "")
    for kind, wanted in kinds.items():
        told = [
            (name, not inspect(picture(square(grey))).in_scope)
            for of, name, grey in others
            if kind in ("", of)
        ]
        shown.append(rate(f"other pictures, out of scope{kind and ': ' + kind}", wanted, told))
    return shown


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, required=True, help="folder that holds nih/ and others")
    asked.add_argument("--skimage-data", type=Path, default=None, help="the folder skimage/data")
    asked.add_argument("--split", choices=("val", "test"), default="test")
    asked.add_argument("--json", action="store_true", help="print the table for machines")
    given = asked.parse_args()
    part = "test" if given.split == "test" else "fit"
    shown = rates(films(given.data, given.split), list(pictures(part, given.skimage_data)))
    if given.json:
        print(json.dumps([asdict(one) for one in shown], indent=1))
        return
    print(
        "| of | wanted | share | films or pictures | patients or sources | 95 % interval by these |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for one in shown:
        print(
            f"| {one.of} | {one.wanted} | {one.share:.3f} | {one.films} | {one.patients} | "
            f"{one.low:.3f} to {one.high:.3f} |"
        )


if __name__ == "__main__":
    main()

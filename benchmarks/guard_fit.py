"""Fits the input guard on training films and writes ``src/carina/studies/guard.json``.

Strength of the penalty and thresholds are chosen by patient on train and val; test is not opened.
The same data give the same file.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from carina.core import write_json
from carina.studies.guard import Problem, Readouts, descriptors, square, turned

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.guard_films import Seen, films
from benchmarks.other_pictures import pictures

PENALTY = 0.03  # inverse strength; 0.003 and 0.3 give the same rates on val
FALSE_ALARMS = 0.004  # of each problem, on val films and their patients' peers in train
STATES = [(turn, inverted) for turn in range(4) for inverted in (False, True)]


def fitted(found: list[Seen], others: list[np.ndarray]) -> Readouts:
    """The readouts of films of train and val, and of other pictures."""
    seen = [one for one in found if one.split == "train"]
    others = others + [one.part for one in seen[::3]]
    train = seen + [replace(one, small=small) for one in seen for small in one.tilted]
    centre = np.mean([_told(one.small, state) for one in train for state in STATES], axis=0)

    def told(small: np.ndarray, state: tuple[int, bool]) -> np.ndarray:
        found: np.ndarray = _told(small, state) - centre
        return found

    frontal = [one for one in train if not one.lateral]
    state = LogisticRegression(C=PENALTY, max_iter=400)
    state.fit(
        np.array([told(one.small, way) for one in frontal for way in STATES]),
        np.tile(np.arange(len(STATES)), len(frontal)),
    )

    def upright(small: np.ndarray) -> np.ndarray:
        turn, inverted = STATES[int(state.decision_function([told(small, (0, False))]).argmax())]
        found: np.ndarray = descriptors(turned(small, (4 - turn) % 4, inverted=inverted)) - centre
        return found

    def readout(yes: list[np.ndarray], no: list[np.ndarray]) -> LogisticRegression:
        model = LogisticRegression(C=PENALTY, max_iter=800, class_weight="balanced")
        return model.fit(np.array(yes + no), np.repeat([1, 0], [len(yes), len(no)]))

    straight = [upright(one.small) for one in frontal]
    sideways = [upright(one.small) for one in train if one.lateral]
    elsewhere = [
        upright(turned(small, turn, inverted=inverted))
        for small in others
        for turn, inverted in STATES
    ]
    lateral = readout(sideways, straight)
    other = readout(elsewhere, straight + sideways)
    held = np.array([upright(one.small) for one in found if one.split == "val" and not one.lateral])
    thresholds = {Problem.INVERTED.name: 0.5, Problem.ROTATED.name: 0.5}
    for problem, model in ((Problem.LATERAL, lateral), (Problem.NOT_A_CHEST, other)):
        chances = model.predict_proba(held)[:, 1]
        thresholds[problem.name] = round(max(0.5, float(np.quantile(chances, 1 - FALSE_ALARMS))), 3)
    return Readouts(
        made_by=f"{len({one.patient for one in train})} patients' training films and drawn ones, "
        f"{len(others)} other pictures; benchmarks/guard_fit.py",
        centre=_short(centre),
        state=tuple(map(_short, state.coef_)),
        state_bias=_short(state.intercept_),
        lateral=_short(lateral.coef_[0]),
        lateral_bias=_short(lateral.intercept_)[0],
        other=_short(other.coef_[0]),
        other_bias=_short(other.intercept_)[0],
        thresholds=thresholds,
    )


def _told(small: np.ndarray, state: tuple[int, bool]) -> np.ndarray:
    return descriptors(turned(small, state[0], inverted=state[1]))


def _short(numbers: np.ndarray) -> tuple[float, ...]:
    """Four digits are enough, and a small file."""
    return tuple(float(f"{number:.4g}") for number in numbers)


def main() -> None:
    """Fit and write."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, required=True, help="folder that holds nih/ and others")
    asked.add_argument("--skimage-data", type=Path, default=None, help="the folder skimage/data")
    asked.add_argument("--out", type=Path, default=Path("src/carina/studies/guard.json"))
    given = asked.parse_args()
    others = [square(grey) for _, _, grey in pictures("fit", given.skimage_data)]
    write_json(given.out, fitted(films(given.data, "train", "val"), others))


if __name__ == "__main__":
    main()

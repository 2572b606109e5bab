"""Full fine-tuning of a small encoder beside the frozen ways: scores, forgetting, time, memory, bytes.

    python benchmarks/fine_tuning.py --data ../shared/data/cxr --work .work/fine-tuning

The same films, streams and folds of patients for all, those of `fine_tuning_trials`: scores are out
of fold, the test split is not read. Each way runs in a process of its own, in one thread; what is
there already is not run again, and a kill costs one experience of the whole network or one frozen
way at most. From nothing it takes about half an hour. See docs/decisions/fine-tuning.md. Linux only.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable
from itertools import product
from pathlib import Path

import torch

from carina.core import read_json, write_json

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.fine_tuning_measure import (
    WHOLE,
    Films,
    Outcome,
    digest_of,
    key_of,
    measure,
    measure_films,
)
from benchmarks.fine_tuning_trials import FOLDS, SCORED
from benchmarks.whole_network import ENCODER

METHODS = {
    WHOLE: "whole network, fine-tuned",
    "retune": "RE-tune, frozen encoder",
    "heads": "logistic head a finding, frozen encoder",
    "ridge": "masked ridge head, frozen encoder",
}
PLANS = {"joint": "Joint", "by-class": "One finding at a time"}
HEADER = (
    "method",
    "AUROC out of fold",
    "less whole network",
    "on unseen films",
    "there less whole network",
    "BWT",
    "forgetting",
    "s an update",
    "steps an update",
    "peak MB",
    "MB an update sends",
    "MB carried",
)


def table(work: Path) -> list[str]:
    """Lines of Markdown on what `run` left in a folder; what it did not get to is said to be not run."""
    if not _films_file(work).is_file():
        return ["Not run: see `python benchmarks/fine_tuning.py --help`."]
    films = read_json(_films_file(work), Films)
    lines = [
        (
            f"{ENCODER}, {films.scored} films of {films.patients} patients of train and val, each "
            f"scored by what learned from other patients ({len(SCORED)} of {FOLDS} folds). The whole "
            "network's settings were chosen on the same folds, those of the frozen ways with another "
            "encoder."
        ),
        "",
    ]
    if films.exposed:
        lines += [
            (
                f"† {films.exposed}. Every row here is too good; compare within a table. Of the films "
                f"scored {films.unseen} are surely unseen: those with more than one label."
            ),
            "",
        ]
    for plan, title in PLANS.items():
        lines += [f"### {title}", "", _row(HEADER), "|" + " --- |" * len(HEADER)]
        for method, named in METHODS.items():
            path = _outcome_file(work, method, plan)
            cells = ["not run"] + [""] * (len(HEADER) - 2)
            if path.is_file():
                cells = read_json(path, Outcome).cells
            lines.append(_row([named + " †" * bool(films.exposed), *cells]))
        lines.append("")
    return [
        *lines,
        (
            f"Seconds are of learning alone, in one thread. A film is read and prepared in "
            f"{films.prepare_seconds * 1e3:.0f} ms; the frozen encoder's pass takes another "
            f"{films.encode_seconds * 1e3:.0f} ms, once. Peak: the most a process had resident, of "
            f"which {films.before_bytes / 1e6:.0f} MB are imports, labels and features; the whole "
            "network's is of a few steps from its start. Undefined: BWT and forgetting of one step."
        ),
    ]


def run(data: Path, work: Path) -> None:
    """Do what is not there yet, the whole network first, each in a process of its own.

    Args:
        data: Folder that holds nih/ and weights/.
        work: Where everything is kept.
    """
    digest = digest_of(data)
    films = _films_file(work)
    if not films.is_file() or read_json(films, Films).key != digest:
        _in_child(["films"], data, work)
    for method, plan in product(METHODS, PLANS):
        path = _outcome_file(work, method, plan)
        if not path.is_file() or read_json(path, Outcome).key != key_of(method, plan, digest):
            _in_child([method, plan], data, work)


def _films_file(work: Path) -> Path:
    return work / "films.json"


def _outcome_file(work: Path, method: str, plan: str) -> Path:
    return work / f"outcome-{method}-{plan}.json"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _in_child(part: list[str], data: Path, work: Path) -> None:
    """Do a part in a process of its own, so that its memory is its own."""
    words = [sys.executable, __file__, "--data", str(data), "--work", str(work), "--part", *part]
    subprocess.run(words, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def main() -> None:
    """Run what is missing and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="holds nih/ and weights/")
    parser.add_argument("--work", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.work.mkdir(parents=True, exist_ok=True)
    match given.part:
        case None:
            run(given.data, given.work)
            print("\n".join(table(given.work)))
        case ["films"]:
            write_json(_films_file(given.work), measure_films(given.data, given.work))
        case [method, plan]:
            outcome = measure(method, plan, given.data, given.work)
            write_json(_outcome_file(given.work, method, plan), outcome)


if __name__ == "__main__":
    main()

"""How the whole network's settings were chosen: every trial, out of fold, on train and val alone.

    python benchmarks/fine_tuning_trials.py --data ../shared/data/cxr --work .work/fine-tuning

Two of five folds of patients, hashed by a salt of their own, are scored by networks that learned
from the other four fifths. What is said of a trial is the macro AUROC over the fourteen findings
after the last experience. What is there already is not run again; a kill costs one experience.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from carina.core import fingerprint
from carina.encoders import load_image_encoder
from carina.features import Store, encode
from carina.learning import Schedule
from carina.measures import auroc
from carina.recipes import NAMED, Continual, Prepared, prepare, with_encoders
from carina.recipes.passes import Pass, Progress, walked
from carina.streams import Stream, lay_out
from carina.studies import Manifest, read_data

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.whole_films import by_number, write_films
from benchmarks.whole_network import ENCODER, Norm, Tuning
from benchmarks.whole_walk import born, walk_whole

FOLDS, SCORED, SALT, SEED = 5, (0, 1), "trials", 27
WEIGHTS = Path("weights") / "mbv3_cxr14.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One setting, tried.

    Attributes:
        plan: "joint" or "by-class".
        tuning: What is tried.
        reads: Of a joint trial at a constant rate: it is read after so many equal parts, each of
            the tuning's steps, Adam's state carried on.
    """

    plan: str
    tuning: Tuning
    reads: int = 1


PLAIN = Trial(plan="joint", tuning=Tuning(carry=True, steps=40), reads=4)
NORMED = replace(PLAIN.tuning, norm=Norm.BATCH)
BEST = replace(NORMED, rate=3e-4, head=10.0)
SHORT = Trial(plan="by-class", tuning=replace(BEST, steps=20))
CHOSEN = {
    "joint": replace(PLAIN, tuning=replace(BEST, moved=True)),
    "by-class": SHORT,
}
"""The best of each plan's trials."""


def trials() -> Iterator[Trial]:
    """Every trial, in the order of the search: joint first, then the stream with what was best."""
    for rate in (3e-5, 1e-4, 3e-4):
        yield replace(PLAIN, tuning=replace(PLAIN.tuning, rate=rate, steps=80))
    yield replace(PLAIN, tuning=replace(PLAIN.tuning, rate=1e-3))
    for rate in (1e-4, 3e-4, 1e-3):
        yield replace(PLAIN, tuning=replace(NORMED, rate=rate))
    for tuning in (
        BEST,
        replace(BEST, rate=1e-4),
        replace(BEST, batch=8, steps=80),
        replace(BEST, batch=32, steps=20),
        replace(BEST, moved=True),
        replace(BEST, weight_decay=0.1),
        replace(BEST, rate=1e-3),
        replace(BEST, head=30.0),
        replace(BEST, steps=80),
    ):
        yield replace(PLAIN, tuning=tuning)
    yield replace(PLAIN, tuning=replace(BEST, schedule=Schedule.LINEAR, steps=240), reads=1)
    for tuning in (
        replace(SHORT.tuning, carry=False),
        replace(SHORT.tuning, carry=False, rate=1e-4),
        SHORT.tuning,
        replace(SHORT.tuning, carry=False, steps=10),
    ):
        yield replace(SHORT, tuning=tuning)


def recipe_of(plan: str, method: str = "ridge") -> Continual:
    """The named recipe on these folds and the network's own features."""
    return replace(with_encoders(NAMED[f"nih-{plan}-{method}"](), ENCODER), salt=SALT)


def ground(data: Path, work: Path) -> tuple[Manifest, Prepared, np.ndarray]:
    """The films' table, its labels and features, and the prepared films; made where not there.

    Args:
        data: Folder that holds nih/ and weights/.
        work: Where films and features are kept.
    """
    manifest, store = read_data(data / "nih"), Store(work / "store")
    for _ in encode(manifest, load_image_encoder(ENCODER, weights=data / WEIGHTS), store):
        pass
    if not (path := work / "films.npy").is_file():
        write_films(manifest, ENCODER, path)
    prepared = prepare(recipe_of("joint"), manifest, store)
    return manifest, prepared, np.load(path, mmap_mode="r")


def laid(plan: str, prepared: Prepared) -> Stream:
    """The plan's stream over all of train and val."""
    nobody = np.array([], dtype=np.int64)
    rows = prepared.labelled.ground(
        rows=prepared.learn, validation=nobody, digest=prepared.manifest_digest
    )
    return lay_out(recipe_of(plan).plan, rows)


def passes(prepared: Prepared) -> list[Pass]:
    """The folds that are scored."""
    folds = prepared.labelled.patients[prepared.learn] % FOLDS
    return [
        Pass(
            name=f"fold-{fold}",
            learn=prepared.learn[folds != fold],
            score=prepared.learn[folds == fold],
        )
        for fold in SCORED
    ]


def folder_of(trial: Trial, work: Path) -> Path:
    """Where the passes of a trial are kept."""
    return work / "trials" / fingerprint(trial)


def followed(
    trial: Trial, prepared: Prepared, films: np.ndarray, weights: Path, work: Path
) -> Iterator[Progress]:
    """Every pass of a trial, from wherever it stands."""
    stream = laid(trial.plan, prepared)
    labelled = by_number(prepared.labelled)
    for this in passes(prepared):
        network = born(
            weights,
            trial.tuning,
            films=films,
            learn_from=this.learn,
            findings=len(labelled.space),
        )
        yield from walk_whole(
            this,
            network,
            stream=replace(stream, experiences=stream.experiences * trial.reads),
            labelled=labelled,
            films=films,
            tuning=trial.tuning,
            seed=SEED,
            folder=folder_of(trial, work) / this.name,
        )


def reached(trial: Trial, prepared: Prepared, work: Path) -> list[float] | None:
    """Macro AUROC after each read of a joint trial, or after the last step; None if not finished."""
    steps = len(laid(trial.plan, prepared).experiences) * trial.reads + 1
    folder, folds = folder_of(trial, work), passes(prepared)
    if not all((folder / this.name / f"done-{steps - 1:03}.json").is_file() for this in folds):
        return None
    scores = np.concatenate(
        [walked(folder / this.name, steps).difference for this in folds], axis=1
    )
    target = prepared.labelled.target[np.concatenate([this.score for this in folds])]
    columns = prepared.labelled.space.indices(recipe_of(trial.plan).headline)
    read = range(1, steps) if trial.plan == "joint" else (steps - 1,)
    return [
        float(np.mean([auroc(scores[step, :, c], target[:, c]) for c in columns])) for step in read
    ]


def line(trial: Trial, found: list[float] | None) -> str:
    """The trial as a row of the table: what differs from the plainest, and what came of it."""
    plain, asked = Tuning(), trial.tuning
    fields = ("norm", "rate", "head", "schedule", "weight_decay", "batch", "moved", "carry")
    said = [f"{n} {getattr(asked, n)}" for n in fields if getattr(asked, n) != getattr(plain, n)]
    steps = ", ".join(str(asked.steps * (read + 1)) for read in range(trial.reads))
    values = ", ".join(f"{value:.3f}" for value in found or []) or "not run"
    return f"| {trial.plan} | {'; '.join(said)} | {steps} | {values} |"


def main() -> None:
    """Try, and print a row a trial."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="holds nih/ and weights/")
    parser.add_argument("--work", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--only-read", action="store_true", help="run nothing that is missing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    _, prepared, films = ground(given.data, given.work)
    print("| plan | setting | steps an experience | AUROC |\n| --- | --- | --- | --- |")
    for trial in trials():
        if not given.only_read:
            for _ in followed(trial, prepared, films, given.data / WEIGHTS, given.work):
                pass
        print(line(trial, reached(trial, prepared, given.work)), flush=True)


if __name__ == "__main__":
    main()

"""A reader in service through a year of updates, on drawn radiographs and a real frozen encoder.

    python benchmarks/update_phantoms.py [--work .work/update] [--json]

A hospital of 300 patients teaches five findings; then come new films, a sixth finding on films met
before, labels drawn by lot, a handful of patients, a patient who leaves, and the way back. Two
hundred other patients are the locked test set. What must come of each step is asserted.
"""

import argparse
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from carina.bundles import begin_history, digest_of_files, history_folder, write_bundle
from carina.core import generator
from carina.encoders import ImageEncoder, load_image_encoder
from carina.features import Store, encode
from carina.learning import Ridge
from carina.phantoms import write_phantoms
from carina.recipes import (
    ALL,
    Continual,
    Dossier,
    Finished,
    Outcome,
    bundle_of,
    prepare,
    roll_back,
    run,
    take_out,
    taught_in,
    update,
)
from carina.serving import load_predictor
from carina.streams import AllAtOnce
from carina.studies import LabelSpace, Manifest, read_folder

ENCODER = "efficientnet-lite0"
HELD_BACK = "Pneumothorax"
WRONG = "Pleural Effusion"
PARTS = {
    "hospital": range(300),
    "may": range(300, 420),
    "wrong": range(420, 600),
    "few": range(600, 608),
    "locked": range(608, 808),
}


def part(every: Manifest, name: str, findings: tuple[str, ...]) -> Manifest:
    """The rows of a part's patients with some of the findings; one in five held back at the hospital."""
    numbers = np.array([int(patient.removeprefix("PHX-")) for patient in every.patient])
    rows = np.flatnonzero(np.isin(numbers, list(PARTS[name])))
    some = every.take(rows)
    labels = some.labels[:, some.space.indices(findings)]
    held = [name == "hospital" and number % 5 == 4 for number in numbers[rows]]
    return replace(
        some,
        labels=labels.copy(),
        space=LabelSpace(names=findings),
        split=tuple("test" if one else "train" for one in held),
    )


def by_lot(manifest: Manifest, finding: str) -> Manifest:
    """The same with a finding's labels dealt out anew among the films."""
    labels = manifest.labels.copy()
    column = manifest.space.index(finding)
    labels[:, column] = generator(0, "by lot").permutation(labels[:, column])
    return replace(manifest, labels=labels)


def encoders() -> tuple[ImageEncoder, ...]:
    """Of the reader."""
    return (load_image_encoder(ENCODER),)


def year(work: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """One step after the other: its name, and what came of it."""
    if not (work / "films" / "phantoms.csv").is_file():
        for _ in write_phantoms(work / "films", patients=max(PARTS["locked"]) + 1, seed=11):
            pass
    every, store, reader = read_folder(work / "films"), Store(work / "store"), work / "reader"
    for _ in encode(every, load_image_encoder(ENCODER), store):
        pass
    six = every.space.names
    five = tuple(name for name in six if name != HELD_BACK)
    locked = part(every, "locked", six)
    torch.set_num_threads(1)

    recipe = Continual(
        name="phantoms",
        encoders=(ENCODER,),
        text_encoder="",
        strategy=Ridge(),
        plan=AllAtOnce(),
        draws=500,
    )
    *_, last = run(recipe, prepare(recipe, part(every, "hospital", five), store), work / "runs")
    assert isinstance(last, Finished)
    for folder in (reader, history_folder(reader)):
        shutil.rmtree(folder, ignore_errors=True)
    bundle, state = bundle_of(last.folder, updatable=True)
    write_bundle(reader, bundle, state=state)
    begin_history(reader, taught_in(last.folder))
    yield "bundled", {"findings": len(bundle.labels)}

    def learn(data: Manifest, *, check: bool = False) -> Dossier:
        *_, dossier = update(reader, data, store, encoders, locked=locked, check_input=check)
        assert isinstance(dossier, Dossier)
        return dossier

    film = every.study_at(0).image
    (before,) = load_predictor(reader).predict_all([film]).images
    may = learn(part(every, "may", five), check=True)
    (after,) = load_predictor(reader).predict_all([film]).images
    assert may.outcome is Outcome.PASSED
    assert before.findings != after.findings
    yield "new films", told(may)

    sixth = learn(part(every, "hospital", six))
    assert sixth.outcome is Outcome.PASSED
    assert [one.finding for one in sixth.findings if one.how == "added"] == [HELD_BACK]
    yield "a sixth finding", told(sixth)

    served = digest_of_files(reader)
    wrong = learn(by_lot(part(every, "wrong", six), WRONG))
    assert wrong.outcome is Outcome.FAILED
    assert digest_of_files(reader) == served
    yield "labels by lot", told(wrong)

    few = learn(part(every, "few", six))
    assert few.outcome is Outcome.PENDING
    assert digest_of_files(reader) == served
    yield "a handful of patients", told(few)

    leaving = f"PHX-{PARTS['may'].start:05}"
    out = take_out(reader, leaving, part(every, "may", five), store)
    assert out.freed == (2, 3)
    yield "a patient leaves", {"freed": out.freed, "films": out.films}
    yield "the way back", {"version": roll_back(reader, to=2)}
    again = learn(part(every, "may", five))
    yield "their films again", told(again)


def told(dossier: Dossier) -> dict[str, Any]:
    """What is worth a line of a dossier."""
    return {
        "outcome": str(dossier.outcome),
        "version": dossier.version,
        "films": dossier.data.learned_films,
        "set aside": dict(dossier.data.set_aside),
        "checks": {
            f"{check.finding}, {check.measure}": f"{check.difference or check.new}: {check.outcome}"
            for check in dossier.gate.checks
            if check.group == ALL
        },
        "groups": sum(check.group != ALL for check in dossier.gate.checks),
        "untested": len(dossier.gate.untested),
    }


def main() -> None:
    """Live through it and print."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--work", type=Path, default=Path(".work/update"))
    words.add_argument("--json", action="store_true")
    given = words.parse_args()
    steps = []
    for name, what in year(given.work):
        steps.append({"step": name, **what})
        if not given.json:
            print(f"{name}: {json.dumps(what, indent=1)}", flush=True)
    if given.json:
        print(json.dumps(steps, indent=1))


if __name__ == "__main__":
    main()

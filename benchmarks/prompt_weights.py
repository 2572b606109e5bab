"""Do learned weights of prompts help, and a bank of more prompts? Out of fold on nih, joint training.

Settings are the recipe's; train and val only, the test split is not read.
"""

import sys
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.out_of_fold import Walk, films, walked
from carina.adaptors import encode_bank, load_bank
from carina.core import Estimate, generator
from carina.encoders import load_text_encoder
from carina.learning import RETune
from carina.measures import difference, macro, resample_patients
from carina.recipes import NAMED, Prepared

RECIPE = NAMED["nih-joint-retune"]()
BANKS = ("retune-4", "carina-14")
SEEDS = (1, 2, 3)


def with_bank(prepared: Prepared, bank: str) -> Prepared:
    """The films with the prompts of another bank."""
    labelled = prepared.labelled
    prompts = encode_bank(load_bank(bank), labelled.space, load_text_encoder(RECIPE.text_encoder))
    return replace(prepared, labelled=replace(labelled, prompts=prompts))


def scored(
    prepared: Prepared, work: Path, bank: str, *, learned: bool, jobs: int
) -> Float[np.ndarray, "seeds films findings"]:
    """Scores of films and headline findings, by seed."""
    strategy = RECIPE.strategy
    assert isinstance(strategy, RETune)
    strategy = replace(strategy, learn_prompt_weights=learned)
    walks = [Walk(strategy=strategy, plan=RECIPE.plan, seed=seed) for seed in SEEDS]
    columns = list(prepared.labelled.space.indices(RECIPE.headline))
    found = [
        scores[-1][:, columns].astype(np.float64)
        for _, scores in walked(walks, with_bank(prepared, bank), work / bank, jobs=jobs)
    ]
    return np.stack(found)


def main() -> None:
    """Walk what is not there yet, and print a table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    prepared = films(asked.data, asked.work)
    columns = list(prepared.labelled.space.indices(RECIPE.headline))
    known = prepared.certain[prepared.learn][:, columns]
    target = prepared.labelled.target[prepared.learn][:, columns] & known
    patients = prepared.labelled.patients[prepared.learn]
    resamples = resample_patients(patients, rng=generator(0, "prompt weights"))
    found = {
        (bank, learned): scored(prepared, asked.work, bank, learned=learned, jobs=asked.jobs)
        for bank in BANKS
        for learned in (False, True)
    }
    plain = found[BANKS[0], False]
    print(
        "| bank | weights | seed | AUROC | less retune-4, equal |\n| --- | --- | --- | --- | --- |"
    )
    for (bank, learned), by_seed in found.items():
        for place, seed in enumerate(SEEDS):
            scores = by_seed[place]
            value: Estimate = macro("auroc", scores, target, resamples, known=known)
            less = difference("auroc", scores, plain[place], target, resamples, known=known)
            print(f"| {bank} | {'learned' if learned else 'equal'} | {seed} | {value} | {less} |")


if __name__ == "__main__":
    main()

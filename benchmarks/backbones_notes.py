"""Real films and the notes beside them, the names of diseases masked: covid-chestxray.

The notes are case histories; what they name, a reader of the note would match and not see.
"""

import re
from dataclasses import replace
from pathlib import Path

from benchmarks.backbones_adaptor import adaptor_of, found, recipe_of
from benchmarks.backbones_ground import Ground
from benchmarks.backbones_outcome import Outcome, Trial
from benchmarks.backbones_references import CHANCE, REFERENCES, RIDGE
from carina.recipes import prepare_pairs
from carina.studies import Manifest, Split, read_data

__all__ = ["ADAPTOR", "NOTES", "masked", "masked_notes", "note"]

ADAPTOR = "Adaptor, one vector a side"
NOTES = (CHANCE, RIDGE, ADAPTOR)
MASK = "the disease"
NAMED = re.compile(
    r"\b(?:"
    r"covid(?:[\s-]*19)?|(?:2019[\s-]*)?n-?cov|sars(?:[\s-]*cov(?:[\s-]*2)?)?|mers(?:[\s-]*cov)?"
    r"|(?:novel\s+)?corona[\s-]?virus(?:\s+disease)?(?:[\s-]*2019)?"
    r"|ards|(?:severe\s+)?acute\s+respiratory(?:\s+distress)?\s+syndrome"
    r"|pneumocystis(?:\s+(?:jirovecii?|carinii))?|p[cj]p"
    r"|streptococc\w*|pneumococc\w*|staphylococc\w*|mycoplasma|klebsiella|legionell\w*|legionnaires?"
    r"|chlamyd\w*|e\.?\s*coli|escherichia|influenza\w*|h1n1|varicella\w*|chicken\s?pox|lipoid"
    r"|tubercul\w*|aspergill\w*|nocardi\w*|cryptococc\w*|histoplasm\w*"
    r"|(?:broncho)?pneumoni\w*|pneumonitis"
    r")\b",
    re.IGNORECASE,
)


def masked(note: str) -> str:
    """A note without the names of diseases, and without words for pneumonia."""
    return NAMED.sub(MASK, note)


def masked_notes(data: Path) -> Manifest:
    """The films of covid-chestxray, each beside its masked note."""
    manifest = read_data(data / "covid")
    return replace(manifest, report=tuple(masked(note) for note in manifest.report))


def note(trial: Trial, ground: Ground) -> Outcome:
    """Retrieval between films and masked notes; notes that stand in two splits are left out."""
    manifest = masked_notes(ground.data)
    recipe = replace(recipe_of(trial.image, trial.text), learn=(Split.TRAIN,))
    named = sum(NAMED.search(each) is not None for each in read_data(ground.data / "covid").report)
    with prepare_pairs(recipe, manifest, ground.store) as pairs:
        if trial.what == ADAPTOR:
            retrieval = adaptor_of(recipe, manifest, ground)[0].retrieval
        else:
            retrieval = found(REFERENCES[trial.what](pairs, manifest, ground), pairs)
        return Outcome(
            trial=trial,
            retrieval=retrieval,
            figures={
                "notes": sum(bool(each.strip()) for each in manifest.report),
                "masked": named,
                "pairs": len(pairs.learn),
                "left out": sum(pairs.left_out.values()),
            },
        )

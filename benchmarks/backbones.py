"""Is *Freeze the backbones* right? Its claims on drawn films and reports, one trial a row.

    make backbones

Films are drawn, encoded once by every encoder, and asked about by trials that are kept in the work
folder by what they are; so a run that is cut off goes on where it stood. Nothing is chosen on the
films that are judged. What came out is left as backbones.json, and shown by ``make results``.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import product, repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.backbones_adaptor import adaptor_over, alone
from benchmarks.backbones_forms import FORMS, few, form
from benchmarks.backbones_ground import (
    IMAGES,
    LITE,
    MINILM,
    MOBILE,
    PYRAMID,
    TEXTS,
    Ground,
    encoded,
)
from benchmarks.backbones_held import EVERYWHERE, SITES, disturbance, site
from benchmarks.backbones_notes import NOTES, masked_notes, note
from benchmarks.backbones_outcome import Measure, Outcome, Trial, kept
from benchmarks.backbones_references import REFERENCES, reference
from benchmarks.backbones_tables import table
from benchmarks.backbones_whole import WAYS, way
from carina.core import dump, load, read_json, write_json
from carina.studies import Disturbance, Manifest

__all__ = ["MEASURES", "corpus_of", "kept_in", "measured", "outcomes", "read", "trials"]

KEPT = "backbones.json"
MEASURES: Mapping[str, Measure] = {
    "agnostic": adaptor_over,
    "alone": alone,
    "references": reference,
    "ways": way,
    "forms": form,
    "notes": note,
    "disturbed": disturbance,
    "sites": site,
}
"""How the trials of each part are measured."""
CORPORA: Mapping[str, Callable[[Ground], Manifest]] = {
    "drawn": lambda ground: ground.manifest,
    "few": lambda ground: few(ground.manifest),
    "notes": lambda ground: masked_notes(ground.data),
}
"""What encoders read; of the few, tokens too."""


def trials() -> list[Trial]:
    """Every row of every table, the longest first, then those that others stand on."""
    both = {"image": MOBILE, "text": MINILM}
    return [
        *(Trial(part="ways", what=what, **both) for what in reversed(WAYS)),
        *(
            Trial(part="agnostic", what="Adaptor", image=image, text=text)
            for image, text in product(IMAGES, TEXTS)
        ),
        *(Trial(part="alone", what="no Adaptor", image=image) for image in IMAGES),
        *(
            Trial(part="references", what=what, image=image, text=MINILM)
            for image, what in product((LITE, MOBILE, PYRAMID), REFERENCES)
        ),
        *(Trial(part="notes", what=what, image=LITE, text=MINILM) for what in NOTES),
        *(Trial(part="forms", what=what, **both) for what in FORMS),
        *(Trial(part="disturbed", what=what, **both) for what in Disturbance),
        *(Trial(part="sites", what=what, **both) for what in (*SITES, EVERYWHERE)),
    ]


def corpus_of(trial: Trial) -> str:
    """What the encoders of a trial must have read."""
    return {"forms": "few", "notes": "notes"}.get(trial.part, "drawn")


def outcomes(asked: list[Trial], ground: Ground, *, jobs: int) -> list[Outcome]:
    """What trials come to, each in a process of its own, so that its memory is its own.

    Args:
        asked: Which.
        ground: On which films.
        jobs: Processes side by side, one thread each.
    """
    reading = dict.fromkeys(
        (corpus_of(one), name) for one in asked for name in (one.image, one.text) if name
    )
    _ = ground.manifest  # drawn once, before others look for it
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        list(pool.map(read, reading, repeat(ground)))
        return list(pool.map(measured, asked, repeat(ground)))


def read(what: tuple[str, str], ground: Ground) -> None:
    """Encode a corpus by an encoder, where it is not yet."""
    torch.set_num_threads(1)
    corpus, name = what
    outputs = ("pooled", "tokens") if corpus == "few" else ("pooled",)
    encoded(name, CORPORA[corpus](ground), ground, outputs=outputs)


def measured(trial: Trial, ground: Ground) -> Outcome:
    """What a trial comes to, measured where it is not yet."""
    torch.set_num_threads(1)
    return kept(trial, ground, MEASURES[trial.part])


def kept_in(work: Path) -> list[Outcome]:
    """What an earlier `main` left in a work folder; nothing where it never ran there."""
    path = work / KEPT
    plain: list[dict[str, Any]] = read_json(path, list) if path.is_file() else []
    return [load(one, Outcome, what=KEPT) for one in plain]


def main() -> None:
    """Measure what is not there yet, leave backbones.json in the work folder, print the tables."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="holds nih/, covid/, weights/")
    parser.add_argument("--work", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    given = parser.parse_args()
    found = outcomes(trials(), Ground(data=given.data, work=given.work), jobs=given.jobs)
    write_json(given.work / KEPT, [dump(one) for one in found])
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()

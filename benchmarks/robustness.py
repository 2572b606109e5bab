"""How far answers hold on films that other detectors, settings and archives would have left.

The test films of ChestX-ray14 are disturbed, encoded again and shown to the readers of finished runs,
which learned from films as they are. Nothing is chosen on them.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from benchmarks.grid import LITE
from benchmarks.results_rows import Row, said
from benchmarks.results_rows import table as rows_of
from carina.adaptors import Readout, answer_in_blocks
from carina.core import Estimate, generator, write_bytes
from carina.encoders import load_image_encoder, prepare
from carina.evaluation import compare
from carina.learning import load_learner, load_setting
from carina.studies import LEVELS, Disturbance, Split, disturbed, load_image, read_data

__all__ = ["READERS", "Held", "robustness_rows", "table"]

READERS = (
    ("joint", "RE-tune"),
    ("by-class", "RE-tune with distillation (LwF)"),
    ("joint", "logistic heads"),
    ("joint", "masked ridge"),
)
"""Cells of the grid whose last reader is asked."""
DRAWS, BATCH, SEED = 1000, 32, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One reader on films disturbed in one way.

    Attributes:
        reader: The cell's plan and method.
        what: Was done to the films.
        lost: AUROC on disturbed films less that on the films as they are, for each level.
    """

    reader: str
    what: Disturbance
    lost: tuple[Estimate, Estimate, Estimate]


def robustness_rows(rows: Iterable[Row], data: Path, work: Path, *, jobs: int) -> list[Held]:
    """Every reader under every disturbance.

    Args:
        rows: Finished cells, those of `READERS` among them.
        data: Folder that holds nih/.
        work: Where the runs are, and features of disturbed films are kept.
        jobs: Processes side by side.
    """
    asked = [row for row in rows if (row.cell.table, row.cell.method) in READERS]
    every = [(what, level) for what in Disturbance for level in (1, 2, 3)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        list(
            pool.map(
                _kept, [asked[0].test.part.images] * len(every), every, repeat(data), repeat(work)
            )
        )
    found = []
    for row in asked:
        readout = _reader(work / "runs" / row.results.run)
        for what in Disturbance:
            first, second, third = (
                _lost(row, readout, np.load(_file(what, level, work), allow_pickle=False))
                for level in (1, 2, 3)
            )
            name = f"{row.cell.table}: {row.cell.method}"
            found.append(Held(reader=name, what=what, lost=(first, second, third)))
    return found


def _reader(folder: Path) -> Readout:
    last = max((folder / "learners").iterdir())
    readout = load_learner(last, setting=load_setting(folder / "setting")).readout
    assert readout is not None
    return readout


def _lost(row: Row, readout: Readout, features: Float[np.ndarray, "films dim"]) -> Estimate:
    test = row.test
    said = answer_in_blocks(readout, torch.from_numpy(features)).difference.double().numpy()
    difference = test.difference.copy()
    difference[-1][:, test.space.indices(readout.labels)] = said
    return compare(
        replace(test, difference=difference),
        test,
        names=row.headline,
        draws=DRAWS,
        rng=generator(SEED, "robustness"),
    )


def _file(what: Disturbance, level: int, work: Path) -> Path:
    return work / "disturbed" / f"{what}-{level}.npy"


def _kept(images: tuple[str, ...], asked: tuple[Disturbance, int], data: Path, work: Path) -> None:
    """Encode disturbed films, where they are not yet, in the order of these digests."""
    torch.set_num_threads(1)
    what, level = asked
    if not _file(what, level, work).is_file():
        by_digest = dict(_encoded(set(images), what, level, data))
        buffer = BytesIO()
        np.save(buffer, np.stack([by_digest[one] for one in images]))
        write_bytes(_file(what, level, work), buffer.getvalue())
        print(f"  {what}, level {level}: encoded", flush=True)


def _encoded(
    wanted: set[str], what: Disturbance, level: int, data: Path
) -> Iterator[tuple[str, Float[np.ndarray, " dim"]]]:
    encoder = load_image_encoder(LITE)
    assert encoder.card.preprocess is not None
    digests, batch = list[str](), list[np.ndarray]()
    manifest = read_data(data / "nih")
    for row in manifest.rows(Split.TEST):
        digest, picture = load_image(manifest.place(manifest.image[row]))
        if digest not in wanted:
            continue
        rng = generator(SEED, "disturbed", what, level, digest)
        film = disturbed(picture.pixels, what, level, rng=rng)
        digests.append(digest)
        batch.append(prepare(film, encoder.card.preprocess))
    for at in range(0, len(batch), BATCH):
        pooled = encoder.encode(torch.from_numpy(np.stack(batch[at : at + BATCH]))).pooled
        yield from zip(digests[at : at + BATCH], pooled.float().numpy(), strict=True)


def table(rows: list[Held]) -> list[str]:
    """Its section of the page, as Markdown; nothing where no reader was asked."""
    if not rows:
        return []
    body = [
        [
            row.reader,
            f"{row.what}: {', '.join(f'{strength:g}' for strength in LEVELS[row.what])}",
            *map(said, row.lost),
        ]
        for row in rows
    ]
    return [
        "## Films as others would have left them",
        "",
        "The test films, disturbed in three steps each, before readers that learned from films as they are: AUROC less that on the undisturbed ones, paired by patient. Strengths are the power of the grey values, the deviation of the noise (of the whole range), that of the Gaussian (in 1/512 of the longer side), the quality, the scale, the share of films turned round.",
        "",
        *rows_of(["reader", "disturbance", "step 1", "step 2", "step 3"], body),
    ]

"""Do heat maps of a ridge head point at what was marked, and better than a point that looks at no film?

    python benchmarks/pointing.py --data ../shared/data/cxr --work .work/results
    python benchmarks/pointing.py --data ../shared/data/cxr --work .work/results --on test

On drawn films with their lesions, where each part of a lesion counts as the box around it, and on
ChestX-ray14 films with the boxes of its own readers and RSNA's. Without ``--on test`` films are read out
of fold by patient, and no test film is. RSNA's Lung Opacity is no finding the head was taught: the head
of Pneumonia reads it. The blind point of a finding is where most films learned from are marked.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.results_rows import said
from benchmarks.results_rows import table as rows_of
from carina.adaptors import Readout, finding_map, upsampled
from carina.core import Estimate, UnknownName, generator, read_json, write_json
from carina.encoders import Preprocess, load_image_encoder, prepare_mask
from carina.evaluation import pointing
from carina.features import Store, encode, lookup
from carina.learning import Learned, Ridge, begin, learn_one
from carina.measures import resample_patients
from carina.phantoms import write_phantoms
from carina.recipes import Continual, Prepared, prepare
from carina.streams import AllAtOnce, lay_out, view
from carina.studies import Manifest, Marks, find_marks, read_data, read_folder, read_image

FOLDS, SPECK = 5, 16  # parts of a lesion of fewer pixels are no box of their own
ENCODER, PATIENTS, SEED, SIDE = "efficientnet-lite0", 1200, 27, 256
ALL, FEWEST = "all", 10
READ_BY: Mapping[str, str] = {"Lung Opacity": "Pneumonia"}
"""What is marked under a name no head was taught, and the head that reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointed:
    """How often maps of a finding hit.

    Attributes:
        ground: Which films.
        finding: What is marked, or `ALL`.
        films: How many show it.
        hits: Of the maps.
        chance: Of a point thrown anywhere.
        blind: Of the place marked most often on films learned from.
        over_blind: Hits less those, paired by film.
    """

    ground: str
    finding: str
    films: int
    hits: Estimate
    chance: Estimate
    blind: Estimate
    over_blind: Estimate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """One film with a finding: heat, where it is marked, where it usually is, and its row."""

    heat: Float[np.ndarray, "rows cols"]
    region: Bool[np.ndarray, "rows cols"]
    usual: Float[np.ndarray, "rows cols"]
    row: int


def readout_of(prepared: Prepared, rows: np.ndarray) -> Readout:
    """The masked ridge head taught on some rows, all findings at once."""
    nobody = np.array([], dtype=np.int64)
    ground = prepared.labelled.ground(rows=rows, validation=nobody, digest=prepared.manifest_digest)
    (experience,) = lay_out(AllAtOnce(), ground).experiences
    strategy = Ridge()
    learner = begin(strategy, prepared.setting, seed=27)
    seen = view(experience, prepared.labelled)
    *_, last = learn_one(strategy, learner, seen, seed=27, index=0)
    assert isinstance(last, Learned)
    assert last.learner.readout is not None
    return last.learner.readout


def boxed(mask: np.ndarray) -> np.ndarray:
    """The boxes around the parts of a mask."""
    parts, _ = ndimage.label(mask)
    boxes = np.zeros_like(mask)
    for number, place in enumerate(ndimage.find_objects(parts), start=1):
        if (parts[place] == number).sum() >= SPECK:
            boxes[place] = True
    return boxes


def parts(prepared: Prepared, *, test: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to learn from, and rows a head taught on them may be asked about."""
    if test:
        yield prepared.learn, prepared.test
        return
    fold = prepared.labelled.patients[prepared.learn] % FOLDS
    for held in range(FOLDS):
        yield prepared.learn[fold != held], prepared.learn[fold == held]


def marked(manifest: Manifest, where: Path, names: tuple[str, ...]) -> dict[str, Marks]:
    """The marks of each name that has any."""
    found = {}
    for name in names:
        try:
            found[name] = find_marks(manifest, name, where)
        except (UnknownName, FileNotFoundError):
            continue
    return found


def regions_of(
    its: Marks, manifest: Manifest, rows: np.ndarray, spec: Preprocess
) -> dict[int, Bool[np.ndarray, "rows cols"]]:
    """The boxes on each row that is marked, as the encoder sees the film."""
    found = {}
    for row in rows.tolist():
        if its.drawn.get(row):
            film = read_image(manifest.place(manifest.image[row])).pixels
            found[row] = prepare_mask(boxed(its.mask(row, *film.shape)), spec)
    return found


def shown(
    manifest: Manifest, where: Path, store: Store, *, test: bool
) -> tuple[Prepared, dict[str, list[Shown]]]:
    """Every marked film that may be asked about, by finding."""
    encoder = load_image_encoder(ENCODER)
    for _ in encode(manifest, encoder, store, outputs=("pooled", "tokens"), workers=1):
        pass
    read = [row for row, one in enumerate(lookup(manifest, store, encoder.card)) if one]
    manifest = manifest.take(np.array(read, dtype=np.int64))  # as `prepare` has its rows
    recipe = Continual(name="pointing", encoders=(ENCODER,), text_encoder="")
    prepared = prepare(recipe, manifest, store)
    spec = encoder.card.preprocess
    assert spec is not None
    asked = np.concatenate([prepared.learn, prepared.test]) if test else prepared.learn
    names = (*prepared.labelled.space.names, *READ_BY)
    marks = {
        name: regions_of(its, manifest, asked, spec)
        for name, its in marked(manifest, where, names).items()
    }
    found: dict[str, list[Shown]] = {name: [] for name in marks}
    with store.table(encoder.card, prepared.digests, outputs=("pooled", "tokens")) as table:
        for learned, rows in parts(prepared, test=test):
            readout = readout_of(prepared, learned)
            for name, regions in marks.items():
                mine = np.array([row for row in rows.tolist() if row in regions], dtype=np.int64)
                if not len(mine):
                    continue
                nowhere = np.zeros((spec.size, spec.size))
                seen = [regions[row] for row in learned.tolist() if row in regions]
                usual = np.mean(seen, axis=0) if seen else nowhere
                cells = finding_map(
                    readout, READ_BY.get(name, name), table.pooled(mine), table.tokens(mine)
                )
                maps = upsampled(cells, encoder.card.grid, spec.size).numpy()
                found[name] += [
                    Shown(heat=heat, region=regions[row], usual=usual, row=row)
                    for row, heat in zip(mine.tolist(), maps, strict=True)
                ]
    return prepared, found


def pointed(
    ground: str, manifest: Manifest, where: Path, work: Path, *, test: bool
) -> list[Pointed]:
    """Every finding of a ground, all together first."""
    prepared, found = shown(manifest, where, Store(work / "store"), test=test)
    together = [one for several in found.values() for one in several]
    rows = []
    for name, several in ((ALL, together), *found.items()):
        if several:
            patients = prepared.labelled.patients[[one.row for one in several]]
            game = pointing(
                np.stack([one.heat for one in several]),
                np.stack([one.region for one in several]),
                resample_patients(patients, rng=generator(SEED, "pointing")),
                usual=np.stack([one.usual for one in several]),
            )
            rows.append(
                Pointed(
                    ground=ground,
                    finding=name,
                    films=game.hits.n,
                    hits=game.hits,
                    chance=game.chance,
                    blind=game.blind,
                    over_blind=game.over_blind,
                )
            )
    return rows


def kept_in(work: Path, on: str = "test") -> list[Pointed]:
    """What an earlier `main` left in a work folder; nothing where it never ran there."""
    path = _kept(work, on)
    return list(read_json(path, tuple[Pointed, ...])) if path.is_file() else []


def _kept(work: Path, on: str) -> Path:
    return work / f"pointing-{on}.json"


def table(found: list[Pointed]) -> list[str]:
    """The findings of `FEWEST` films or more as Markdown, each beside what looks at no film."""
    body = [
        [
            one.ground,
            one.finding,
            str(one.films),
            said(one.hits),
            said(one.chance).partition(" ")[0],
            said(one.blind),
            said(one.over_blind),
        ]
        for one in found
        if one.films >= FEWEST
    ]
    header = ["films", "finding", "marked", "hits", "chance", "blind point"]
    return rows_of([*header, "hits less the blind point's"], body)


def drawn(work: Path) -> Path:
    """Folder of drawn films with masks, drawn where they are not yet."""
    folder = work / "phantoms" / f"{PATIENTS}-{SEED}-masks"
    if not (folder / "phantoms.csv").is_file():
        for _ in write_phantoms(folder, patients=PATIENTS, seed=SEED, size=SIDE, masks=True):
            pass
    return folder


def main() -> None:
    """Ask on drawn films and on ChestX-ray14, leave a JSON in the work folder, print the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, required=True, help="folder that holds nih/")
    asked.add_argument("--work", type=Path, required=True, help="where store and results are")
    asked.add_argument("--on", choices=("folds", "test"), default="folds")
    given = asked.parse_args()
    torch.set_num_threads(1)
    phantoms, nih = drawn(given.work), given.data / "nih"
    grounds = {
        "drawn films": (read_folder(phantoms), phantoms / "masks"),
        "ChestX-ray14": (read_data(nih), nih / "boxes.csv"),
    }
    found = [
        row
        for ground, (manifest, where) in grounds.items()
        for row in pointed(ground, manifest, where, given.work, test=given.on == "test")
    ]
    write_json(_kept(given.work, given.on), found)
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()

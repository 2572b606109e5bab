"""Do heat maps of a ridge head point at what was marked: phantoms' lesions, boxes of real films.

    python benchmarks/pointing.py --data PHANTOMS --marks PHANTOMS/masks --store S --on test
    python benchmarks/pointing.py --data ../shared/data/cxr/nih --marks ../shared/data/cxr/nih/boxes.csv \
        --store S --read "Lung Opacity=Pneumonia"

Phantoms are those of `write_phantoms(..., masks=True)`. A lesion counts as the box around each of
its parts. Without `--on test` films are read out of fold by patient, and no test film is. What is
marked under a name the head was not taught goes to the head `--read` names.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from carina.adaptors import Readout, finding_map, upsampled
from carina.core import UnknownName, generator
from carina.encoders import load_image_encoder, prepare_mask
from carina.evaluation import pointing
from carina.features import Store, encode, lookup
from carina.learning import Learned, Ridge, begin, learn_one
from carina.measures import resample_patients
from carina.recipes import Continual, Prepared, prepare
from carina.streams import AllAtOnce, lay_out, view
from carina.studies import Manifest, Marks, find_marks, read_data, read_image

FOLDS, SPECK = 5, 16  # parts of a lesion of fewer pixels are no box of their own


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


def readers(prepared: Prepared, *, test: bool) -> Iterator[tuple[Readout, np.ndarray]]:
    """Each head with the rows it may be asked about."""
    if test:
        yield readout_of(prepared, prepared.learn), prepared.test
        return
    fold = prepared.labelled.patients[prepared.learn] % FOLDS
    for held in range(FOLDS):
        yield readout_of(prepared, prepared.learn[fold != held]), prepared.learn[fold == held]


def marked(manifest: Manifest, where: Path, names: tuple[str, ...]) -> dict[str, Marks]:
    """The marks of each name that has any."""
    found = {}
    for name in names:
        try:
            found[name] = find_marks(manifest, name, where)
        except (UnknownName, FileNotFoundError):
            continue
    return found


def main() -> None:
    """Print how often maps hit, beside chance and the blind point, by finding and over all."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--marks", type=Path, required=True)
    asked.add_argument("--store", type=Path, required=True)
    asked.add_argument("--encoder", default="efficientnet-lite0")
    asked.add_argument("--weights", type=Path)
    asked.add_argument("--on", choices=("folds", "test"), default="folds")
    asked.add_argument("--read", default="", help='marked name and head: "Lung Opacity=Pneumonia"')
    given = asked.parse_args()
    torch.set_num_threads(1)
    manifest, store = read_data(given.data), Store(given.store)
    encoder = load_image_encoder(given.encoder, weights=given.weights)
    for _ in encode(manifest, encoder, store, outputs=("pooled", "tokens"), workers=1):
        pass
    read = [row for row, one in enumerate(lookup(manifest, store, encoder.card)) if one]
    manifest = manifest.take(np.array(read, dtype=np.int64))  # as `prepare` has its rows
    recipe = Continual(name="pointing", encoders=(given.encoder,), text_encoder="")
    prepared = prepare(recipe, manifest, store)
    card = encoder.card
    assert card.preprocess is not None
    heads = dict([given.read.split("=")]) if given.read else {}
    marks = marked(manifest, given.marks, (*prepared.labelled.space.names, *heads))
    places: dict[str, list[tuple[np.ndarray, np.ndarray, int]]] = {name: [] for name in marks}
    with store.table(card, prepared.digests, outputs=("pooled", "tokens")) as table:
        for readout, rows in readers(prepared, test=given.on == "test"):
            for name, its in marks.items():
                mine = np.array([r for r in rows.tolist() if its.drawn.get(r)], dtype=np.int64)
                if not len(mine):
                    continue
                cells = finding_map(
                    readout, heads.get(name, name), table.pooled(mine), table.tokens(mine)
                )
                maps = upsampled(cells, card.grid, card.preprocess.size).numpy()
                for row, heat in zip(mine.tolist(), maps, strict=True):
                    film = read_image(manifest.place(manifest.image[row])).pixels
                    region = prepare_mask(boxed(its.mask(row, *film.shape)), card.preprocess)
                    places[name].append((heat, region, row))
    told("all findings", [one for several in places.values() for one in several], prepared)
    for name, several in places.items():
        told(name, several, prepared)


def told(name: str, several: list[tuple[np.ndarray, np.ndarray, int]], prepared: Prepared) -> None:
    """One line."""
    if not several:
        return
    heat, regions, rows = (np.stack(column) for column in zip(*several, strict=True))
    patients = prepared.labelled.patients[rows]
    resamples = resample_patients(patients, rng=generator(27, "pointing"))
    found = pointing(heat, regions, resamples)
    times = "" if found.over_chance is None else f", {found.over_chance:.1f} times chance"
    print(f"{name}: {found.hits.n} marked, hits {found.hits}, chance {found.chance}{times}")


if __name__ == "__main__":
    main()

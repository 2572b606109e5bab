"""Streams walked out of fold, for benchmarks that choose or judge without a test split.

The films are those of train and val; of the hand-made mix, which is only judged, all.

Every walk is kept under the work folder by what it is, so a benchmark that is cut off goes on where it
stood, and asking twice costs nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from carina.adaptors import Readout, answer_in_blocks
from carina.core import dump, fingerprint, generator, write_bytes
from carina.encoders import load_image_encoder
from carina.evaluation import Part, Scores
from carina.features import Store, encode
from carina.learning import Learned, Setting, StrategyConfig, follow
from carina.phantoms import write_phantoms
from carina.recipes import NAMED, Prepared, prepare
from carina.streams import Labelled, Stream, StreamPlan, lay_out, view
from carina.studies import Manifest, read_data, read_folder

__all__ = [
    "NIH",
    "PHANTOMS",
    "STARTER",
    "Walk",
    "drawn_phantoms",
    "films",
    "scores_of",
    "shown",
    "stream_of",
    "walked",
]

VERSION = 1
"""Raised whenever what a walk computes changes, so that older ones are not taken for new."""
NIH, STARTER, PHANTOMS = "nih", "starter", "phantoms"
FOLDS = 5
ENCODER = "efficientnet-lite0"
PATIENTS, SEED = 360, 27  # as the demo draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A stream followed once for each of five folds of patients.

    Attributes:
        strategy: How it learns.
        plan: What it meets.
        seed: Of the partition of the patients, and of everything the strategy draws.
        ground: On which films: `NIH`, `STARTER` or `PHANTOMS`.
    """

    strategy: StrategyConfig
    plan: StreamPlan
    seed: int
    ground: str = NIH

    @property
    def name(self) -> str:
        """Changes when, and only when, the walk does."""
        plain = {
            part: {"kind": type(value).__name__, **dump(value)}
            for part, value in (("strategy", self.strategy), ("plan", self.plan))
        }
        made = {"version": VERSION, "seed": self.seed, "folds": FOLDS, "ground": self.ground}
        return fingerprint({**made, **plain})


def films(ground: str, data: Path, work: Path) -> Prepared:
    """The films of a ground as recipes read them, drawn and encoded where they are not yet."""
    if ground == PHANTOMS:
        return _prepared(read_folder(drawn_phantoms(work)), "phantom-by-time-retune", work)
    manifest = read_data(data / "nih")
    if ground == NIH:
        return _prepared(manifest, "nih-by-class-retune", work)
    mix = manifest.take(np.flatnonzero(np.array(manifest.site) == STARTER))
    prepared = _prepared(mix, "nih-by-class-retune", work)
    return replace(prepared, learn=np.arange(len(prepared.digests)))


def drawn_phantoms(work: Path) -> Path:
    """Folder of the phantoms, drawn where they are not yet."""
    drawn = work / "phantoms" / f"{PATIENTS}-{SEED}"
    if not (drawn / "phantoms.csv").is_file():
        for _ in write_phantoms(drawn, patients=PATIENTS, seed=SEED):
            pass
    return drawn


def _prepared(manifest: Manifest, recipe: str, work: Path) -> Prepared:
    store = Store(work / "store")
    for _ in encode(manifest, load_image_encoder(ENCODER), store):
        pass
    return prepare(NAMED[recipe](), manifest, store)


def partition(patients: Int[np.ndarray, " films"], seed: int) -> Int[np.ndarray, " films"]:
    """The fold of each film; all of a patient's in one, folds as equal as patients allow."""
    codes, place = np.unique(patients, return_inverse=True)
    fold: np.ndarray = (generator(seed, "partition").permutation(len(codes)) % FOLDS)[place]
    return fold


def walked(
    walks: Iterable[Walk], grounds: Mapping[str, Prepared], work: Path, *, jobs: int
) -> Iterator[tuple[Walk, Float[np.ndarray, "steps films findings"]]]:
    """Scores of the films learned from, out of fold, after every experience; NaN before a finding.

    Args:
        walks: What to walk; those kept from before come back at once.
        grounds: The films, by ground.
        work: Where walks are kept.
        jobs: Processes side by side, one thread each.
    """
    every = list(walks)
    missing = {walk.name: walk for walk in every if not _file(walk, work).is_file()}
    if missing:
        _SHARED.update(grounds)  # inherited by the processes, not sent
        with ProcessPoolExecutor(jobs, mp_context=get_context("fork")) as pool:
            done = pool.map(_keep, missing.values(), [work] * len(missing))
            for number, said in enumerate(done, start=1):
                print(f"walk {number} of {len(missing)}: {said}", flush=True)
    for walk in every:
        yield walk, np.load(_file(walk, work), allow_pickle=False)


def scores_of(
    found: Float[np.ndarray, "steps films findings"], stream: Stream, prepared: Prepared
) -> Scores:
    """A walk as a table of scores, with nothing before the first experience."""
    labelled, rows = prepared.labelled, prepared.learn
    difference = np.concatenate([np.full_like(found[:1], np.nan), found]).astype(np.float64)
    nothing = np.full_like(difference, np.nan)
    return Scores(
        part=Part(
            name="out-of-fold",
            images=tuple(prepared.digests[row] for row in rows),
            patients=np.unique(labelled.patients[rows], return_inverse=True)[1].astype(np.int64),
            target=labelled.target[rows] & prepared.certain[rows],
            known=prepared.certain[rows],
        ),
        space=labelled.space,
        experiences=tuple(experience.name for experience in stream.experiences),
        difference=difference,
        positive=nothing,
        probability=nothing,
        decision=nothing,
    )


def stream_of(plan: StreamPlan, prepared: Prepared) -> Stream:
    """The plan laid on all films to learn from."""
    nobody = np.array([], dtype=np.int64)
    ground = prepared.labelled.ground(
        rows=prepared.learn, validation=nobody, digest=prepared.manifest_digest
    )
    return lay_out(plan, ground)


def shown(plan: StreamPlan, prepared: Prepared) -> Bool[np.ndarray, "experiences labels"]:
    """Whether each experience shows labels of each finding."""
    space = prepared.labelled.space
    return np.array(
        [
            [name in experience.visible for name in space.names]
            for experience in stream_of(plan, prepared).experiences
        ]
    )


_SHARED: dict[str, Prepared] = {}


def _file(walk: Walk, work: Path) -> Path:
    return work / "walks" / f"{walk.name}.npy"


def _keep(walk: Walk, work: Path) -> str:
    torch.set_num_threads(1)
    prepared = _SHARED[walk.ground]
    stream = stream_of(walk.plan, prepared)
    fold = partition(prepared.labelled.patients[prepared.learn], walk.seed)
    shape = (len(stream.experiences), len(prepared.learn), len(prepared.labelled.space))
    found = np.full(shape, np.nan, dtype=np.float32)
    for held in range(FOLDS):
        asked = fold == held
        learned = stream.limited_to(prepared.learn[~asked])
        rows = prepared.labelled.features[torch.from_numpy(prepared.learn[asked])]
        each = _followed(walk, prepared.setting, learned, prepared.labelled)
        for step, readout in enumerate(each):
            columns = np.array(prepared.labelled.space.indices(readout.labels))
            said = answer_in_blocks(readout, rows).difference.numpy()
            found[step][np.ix_(asked, columns)] = said
    array = BytesIO()
    np.save(array, found, allow_pickle=False)
    write_bytes(_file(walk, work), array.getvalue())
    return f"{type(walk.strategy).__name__}, seed {walk.seed}"


def _followed(
    walk: Walk, setting: Setting, stream: Stream, labelled: Labelled
) -> Iterator[Readout]:
    views = (view(experience, labelled) for experience in stream.experiences)
    for _, event in follow(walk.strategy, setting, views, seed=walk.seed):
        if isinstance(event, Learned):
            assert event.learner.readout is not None
            yield event.learner.readout

"""One way of learning followed through its folds, and what it took: see `fine_tuning`."""

import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from carina.core import Estimate, digest_file, fingerprint, generator
from carina.encoders import ENCODERS, load_image_encoder
from carina.encoders import prepare as as_encoded
from carina.evaluation import OUT_OF_FOLD, Part, Scores, assess, cells_of, compare
from carina.features import Store
from carina.recipes import Continual, Prepared, prepare
from carina.recipes.passes import Walked, walk, walked
from carina.streams import Stream, view
from carina.studies import read_data, read_image

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.fine_tuning_trials import (
    CHOSEN,
    WEIGHTS,
    folder_of,
    followed,
    ground,
    laid,
    passes,
    recipe_of,
)
from benchmarks.whole_films import by_number, peak_memory
from benchmarks.whole_network import ENCODER, learn
from benchmarks.whole_walk import born

WHOLE = "whole"
DRAWS = 1000
PROBED = 64  # films that are timed from file to tensor and to features
_ONLY_FOR_LEARNING_ON = ("sums", "optimiser")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one method came to on one plan.

    Attributes:
        key: Of all that the numbers hang on.
        auroc: Macro over the fourteen findings after the last experience.
        less_whole: That less the whole network's, paired by patient.
        unseen: As `auroc`, on films that the published weights surely have not seen.
        less_whole_unseen: As `less_whole`, on those.
        backward_transfer: Over all findings.
        forgetting: Likewise.
        seconds: Median over folds and experiences: learning alone.
        steps: Optimiser steps an experience; 0 for closed forms.
        peak_bytes: Most memory its process had resident while learning.
        update_bytes: What answers, without the frozen encoder: sent wherever it is to answer.
        carried_bytes: That, and what only learning on needs.
    """

    key: str
    auroc: Estimate
    less_whole: Estimate
    unseen: Estimate
    less_whole_unseen: Estimate
    backward_transfer: Estimate
    forgetting: Estimate
    seconds: float
    steps: int
    peak_bytes: int
    update_bytes: int
    carried_bytes: int

    @property
    def cells(self) -> list[str]:
        """As the table shows it, without the method."""
        numbers = (
            self.auroc,
            self.less_whole,
            self.unseen,
            self.less_whole_unseen,
            self.backward_transfer,
            self.forgetting,
        )
        return [
            *(str(number) if number.defined else "undefined" for number in numbers),
            f"{self.seconds:.2f}",
            str(self.steps),
            f"{self.peak_bytes / 1e6:.0f}",
            f"{self.update_bytes / 1e6:.2f}",
            f"{self.carried_bytes / 1e6:.2f}",
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Films:
    """What holds for every way.

    Attributes:
        key: Of the films' table and the weights.
        scored: Films that are scored out of fold.
        patients: Of how many patients.
        unseen: Of these films, how many the published weights surely have not seen.
        exposed: What the published weights have seen of them, or "".
        prepare_seconds: A film from its file to a tensor.
        encode_seconds: A film from the tensor to features.
        before_bytes: Resident once everything is imported and labels and features are read.
    """

    key: str
    scored: int
    patients: int
    unseen: int
    exposed: str
    prepare_seconds: float
    encode_seconds: float
    before_bytes: int


def measure_films(data: Path, work: Path) -> Films:
    """What holds for every way; in this process."""
    manifest, prepared, _ = ground(data, work)
    before = peak_memory()
    folds = passes(prepared)
    rows = np.concatenate([this.score for this in folds])
    encoder = load_image_encoder(ENCODER, weights=data / WEIGHTS)
    spec = ENCODERS[ENCODER].card.preprocess
    assert spec is not None
    some = manifest.image[:PROBED]
    started = perf_counter()
    tensors = [
        torch.from_numpy(as_encoded(read_image(manifest.root / name).pixels, spec)) for name in some
    ]
    prepared_at = perf_counter()
    for tensor in tensors:
        encoder.encode(tensor[None])
    return Films(
        key=digest_of(data),
        scored=len(rows),
        patients=len(np.unique(prepared.labelled.patients[rows])),
        unseen=len(rows) if prepared.unseen is None else int(prepared.unseen[rows].sum()),
        exposed="; ".join(text for text in prepared.exposed if text),
        prepare_seconds=(prepared_at - started) / len(some),
        encode_seconds=(perf_counter() - prepared_at) / len(some),
        before_bytes=before,
    )


def measure(method: str, plan: str, data: Path, work: Path) -> Outcome:
    """One way, in this process; the whole network from wherever it stands and before the others."""
    manifest, prepared, films = ground(data, work)
    stream, key = laid(plan, prepared), key_of(method, plan, digest_of(data))
    if method == WHOLE:
        for _ in followed(CHOSEN[plan], prepared, films, data / WEIGHTS, work):
            pass
        _take_some_steps(plan, prepared, films, data / WEIGHTS)
        lived = _whole_lived(plan, stream, prepared, work)
    else:
        recipe = recipe_of(plan, method)
        prompted = prepare(recipe, manifest, Store(work / "store"))
        lived = _frozen_lived(recipe, stream, prompted, work / "ways" / key)
    peak = peak_memory()
    scores = _scores(prepared, stream, lived)
    other = None
    if method != WHOLE:
        other = _scores(prepared, stream, _whole_lived(plan, stream, prepared, work))
    summary, surely = _assessed(plan, stream, scores), scores.part.unseen
    unseen = less_unseen = Estimate.undefined("no film is surely unseen")
    if surely is not None and surely.any():
        some = scores.limited_to(surely)
        unseen = _assessed(plan, stream, some)["headline"]
        less_unseen = _less(plan, some, other and other.limited_to(surely))
    kept = [one.lived[-1].kept_bytes for one in lived]
    reads = CHOSEN[plan].reads if method == WHOLE else 1
    return Outcome(
        key=key,
        auroc=summary["headline"],
        less_whole=_less(plan, scores, other),
        unseen=unseen,
        less_whole_unseen=less_unseen,
        backward_transfer=summary["backward_transfer"],
        forgetting=summary["forgetting"],
        seconds=reads * float(np.median([life.seconds for one in lived for life in one.lived])),
        steps=reads * lived[0].lived[-1].optimiser_steps,
        peak_bytes=peak,
        update_bytes=max(
            sum(size for kind, size in one.items() if kind not in _ONLY_FOR_LEARNING_ON)
            for one in kept
        ),
        carried_bytes=max(sum(one.values()) for one in kept),
    )


def _frozen_lived(
    recipe: Continual, stream: Stream, prepared: Prepared, folder: Path
) -> list[Walked]:
    """Every pass of a frozen way, anew, so that its process meets all the memory it takes."""
    steps = len(stream.experiences) + 1
    shutil.rmtree(folder, ignore_errors=True)
    for this in passes(prepared):
        for _ in walk(
            this,
            stream=stream,
            strategy=recipe.strategy,
            setting=prepared.setting,
            labelled=prepared.labelled,
            seed=recipe.seed,
            folder=folder / this.name,
        ):
            pass
    return [walked(folder / this.name, steps) for this in passes(prepared)]


def _whole_lived(plan: str, stream: Stream, prepared: Prepared, work: Path) -> list[Walked]:
    """What the chosen trial left; of a joint one that was read often, the first and last answers."""
    trial, of = CHOSEN[plan], len(stream.experiences)
    left = [
        walked(folder_of(trial, work) / this.name, of * trial.reads + 1)
        for this in passes(prepared)
    ]
    return [
        Walked(
            difference=one.difference[:: trial.reads],
            positive=one.positive[:: trial.reads],
            lived=one.lived,
        )
        for one in left
    ]


def _take_some_steps(plan: str, prepared: Prepared, films: np.ndarray, weights: Path) -> None:
    """A few steps from the start, for the memory they need: it grows with the batch alone."""
    labelled, tuning = by_number(prepared.labelled), CHOSEN[plan].tuning
    this = passes(prepared)[0]
    network = born(
        weights, tuning, films=films, learn_from=this.learn, findings=len(labelled.space)
    )
    first = laid(plan, prepared).limited_to(this.learn).experiences[0]
    learn(
        network,
        {},
        view(first, labelled),
        films=films,
        space=labelled.space,
        tuning=replace(tuning, steps=min(3, tuning.steps)),
        rng=generator(0, "whole network", "memory"),
    )


def _scores(prepared: Prepared, stream: Stream, lived: list[Walked]) -> Scores:
    """What the folds said of the films they scored, put together."""
    rows = np.concatenate([this.score for this in passes(prepared)])
    difference = np.concatenate([one.difference for one in lived], axis=1)
    nothing = np.full_like(difference, np.nan)
    labelled, certain = prepared.labelled, prepared.certain[rows]
    patients = np.unique(labelled.patients[rows], return_inverse=True)[1]
    return Scores(
        part=Part(
            name=OUT_OF_FOLD,
            images=tuple(prepared.digests[row] for row in rows),
            patients=patients.reshape(-1).astype(np.int64),
            target=labelled.target[rows] & certain,
            known=certain,
            unseen=None if prepared.unseen is None else prepared.unseen[rows],
        ),
        space=stream.space,
        experiences=tuple(experience.name for experience in stream.experiences),
        difference=difference,
        positive=nothing,
        probability=nothing,
        decision=nothing,
    )


def _less(plan: str, scores: Scores, whole: Scores | None) -> Estimate:
    if whole is None:
        return Estimate.undefined("it is the whole network")
    rng = generator(0, "fine-tuning", "paired")
    return compare(scores, whole, names=recipe_of(plan).headline, draws=DRAWS, rng=rng)


def _assessed(plan: str, stream: Stream, scores: Scores) -> dict[str, Estimate]:
    names = stream.space.names
    shown = np.array([[name in each.visible for name in names] for each in stream.experiences])
    rng = generator(0, "fine-tuning", scores.part.name)
    return assess(
        cells_of(scores, draws=DRAWS, rng=rng),
        groups={"headline": recipe_of(plan).headline},
        shown=shown,
        metrics=("auroc",),
    ).summary["auroc"]


def key_of(method: str, plan: str, data: str) -> str:
    """Of all that a way's numbers hang on; `data` is what `digest_of` gives."""
    how = CHOSEN[plan] if method == WHOLE else recipe_of(plan, method).fingerprint
    return fingerprint({"method": method, "how": how, "data": data})


def digest_of(data: Path) -> str:
    """Of the table of films and the weights."""
    return fingerprint([read_data(data / "nih").digest, digest_file(data / WEIGHTS)])

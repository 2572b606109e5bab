"""Probe a frozen encoder: how well do heads answer that learn from 1, 10 and 100 % of the labels?

Qin et al., "Freeze the Backbones", ICASSP 2024 (arXiv 2401.01179), section 3.2: heads on frozen
features, trained on a share of the training films, stopped by all validation films, asked about all
test films. Their shares are one draw of films; here they are draws of patients, nested and alike in
what they show, and intervals hold patients and draws.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from carina.adaptors import answer_in_blocks
from carina.core import (
    Estimate,
    fingerprint,
    generator,
    partial_folder,
    read_json,
    write_bytes,
    write_json,
)
from carina.evaluation import (
    Part,
    ProbeResults,
    Replicate,
    Scores,
    ShareResult,
    class_accuracy,
    replicated,
    write_scores,
)
from carina.features import Store
from carina.learning import (
    Heads,
    HeadTraining,
    Learned,
    ProbeTrained,
    Ridge,
    Shown,
    follow,
    train_head,
)
from carina.recipes.aligning import images_adapted
from carina.recipes.passes import Progress
from carina.recipes.preparation import Prepared, prepare
from carina.recipes.probe_recipe import Probe
from carina.recipes.recipe import Continual
from carina.recipes.standing import alone_in, tidy
from carina.streams import AllAtOnce, lay_out, nested_shares, view
from carina.studies import Manifest

__all__ = ["Probed", "prepare_probe", "probe"]

_METRICS = ("auroc", "average_precision")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """The last event of a probe: where it lies, and its numbers."""

    folder: Path
    results: ProbeResults


def prepare_probe(recipe: Probe, manifest: Manifest, store: Store) -> Prepared:
    """Read what a probe needs: val held apart, no text, features through its Adaptor.

    Raises:
        Mismatch: where images were never encoded, or the Adaptor stands on another encoder.
        UnknownName, InvalidValue: as `prepare`.
        MissingFile, UnreadableFile: where the Adaptor is not there, or not whole.
    """
    reading = Continual(
        name=recipe.name,
        encoders=recipe.encoders,
        text_encoder="",
        policy=recipe.policy,
        findings=recipe.findings,
        headline=recipe.headline,
        folds=0,
        salt=recipe.salt,
    )
    prepared = prepare(reading, manifest, store)
    if not recipe.adaptor:
        return prepared
    place, labelled = Path(recipe.adaptor), prepared.labelled
    features, adaptor = images_adapted(place, labelled.features, prepared.cards[0])
    return replace(
        prepared,
        labelled=replace(labelled, features=features),
        setting=replace(prepared.setting, image_dim=features.shape[1]),
        pretrained=adaptor,
    )


def probe(recipe: Probe, prepared: Prepared, out: Path) -> Iterator[Progress | Probed]:
    """Learn every share of every draw and ask about the test films, into ``out/<name>``.

    A probe that was cut off goes on where it stood.

    Args:
        recipe: What to probe.
        prepared: What `prepare_probe` read for it.
        out: Folder of runs.

    Yields:
        How far it is; at last `Probed`.

    Raises:
        InvalidValue: for a share of nobody, or one with no known label.
        UnknownName: for a finding in the headline that there is none of.
        UnreadableFile: where another process is probing the same there.
    """
    name, headline = _name(recipe, prepared), recipe.headline or prepared.labelled.space.names
    prepared.labelled.space.indices(headline)
    whole = out / name / "probe.json"
    if not whole.is_file():
        with alone_in(out / f"{name}.unfinished"):
            if not whole.is_file():
                yield from _worked(recipe, prepared, out, name, headline)
    tidy(out, name)
    yield Probed(folder=out / name, results=read_json(whole, ProbeResults))


def _name(recipe: Probe, prepared: Prepared) -> str:
    return fingerprint(
        {
            "recipe": replace(recipe, name="probe", adaptor=prepared.adaptor),
            "manifest": prepared.manifest_digest,
            "images": prepared.digests,
            "encoders": [card.fingerprint for card in prepared.cards],
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lesson:
    """One share of one draw: which rows, and where its answers are kept."""

    share: float
    draw: int
    rows: Int[np.ndarray, " rows"]
    kept: Path


def _worked(
    recipe: Probe, prepared: Prepared, out: Path, name: str, headline: tuple[str, ...]
) -> Iterator[Progress]:
    unfinished, started = out / f"{name}.unfinished", perf_counter()
    lessons = _lessons(recipe, prepared, unfinished)
    for done, lesson in enumerate(lessons):
        here = f"{lesson.share:.0%} of the labels, draw {lesson.draw + 1}"
        yield Progress(stage="probe", experience=here, done=done, of=len(lessons))
        if not lesson.kept.is_file():
            buffer = BytesIO()
            np.save(buffer, _answered(recipe, prepared, lesson), allow_pickle=False)
            write_bytes(lesson.kept, buffer.getvalue())
    yield Progress(stage="intervals", experience="", done=len(lessons), of=len(lessons))
    answers = [np.load(lesson.kept, allow_pickle=False) for lesson in lessons]
    scores = [
        _scores(prepared, lesson, said) for lesson, said in zip(lessons, answers, strict=True)
    ]
    shares = tuple(
        _share(recipe, prepared, share, headline, lessons, scores)
        for share in sorted(set(recipe.shares))
    )
    results = ProbeResults(
        run=name,
        name=recipe.name,
        source=prepared.source,
        encoders={card.name: card.fingerprint for card in prepared.cards},
        exposed={
            card.name: what
            for card, what in zip(prepared.cards, prepared.exposed, strict=True)
            if what
        },
        adaptor=prepared.adaptor,
        dim=prepared.setting.image_dim,
        trainable=_trainable(recipe, prepared),
        headline=headline,
        shares=shares,
        validation_films=len(prepared.apart),
        test_films=len(prepared.test),
        test_patients=len(np.unique(prepared.labelled.patients[prepared.test])),
        leaks=prepared.leaks,
        seconds=perf_counter() - started,
    )
    with partial_folder(out / name) as folder:
        write_json(folder / "recipe.json", recipe)
        write_scores(folder / "scores.parquet", *scores)
        write_json(folder / "probe.json", results)


def _lessons(recipe: Probe, prepared: Prepared, folder: Path) -> list[_Lesson]:
    labelled, learn = prepared.labelled, prepared.learn
    present = (labelled.target & labelled.known)[learn]
    lessons = []
    for draw in range(recipe.draws):
        rng = generator(recipe.seed, "shares", draw)
        drawn = nested_shares(labelled.patients[learn], present, recipe.shares, rng=rng)
        for share, rows in sorted(drawn.items()):
            if share == 1 and draw and not isinstance(recipe.at(share), HeadTraining):
                continue  # the same films and the same head again
            kept = folder / f"{share:g}-{draw}.npy"
            lessons.append(_Lesson(share=share, draw=draw, rows=learn[rows], kept=kept))
    return lessons


def _answered(
    recipe: Probe, prepared: Prepared, lesson: _Lesson
) -> Float[np.ndarray, "films labels"]:
    """Answers about the test films; NaN for findings of which a class is not shown."""
    labelled, rows = prepared.labelled, lesson.rows
    asked = labelled.features[torch.from_numpy(prepared.test)]
    target, known = labelled.target[rows], labelled.known[rows]
    taught = (target & known).any(axis=0) & (~target & known).any(axis=0)
    by = recipe.at(lesson.share)
    if isinstance(by, HeadTraining):
        rng = generator(recipe.seed, "head", lesson.draw)
        films, held = (_shown(prepared, some) for some in (rows, prepared.apart))
        *_, head = train_head(by, films, held, rng=rng)
        assert isinstance(head, ProbeTrained)  # noqa: S101 - training ends with it
        said: np.ndarray = head(asked).double().numpy()
        said[:, ~taught] = np.nan
        return said
    return _by_strategy(by, prepared, rows, asked, taught, seed=recipe.seed)


def _by_strategy(
    by: Heads | Ridge,
    prepared: Prepared,
    rows: Int[np.ndarray, " rows"],
    asked: Float[Tensor, "films dim"],
    taught: Bool[np.ndarray, " labels"],
    *,
    seed: int,
) -> Float[np.ndarray, "films labels"]:
    """Answers of a strategy that learned some rows at once."""
    labelled = prepared.labelled
    names = tuple(n for n, one in zip(labelled.space.names, taught, strict=True) if one)
    nobody = prepared.learn[:0]
    ground = labelled.ground(rows=rows, validation=nobody, digest=prepared.manifest_digest)
    views = (view(one, labelled) for one in lay_out(AllAtOnce(order=names), ground).experiences)
    found = np.full((len(asked), len(labelled.space)), np.nan)
    for _, event in follow(by, prepared.setting, views, seed=seed):
        if isinstance(event, Learned) and (readout := event.learner.readout) is not None:
            columns = np.array(labelled.space.indices(readout.labels), dtype=np.int64)
            found[:, columns] = answer_in_blocks(readout, asked).difference.double().numpy()
    return found


def _shown(prepared: Prepared, rows: Int[np.ndarray, " rows"]) -> Shown:
    labelled = prepared.labelled
    cells: Mapping[str, Tensor] = {
        name: torch.from_numpy(getattr(labelled, name)[rows]) for name in ("target", "known")
    }
    return Shown(features=labelled.features[torch.from_numpy(rows)], **cells)


def _scores(
    prepared: Prepared, lesson: _Lesson, answers: Float[np.ndarray, "films labels"]
) -> Scores:
    """As a table of scores with one step; before it there is nothing."""
    labelled, rows = prepared.labelled, prepared.test
    nothing = np.full((2, *answers.shape), np.nan)
    difference = nothing.copy()
    difference[1] = answers
    return Scores(
        part=Part(
            name=f"{lesson.share:g} of the labels, draw {lesson.draw}",
            images=tuple(prepared.digests[row] for row in rows),
            patients=np.unique(labelled.patients[rows], return_inverse=True)[1].astype(np.int64),
            target=labelled.target[rows] & prepared.certain[rows],
            known=prepared.certain[rows],
            unseen=None if prepared.unseen is None else prepared.unseen[rows],
        ),
        space=labelled.space,
        experiences=("all",),
        difference=difference,
        positive=nothing,
        probability=nothing,
        decision=nothing,
    )


def _share(
    recipe: Probe,
    prepared: Prepared,
    share: float,
    headline: tuple[str, ...],
    lessons: list[_Lesson],
    scores: list[Scores],
) -> ShareResult:
    labelled, names = prepared.labelled, prepared.labelled.space.names
    own = [
        (lesson, said)
        for lesson, said in zip(lessons, scores, strict=True)
        if lesson.share == share
    ]
    runs = [
        Replicate(
            scores=replace(said, part=replace(said.part, name="test")),
            shown=np.ones((1, len(names)), dtype=bool),
            levels={"draw": lesson.draw},
        )
        for lesson, said in own
    ]

    def of(metric: str, some: tuple[str, ...]) -> Estimate:
        rng = generator(recipe.seed, "resamples", f"{share:g}", metric, *some)
        return replicated(runs, names=some, metric=metric, draws=recipe.resamples, rng=rng)

    shown = np.array([(labelled.target & labelled.known)[one.rows].sum(axis=0) for one, _ in own])
    every = [
        name
        for at, name in enumerate(names)
        if not any(np.isnan(s.difference[1, :, at]).any() for _, s in own)
    ]
    return ShareResult(
        share=share,
        patients=len(np.unique(labelled.patients[own[0][0].rows])),
        films=float(np.mean([len(one.rows) for one, _ in own])),
        draws=len(own),
        means={metric: of(metric, headline) for metric in _METRICS},
        findings={
            name: of("auroc", (name,))
            if name in every
            else Estimate.undefined("a draw shows but one class of it")
            for name in names
        },
        positives=dict(zip(names, shown.mean(axis=0).tolist(), strict=True)),
        accuracy=class_accuracy(
            [run.scores for run in runs],
            headline,
            draws=recipe.resamples,
            rng=generator(recipe.seed, "resamples", f"{share:g}", "accuracy"),
        )
        if recipe.exclusive
        else None,
    )


def _trainable(recipe: Probe, prepared: Prepared) -> int:
    """Parameters of a head for all findings."""
    dim, labels = prepared.setting.image_dim, len(prepared.labelled.space)
    if not isinstance(recipe.by, HeadTraining):
        return (dim + 1) * labels
    head = recipe.by.head.build(dim, labels, torch.Generator().manual_seed(0))
    return sum(weight.numel() for weight in head.parameters())

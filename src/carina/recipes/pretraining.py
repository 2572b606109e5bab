"""Run a pre-training: epochs, each one a place to go on from, then retrieval, one folder."""

from collections.abc import Generator, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from jaxtyping import Float

from carina.adaptors import CrossModalConfig, CrossModalModule, PretrainedAdaptor
from carina.core import (
    Mismatch,
    MissingFile,
    UnreadableFile,
    fingerprint,
    generator,
    partial_folder,
    read_json,
    write_json,
)
from carina.evaluation import (
    PretrainingResults,
    Retrieval,
    judge_retrieval,
    likeness_of_findings,
)
from carina.learning import (
    Alone,
    Canonical,
    CanonicalFitted,
    CanonicalTried,
    Epoch,
    EpochEnded,
    Pretrained,
    Pretraining,
    PretrainingStep,
    Processes,
    Standing,
    compared,
    fit_canonical,
    load_standing,
    pretrain,
    save_adaptor,
    save_standing,
)
from carina.recipes.pairing import PreparedPairs
from carina.recipes.passes import Progress
from carina.recipes.pretrain import Pretrain
from carina.recipes.records import cards_used, environment
from carina.recipes.standing import alone_in, tidy

__all__ = ["PretrainingDone", "pretraining_name", "run_pretraining"]

_RESULTS = "pretraining.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingDone:
    """The last event: where it lies, and its numbers."""

    folder: Path
    results: PretrainingResults


def pretraining_name(recipe: Pretrain, prepared: PreparedPairs) -> str:
    """Name of the folder: the same recipe, pairs and encoders give the same name."""
    return fingerprint(
        {
            "recipe": recipe.fingerprint,
            "manifest": prepared.manifest_digest,
            "pairs": prepared.data,
            "encoders": [card.fingerprint for card in prepared.cards],
        }
    )


def run_pretraining(
    recipe: Pretrain, prepared: PreparedPairs, out: Path, *, processes: Processes | None = None
) -> Iterator[Progress | PretrainingDone]:
    """Pre-train into ``out/<name>``, from wherever an earlier attempt stood.

    Args:
        recipe: What.
        prepared: Its pairs.
        out: Where the folder comes.
        processes: Who shares each batch; all get the same events, and the first writes.

    Yields:
        How far it is; at last `PretrainingDone`.

    Raises:
        UnreadableFile: where somebody else is at the same one there.
        Mismatch: where the processes do not see one folder.
    """
    sharing = processes or Alone()
    writes = sharing.number == 0
    name = pretraining_name(recipe, prepared)
    final, unfinished = out / name, out / f"{name}.unfinished"
    if not _seen_by_all((final / _RESULTS).is_file(), sharing):
        with alone_in(unfinished) if writes else nullcontext():
            yield from _worked(recipe, prepared, final, unfinished, sharing)
    if writes:
        tidy(out, name)
    yield PretrainingDone(folder=final, results=read_json(final / _RESULTS, PretrainingResults))


def _seen_by_all(seen: int, processes: Processes) -> int:
    """What each process sees in the folder, where it is the same; nobody writes before all looked."""
    if not processes.agree(seen):
        raise Mismatch(
            f"The {processes.count} processes see different things under --out. Name a folder that "
            "all of them share."
        )
    return seen


def _worked(
    recipe: Pretrain,
    prepared: PreparedPairs,
    final: Path,
    unfinished: Path,
    processes: Processes,
) -> Iterator[Progress]:
    """The whole run, up to its folder under its final name; the first process judges and writes."""
    started = perf_counter()
    match recipe.training:
        case Canonical() as how:
            learned = yield from _fitted(how, prepared)
        case Pretraining() as how:
            standing = unfinished / "standing"
            learned = yield from _trained(how, recipe.seed, prepared, standing, processes)
    yield Progress(stage="retrieval", experience="", done=0, of=1)
    if processes.number == 0:
        _judged_and_written(recipe, prepared, learned, final, started)
    processes.agree(0)  # all wait for the folder


def _judged_and_written(
    recipe: Pretrain, prepared: PreparedPairs, learned: "_Learned", final: Path, started: float
) -> None:
    """The folder under its final name."""
    adaptor = _adaptor(learned, prepared)
    results = PretrainingResults(
        name=recipe.name,
        run=final.name,
        learned=adaptor.learned,
        pairs=(len(prepared.learn), len(prepared.stop)),
        patients=prepared.patients,
        left_out=dict(prepared.left_out),
        epochs=learned.epochs,
        best_epoch=learned.best_epoch,
        retrieval=_found(recipe, prepared, _similar(recipe, prepared, learned.module)),
        oracle=_oracle(recipe, prepared),
        seconds=perf_counter() - started,
        correlations=learned.correlations,
    )
    with partial_folder(final) as folder:
        write_json(folder / "recipe.json", recipe)
        write_json(folder / "environment.json", environment(prepared.cards, prepared.checks))
        write_json(folder / "encoders.json", cards_used(prepared.cards))
        save_adaptor(folder / "adaptor", adaptor)
        write_json(folder / _RESULTS, results)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Learned:
    """What either way of learning leaves."""

    config: CrossModalConfig
    module: CrossModalModule
    epochs: tuple[Epoch, ...] = ()
    best_epoch: int = 0
    correlations: tuple[float, ...] = ()


def _fitted(how: Canonical, prepared: PreparedPairs) -> Generator[Progress, None, _Learned]:
    for event in fit_canonical(how, prepared.learn, prepared.stop):
        match event:
            case CanonicalTried(index=index, of=of):
                yield Progress(stage="pre-training", experience="", done=index + 1, of=of)
            case CanonicalFitted():
                done = event
    return _Learned(config=done.config, module=done.module, correlations=done.correlations)


def _trained(
    how: Pretraining, seed: int, prepared: PreparedPairs, path: Path, processes: Processes
) -> Generator[Progress, None, _Learned]:
    """Epoch by epoch, each kept under the path to go on from."""
    standing = _standing(path) if path.is_dir() else None
    _seen_by_all(0 if standing is None else len(standing.epochs), processes)
    events = pretrain(
        how, prepared.learn, prepared.stop, seed=seed, standing=standing, processes=processes
    )
    for event in events:
        match event:
            case PretrainingStep(index=index, of=of, loss=loss):
                yield Progress(stage="pre-training", experience="", done=index, of=of, loss=loss)
            case EpochEnded(standing=standing):
                if processes.number == 0:
                    save_standing(path, standing)
            case Pretrained():
                done = event
    return _Learned(
        config=how.adaptor,
        module=done.module,
        epochs=done.standing.epochs,
        best_epoch=done.standing.best_epoch,
    )


def _standing(path: Path) -> Standing:
    try:
        return load_standing(path)
    except (MissingFile, UnreadableFile, Mismatch) as error:
        raise type(error)(
            f"{error} Remove the folder {path.parent.name} of the unfinished pre-training, and the "
            "same command begins it anew."
        ) from None


def _adaptor(learned: _Learned, prepared: PreparedPairs) -> PretrainedAdaptor:
    images, texts = prepared.learn.read(np.array([0]))
    image_card, text_card = prepared.cards
    return PretrainedAdaptor(
        config=learned.config,
        module=learned.module,
        image_dim=images.values.shape[2],
        text_dim=texts.values.shape[2],
        image_encoder=image_card.fingerprint,
        text_encoder=text_card.fingerprint,
        data=prepared.data,
        pairs=len(prepared.learn),
        patients=prepared.patients,
    )


def _similar(
    recipe: Pretrain, prepared: PreparedPairs, module: CrossModalModule
) -> Float[np.ndarray, "texts images"]:
    judged = prepared.judged
    similar = compared(
        module, prepared.learn, judged.images, judged.texts, piece=recipe.training.piece
    )
    return similar.double().numpy()


def _found(
    recipe: Pretrain, prepared: PreparedPairs, similar: Float[np.ndarray, "texts images"]
) -> Retrieval:
    judged = prepared.judged
    return judge_retrieval(
        similar,
        judged.belongs,
        text_patients=judged.text_patients,
        image_patients=judged.image_patients,
        draws=recipe.draws,
        rng=generator(recipe.seed, "retrieval"),
    )


def _oracle(recipe: Pretrain, prepared: PreparedPairs) -> Retrieval | None:
    judged = prepared.judged
    if not judged.text_findings.any():
        return None
    known = likeness_of_findings(judged.text_findings, judged.image_findings)
    return _found(recipe, prepared, known)

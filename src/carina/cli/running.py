"""Encoding and running with a bar, for the verbs that do either."""

from collections.abc import Iterator
from pathlib import Path

from carina.cards import write_run_card
from carina.cli.terminal import note, progress
from carina.encoders import ImageEncoder, TextEncoder
from carina.features import EncodedAll, Event, Store, encode_reports
from carina.features import encode as encode_into
from carina.learning import Alone, Processes
from carina.recipes import (
    Continual,
    Finished,
    Prepared,
    Pretrain,
    PretrainingDone,
    one_thread,
    prepare_pairs,
    run_pretraining,
)
from carina.recipes import run as run_recipe
from carina.studies import Manifest

__all__ = ["encode_to_end", "pretrain_to_end", "run_to_end"]


def encode_to_end(
    manifest: Manifest,
    encoder: ImageEncoder | TextEncoder,
    store: Path,
    *,
    verify: bool = False,
    outputs: tuple[str, ...] = ("pooled",),
) -> EncodedAll:
    """Encode a manifest's images, or for an encoder of texts its reports, with a bar."""
    with progress() as bars:
        bar = bars.add_task(f"encode {encoder.card.name}", total=len(manifest))
        for event in _encoding(manifest, encoder, Store(store), verify=verify, outputs=outputs):
            if isinstance(event, EncodedAll):
                return event
            bars.update(bar, completed=event.done)
    raise AssertionError("encode ends with EncodedAll")


def _encoding(
    manifest: Manifest,
    encoder: ImageEncoder | TextEncoder,
    store: Store,
    *,
    verify: bool,
    outputs: tuple[str, ...],
) -> Iterator[Event]:
    if encoder.card.modality == "image":
        assert isinstance(encoder, ImageEncoder)  # noqa: S101 - its card says so
        return encode_into(manifest, encoder, store, verify=verify, outputs=outputs)
    assert isinstance(encoder, TextEncoder)  # noqa: S101 - its card says so
    return encode_reports(manifest, encoder, store, outputs=outputs)


def pretrain_to_end(
    recipe: Pretrain,
    manifest: Manifest,
    store: Path,
    out: Path,
    *,
    processes: Processes | None = None,
) -> PretrainingDone:
    """Pre-train an Adaptor with a bar; of several processes the first speaks.

    Args:
        recipe: What to learn.
        manifest: From which films and reports.
        store: Where their features are.
        out: Folder of pre-trainings.
        processes: Who shares the work; nobody where not given.
    """
    shared = processes or Alone()
    speaks = shared.number == 0
    with prepare_pairs(recipe, manifest, Store(store)) as prepared:
        for why, count in prepared.left_out.items() if speaks else ():
            note(f"Left out: {count} film(s) {why}.")
        with one_thread(), progress(quiet=not speaks) as bars:
            bar = bars.add_task(recipe.name)
            for event in run_pretraining(recipe, prepared, out, processes=shared):
                if isinstance(event, PretrainingDone):
                    return event
                loss = "" if event.loss is None else f", loss {event.loss:.3f}"
                bars.update(
                    bar,
                    description=f"{recipe.name}: {event.stage}{loss}",
                    completed=event.done,
                    total=event.of,
                )
    raise AssertionError("a pre-training ends with PretrainingDone")


def run_to_end(recipe: Continual, prepared: Prepared, out: Path) -> Finished:
    """Run a recipe with a bar, and write its card.

    Args:
        recipe: What to run.
        prepared: On what; recipes of the same encoders, prompts and labels may share it.
        out: Folder of runs.
    """
    with one_thread(), progress() as bars:
        bar = bars.add_task(recipe.name)
        for event in run_recipe(recipe, prepared, out):
            if isinstance(event, Finished):
                write_run_card(event.folder)
                return event
            bars.update(
                bar,
                description=f"{recipe.name}: {event.stage} {event.experience}",
                completed=event.done,
                total=event.of,
            )
    raise AssertionError("run ends with Finished")

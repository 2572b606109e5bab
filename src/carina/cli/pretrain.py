"""``carina pretrain``."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from carina.cards import write_pretraining_card
from carina.cli.running import pretrain_to_end
from carina.cli.runs import free_for_folder
from carina.cli.terminal import note, print_json, print_table
from carina.core import Estimate
from carina.evaluation import Direction, PretrainingResults
from carina.learning import started_processes
from carina.recipes import (
    Pretrain,
    check_verb,
    find_pretraining,
)
from carina.studies import read_data

__all__ = ["pretrain"]


def pretrain(
    data: Path,
    *,
    store: Path,
    out: Path,
    image_encoder: str | None = None,
    text_encoder: str | None = None,
    recipe: str | None = None,
    mapping: Path | None = None,
    seed: int | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Align two frozen encoders from films and their reports: an Adaptor, judged by retrieval.

    One that was cut off goes on where it stood; one that is there already is shown.
    Processes that torchrun starts share each batch, and the first writes and speaks.

    Args:
        data: The data folder, its table, or a collection of several data sets (TOML).
        store: Where `carina encode` put the features.
        out: Folder of pre-trainings; this one's is named by what it is.
        image_encoder: Whose features of the films are read; the recipe's own by default.
        text_encoder: Whose features of the reports are read; the recipe's own by default.
        recipe: A named pre-training (see `carina recipes`), or a TOML or JSON file; by default the
            plain one, over both encoders.
        mapping: TOML that names the table's columns.
        seed: Of everything random; the recipe's own by default.
        as_json: Print the results for machines.
    """
    chosen = _chosen(recipe, image_encoder, text_encoder)
    if seed is not None:
        chosen = replace(chosen, seed=seed)
    place = free_for_folder(out)
    with started_processes() as processes:
        manifest = read_data(data, mapping)
        done = pretrain_to_end(chosen, manifest, store, place, processes=processes)
    if processes.number:
        return
    if as_json:
        print_json(done.results)
    else:
        _show(done.results)
    note(f"Adaptor: {done.folder / 'adaptor'}\nCard:    {write_pretraining_card(done.folder)}")


def _chosen(recipe: str | None, image: str | None, text: str | None) -> Pretrain:
    if recipe is None:
        return Pretrain(name="adaptor", image_encoder=image or "", text_encoder=text or "")
    check_verb(recipe, Pretrain)
    found = find_pretraining(recipe)
    return replace(
        found,
        image_encoder=image or found.image_encoder,
        text_encoder=text or found.text_encoder,
    )


def _show(results: PretrainingResults) -> None:
    note(
        f"{results.name}: {results.learned:,} numbers learned from {results.pairs[0]} pairs of "
        f"{results.patients} patients; {_how(results)}."
    )
    ways = [("report to film", results.retrieval.text_to_image)]
    ways.append(("film to report", results.retrieval.image_to_text))
    rows = [_row(name, way) for name, way in ways]
    rows += [_row(f"{name}, at random", way, by_chance=True) for name, way in ways]
    if results.oracle is not None:
        rows.append(_row("report to film, by the labels", results.oracle.text_to_image))
        rows.append(_row("film to report, by the labels", results.oracle.image_to_text))
    print_table(
        "retrieval on unseen patients",
        ["", *(f"R@{depth}" for depth in _depths(ways[0][1])), "median rank"],
        rows,
    )


def _how(results: PretrainingResults) -> str:
    if not results.epochs:
        shown = ", ".join(f"{each:.2f}" for each in results.correlations)
        return f"along {len(results.correlations)} directions held-out pairs correlate by {shown}"
    best = results.epochs[results.best_epoch - 1]
    return (
        f"loss {best.loss:.3f}, held out {best.held_out:.3f}, best of {len(results.epochs)} epochs "
        f"was the {results.best_epoch}"
    )


def _row(name: str, way: Direction, *, by_chance: bool = False) -> list[str]:
    if by_chance:
        shares = [f"{way.chance[depth]:.3f}" for depth in _depths(way)]
        return [name, *shares, f"{way.chance_rank:.1f} of {way.searched}"]
    shares = [str(way.recall[depth]) for depth in _depths(way)]
    return [name, *shares, f"{_rank(way.median_rank)} of {way.searched}"]


def _depths(way: Direction) -> list[str]:
    return sorted(way.recall, key=int)


def _rank(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.1f}"
    return f"{estimate.value:.1f} [{estimate.low:.1f}, {estimate.high:.1f}]"

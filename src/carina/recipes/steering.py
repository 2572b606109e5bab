"""Does language steer: the same way of learning with other things in the place of the prompts."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from carina.adaptors import Control, controlled
from carina.core import generator
from carina.evaluation import Language, Scores, cells_of, compare
from carina.recipes.passes import Pass, Progress, Walked, walk, walked
from carina.recipes.preparation import Prepared
from carina.recipes.recipe import Continual
from carina.streams import Stream

__all__ = ["controls_walked", "follow_controls", "language_of"]


def follow_controls(
    recipe: Continual, prepared: Prepared, stream: Stream, folder: Path
) -> Iterator[Progress]:
    """Learn the stream once for each of the recipe's controls, and score the test part.

    Raises:
        Mismatch: where a control cannot stand in the place of these prompts.
    """
    prompts = prepared.labelled.prompts
    if prompts is None:
        return
    for control in recipe.controls:
        rng = generator(recipe.seed, "control", str(control))
        yield from walk(
            Pass(name=str(control), learn=prepared.learn, score=prepared.test),
            stream=stream,
            strategy=recipe.strategy,
            setting=prepared.setting,
            labelled=replace(prepared.labelled, prompts=controlled(prompts, control, rng=rng)),
            seed=recipe.seed,
            folder=folder / f"control-{control}",
        )


def controls_walked(recipe: Continual, folder: Path, steps: int) -> dict[Control, Walked]:
    """What `follow_controls` left."""
    return {control: walked(folder / f"control-{control}", steps) for control in recipe.controls}


def language_of(
    recipe: Continual, test: Scores, controls: Mapping[Control, Walked], names: tuple[str, ...]
) -> dict[str, Language]:
    """What the prompts gave beyond each control after the last step, on the test part.

    Args:
        recipe: Of the run.
        test: What it answered with its prompts.
        controls: What was answered with each control.
        names: Findings of the headline.
    """
    found = {}
    for control, answers in controls.items():
        said = replace(test, difference=answers.difference, positive=answers.positive)
        without = said.after_last()
        cells = cells_of(
            without, draws=recipe.draws, rng=generator(recipe.seed, "resamples", "test")
        )
        found[str(control)] = Language(
            auroc=cells.mean("auroc", len(without.experiences), test.space.indices(names)),
            lost=compare(
                test,
                without,
                names=names,
                draws=recipe.draws,
                rng=generator(recipe.seed, "resamples", "language"),
            ),
        )
    return found

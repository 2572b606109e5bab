"""A whole RE-tune run over five findings, one after another, against its training alone.

Training alone is the strategy following the stream over features in memory. The whole run is what
`carina run retune-paper-class-pos-neg` does once its features are read: the same training, scores
after every step, learners kept on disk, thresholds and calibration on val, intervals by resampling patients, results,
and the card with its pictures. The films are as many as CheXpert's frontal ones; both end at the
same weights, bit by bit.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from carina.adaptors import PromptReadout
from carina.cards import write_run_card
from carina.core import digest_bytes
from carina.encoders import load_encoder
from carina.learning import Learned, Learner, RETune, follow, load_learner
from carina.recipes import PAPER_FINDINGS, Continual, Finished, Prepared, one_thread, retune_paper
from carina.recipes import run as run_recipe
from carina.streams import ByClass, ClassRows, lay_out, view

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.drawn import drawn, setting_of
from benchmarks.measured import Measured, in_turns, show

TRAIN, VAL, TEST, DIM = 191_027, 202, 518, 128


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:  # noqa: ARG001
    """The whole run against its training."""
    recipe = retune_paper("class-pos-neg")
    findings = PAPER_FINDINGS[:2] if small else PAPER_FINDINGS
    if small:
        recipe = replace(
            recipe,
            strategy=RETune(batch=100, epochs=1),
            plan=ByClass(variant=ClassRows.CONTIGUOUS_CHUNKS, order=findings),
            findings=findings,
            headline=findings,
            draws=100,
        )
    prepared = films(findings, train=400 if small else TRAIN)
    with one_thread(), threadpool_limits(1), TemporaryDirectory() as place:
        places = (Path(place) / str(number) for number in range(100))
        folders, learners = list[Path](), list[Learner]()
        took = in_turns(
            lambda: folders.append(whole(recipe, prepared, next(places))),
            lambda: learners.append(trained(recipe, prepared)),
            repeats=1 if small else 2,
        )
        (*_, last) = sorted((folders[-1] / "learners").iterdir())
        assert same(learners[-1], load_learner(last, setting=prepared.setting))
    yield Measured(
        name="retune_stream",
        ours=took[0],
        reference=took[1],
        against="its training alone",
        reach=2.0,
        sizes={
            "films": len(prepared.learn),
            "validation films": len(prepared.apart),
            "test films": len(prepared.test),
            "dim": DIM,
            "experiences": len(findings),
            "draws": recipe.draws,
        },
        notes={"weights": "equal, bit by bit"},
    )


def films(findings: tuple[str, ...], *, train: int) -> Prepared:
    """Drawn films as `prepare` would read them, those of val and test behind the others."""
    count = train + VAL + TEST
    labelled = drawn(findings, films=count, dim=DIM, prompts=True)
    rows, unknown = np.arange(count, dtype=np.int64), ("",) * count
    image, text = load_encoder("toy-image").card, load_encoder("toy-text").card
    return Prepared(
        labelled=labelled,
        certain=labelled.known,
        setting=setting_of(labelled),
        digests=tuple(digest_bytes(str(row).encode()) for row in range(count)),
        learn=rows[:train],
        apart=rows[train : train + VAL],
        test=rows[train + VAL :],
        cards=(image, text),
        exposed=("", ""),
        groups=dict.fromkeys(("sex", "age", "view", "site"), unknown),
        unseen=None,
        manifest_digest="drawn",
        source="drawn",
    )


def trained(recipe: Continual, prepared: Prepared) -> Learner:
    """The learner after the last experience, by training alone."""
    stream = lay_out(recipe.plan, prepared.ground())
    views = (view(experience, prepared.labelled) for experience in stream.experiences)
    learner = None
    for _, event in follow(recipe.strategy, prepared.setting, views, seed=recipe.seed):
        if isinstance(event, Learned):
            learner = event.learner
    assert learner is not None
    return learner


def whole(recipe: Continual, prepared: Prepared, out: Path) -> Path:
    """The folder of the whole run, card and all."""
    *_, last = run_recipe(recipe, prepared, out)
    assert isinstance(last, Finished)
    write_run_card(last.folder)
    return last.folder


def same(one: Learner, other: Learner) -> bool:
    """Whether two learners have the same bits."""
    assert isinstance(one.readout, PromptReadout)
    assert isinstance(other.readout, PromptReadout)
    ours, theirs = one.readout.adaptors.state(), other.readout.adaptors.state()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


if __name__ == "__main__":
    show(measured, about=__doc__)

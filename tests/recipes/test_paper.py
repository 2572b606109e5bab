"""RE-tune's published experiments: theirs to the letter, and dry-run on features of their shape."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from carina.adaptors import Combine, Linear, Mlp, PromptReadout, Sharing
from carina.core import generator
from carina.encoders import encoder_info
from carina.features import PromptVectors
from carina.learning import (
    Every,
    Optimiser,
    RETune,
    Setting,
    WeightReset,
    load_learner,
    load_setting,
)
from carina.recipes import NAMED, PAPER_FINDINGS, Finished, Prepared, retune_paper, run
from carina.streams import Labelled, lay_out
from carina.studies import LabelSpace

ROWS = 400


@pytest.fixture(scope="module")
def drawn(prepared: Prepared) -> Prepared:
    """Features and prompts 128 wide in one space, five findings, as CheXpert through BioViL."""
    rng = generator(0, "as BioViL")
    directions = rng.normal(size=(5, 128))
    target = rng.random((ROWS, 5)) < 0.5
    features = rng.normal(size=(ROWS, 128)) + target @ directions
    space = LabelSpace(names=PAPER_FINDINGS)
    near = directions[:, None] + rng.normal(size=(5, 4, 128)) / 2
    codes = np.arange(ROWS, dtype=np.int64)
    known = np.ones_like(target)
    return replace(
        prepared,
        labelled=Labelled(
            space=space,
            features=torch.from_numpy(features).float(),
            target=target,
            known=known,
            patients=codes // 2,
            images=codes,
            prompts=PromptVectors(
                space=space,
                positive=torch.from_numpy(near).float(),
                negative=torch.from_numpy(-near).float(),
                bank="drawn",
                encoder="drawn",
            ),
        ),
        certain=known,
        setting=Setting(image_dim=128, text_dim=128, shared_space=True),
        groups={},
        digests=tuple(f"{code:040x}" for code in codes),
        learn=codes[:300],
        apart=codes[300:340],
        test=codes[340:],
    )


def tuned(name: str) -> RETune:
    strategy = NAMED[name]().strategy
    base = strategy.base if isinstance(strategy, WeightReset) else strategy
    assert isinstance(base, RETune)
    return base


@pytest.mark.parametrize("name", [name for name in NAMED if name.startswith("retune-paper-")])
def test_every_recipe_has_what_all_the_authors_runs_share(name: str) -> None:
    recipe, base = NAMED[name](), tuned(name)

    assert recipe.name == name
    assert (recipe.seed, recipe.prompts, recipe.findings) == (27, "retune-4", PAPER_FINDINGS)
    assert (recipe.encoders, recipe.text_encoder) == (("biovil-image-512",), "biovil-text")
    assert (base.optimiser, base.rate, base.weight_decay) == (Optimiser.ADAM, 1e-4, 0.0)
    assert (base.batch, base.epochs, base.carry_optimiser) == (6144, 10, True)
    assert (base.scale, base.learn_scale, base.normalise, base.noise) == (1.0, False, False, 0.0)
    assert base.average == 0.0
    assert recipe.folds == 0


def test_their_films_are_512_pixels_and_not_stretched() -> None:
    card = encoder_info("biovil-image-512").card

    assert card.preprocess is not None
    assert (card.preprocess.size, card.preprocess.resize, card.preprocess.stretch) == (
        512,
        512,
        False,
    )
    assert card.dim == 128


def test_a_name_says_what_differs() -> None:
    base = tuned("retune-paper-joint")
    other = NAMED["retune-paper-data-20-dense-text-max-profcl"]()
    assert isinstance(other.strategy, WeightReset)

    assert base.sides.adaptor == Mlp()
    assert (base.sides.sharing, base.combine) == (Sharing.DOUBLE, Combine.MEAN)
    assert other.strategy.base.sides.adaptor == Linear()
    assert other.strategy.base.sides.sharing is Sharing.TEXT
    assert other.strategy.base.combine is Combine.MAX
    assert (other.strategy.every, other.strategy.from_first) == (Every.EPOCH, True)
    assert len({recipe().fingerprint for recipe in NAMED.values()}) == len(NAMED)


@pytest.mark.parametrize(
    ("scenario", "experiences", "rows", "visible"),
    [
        ("joint", 1, 300, 5),
        ("class-pos-neg", 5, 60, 1),
        ("label-pos-neg", 5, 60, 5),
        ("data-10", 10, 30, 5),
    ],
)
def test_the_streams_are_theirs(
    scenario: str, experiences: int, rows: int, visible: int, drawn: Prepared
) -> None:
    ground = drawn.labelled.ground(
        rows=drawn.learn, validation=np.array([], dtype=np.int64), digest="drawn"
    )
    stream = lay_out(retune_paper(scenario).plan, ground).experiences

    assert len(stream) == experiences
    assert len(stream[-1].rows) == rows
    assert len(stream[-1].visible) == visible


@pytest.mark.parametrize("scenario", ["class-pos", "label-pos"])
def test_by_positives_every_film_of_an_experience_shows_its_finding(
    scenario: str, drawn: Prepared
) -> None:
    ground = drawn.labelled.ground(
        rows=drawn.learn, validation=np.array([], dtype=np.int64), digest="drawn"
    )
    for experience in lay_out(retune_paper(scenario).plan, ground).experiences:
        newest = PAPER_FINDINGS.index(experience.visible[-1])

        assert drawn.labelled.target[experience.rows, newest].all()


@pytest.mark.parametrize(
    "name",
    [
        "retune-paper-joint",
        "retune-paper-class-pos-neg-shared",
        "retune-paper-class-pos-dense-image",
        "retune-paper-label-pos-text-max",
        "retune-paper-data-5-mycl",
        "retune-paper-data-5-profcl",
    ],
)
def test_a_dry_run_ends_with_both_scores_on_its_results(
    name: str, drawn: Prepared, tmp_path: Path
) -> None:
    recipe = replace(NAMED[name](), draws=100)
    *_, last = run(recipe, drawn, tmp_path)
    assert isinstance(last, Finished)
    summary, headline = last.results.summary, last.results.headline
    steps = len(last.results.experiences)
    learner = load_learner(
        last.folder / "learners" / f"{steps:03}", setting=load_setting(last.folder / "setting")
    )
    assert isinstance(learner.readout, PromptReadout)

    assert summary["auroc"][headline].defined
    assert summary["auroc_authors"][headline].defined
    assert sum(e.lived.optimiser_steps for e in last.results.experiences) == 10 * steps
    if steps > 1:
        assert summary["auroc"]["forgetting"].defined
        assert summary["auroc"]["forgetting_with_last"].defined

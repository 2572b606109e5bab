"""Bundles made by hand: both kinds of readout over the toy encoders."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from carina.adaptors import (
    Beside,
    LinearReadout,
    Mlp,
    PretrainedAdaptor,
    PromptReadout,
    RandomFourier,
    Readout,
    RidgeAlignment,
    Sides,
    ValueOnly,
)
from carina.bundles import AnswerRule, Bundle, Lesson, UpdateState, write_bundle
from carina.core import Estimate
from carina.encoders import load_encoder

Make = Callable[..., Bundle]
LABELS = ("Edema", "Mass", "Nodule")


def head() -> LinearReadout:
    rng = torch.Generator().manual_seed(0)
    return LinearReadout(
        labels=LABELS,
        weight=torch.randn(3, 32, generator=rng, dtype=torch.float64),
        bias=torch.randn(3, generator=rng, dtype=torch.float64),
        normalise=True,
    )


def prompted() -> PromptReadout:
    rng = torch.Generator().manual_seed(1)
    prompts = torch.randn(2, 3, 4, 24, generator=rng)
    return PromptReadout(
        labels=LABELS,
        positive=prompts[0],
        negative=prompts[1],
        adaptors=Sides(adaptor=Mlp(hidden=12, out=8)).build(
            image_dim=24, text_dim=24, generator=rng
        ),
        alignment=RidgeAlignment(
            weight=torch.randn(24, 32, generator=rng),
            image_mean=torch.randn(32, generator=rng),
            text_mean=torch.randn(24, generator=rng),
            penalty=0.1,
            explained=-0.5,
            pairs=30,
            patients=20,
            image_encoder="image",
            text_encoder="text",
            data="data",
        ),
        scale=12.5,
        normalise=True,
    )


def lifted() -> LinearReadout:
    lift = Beside(lift=RandomFourier(width=40, bandwidth=0.7, seed=3)).build(32)
    weight = torch.randn(3, 72, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return replace(head(), weight=weight, lift=lift)


def adaptor(*, seed: int = 3) -> PretrainedAdaptor:
    """Drawn and never taught, over the toy encoders."""
    form, image, text = (
        ValueOnly(width=24, hidden=16),
        *map(load_encoder, ("toy-image", "toy-text")),
    )
    rng = torch.Generator().manual_seed(seed)
    return PretrainedAdaptor(
        config=form,
        module=form.build(image_dim=image.card.dim, text_dim=text.card.dim, generator=rng),
        image_dim=image.card.dim,
        text_dim=text.card.dim,
        image_encoder=image.card.fingerprint,
        text_encoder=text.card.fingerprint,
        data="pairs",
        pairs=1030,
        patients=20,
    )


def over_an_adaptor() -> Bundle:
    prompts = replace(prompted(), alignment=None)
    return bundle_of(prompts, pretrained=adaptor())


READOUTS: dict[str, Callable[[], Readout]] = {
    "head": head,
    "lifted": lifted,
    "prompts": prompted,
}


def bundle_of(readout: Readout, **other: object) -> Bundle:
    given = {
        "rules": tuple(
            AnswerRule(label=label, slope=2.5, intercept=-1.0, threshold=0.1, rule="best F1")
            for label in LABELS[:2]
        ),
        "encoders": (load_encoder("toy-image").card,),
        "text_encoder": load_encoder("toy-text").card,
        "lineage": (
            Lesson(
                recipe="small",
                strategy="Ridge",
                source="squares",
                run="0123",
                plan_id="4567",
                seed=27,
                after=2,
                experiences=("Edema", "Mass"),
            ),
        ),
        "auroc": {
            "Edema": Estimate(value=0.75, low=0.5, high=1.0, n=20, positives=5, patients=18),
            "Mass": Estimate.undefined("no positive"),
        },
        "single_patients": False,
    }
    return Bundle(readout=readout, **{**given, **other})  # type: ignore[arg-type]


@pytest.fixture(params=[*READOUTS, "adaptor"])
def bundle(request: pytest.FixtureRequest) -> Bundle:
    """One of each kind."""
    if request.param == "adaptor":
        return over_an_adaptor()
    return bundle_of(READOUTS[request.param]())


@pytest.fixture
def adapted() -> Bundle:
    """A bundle of prompts over a pre-trained Adaptor."""
    return over_an_adaptor()


@pytest.fixture
def other_adaptor() -> PretrainedAdaptor:
    """Of the same form over the same encoders, with other numbers."""
    return adaptor(seed=4)


@pytest.fixture
def make() -> Make:
    """A bundle of a head with other parts."""
    return lambda **other: bundle_of(other.pop("readout", None) or head(), **other)


@pytest.fixture
def state() -> UpdateState:
    """Sums over few patients."""
    block = torch.arange(12.0, dtype=torch.float64).reshape(3, 4)
    return UpdateState(
        tensors={"sums/moment/a": block, "sums/row": block[1], "optimiser/step": torch.ones(2)},
        notes={"learner": {"folds": 5}},
        fewest_patients=7,
        single_patients=False,
    )


@pytest.fixture(scope="module")
def flipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle on disk, to be damaged."""
    folder = tmp_path_factory.mktemp("flipped") / "bundle"
    write_bundle(folder, over_an_adaptor())
    return folder

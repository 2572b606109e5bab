"""The library as its users write it, typed: what mypy must accept, and what it must refuse.

The names are called by test_api.py; nobody calls `refused`, whose every ignore mypy would report
as unused where the mistake beside it were let through.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, assert_type

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.adaptors import (
    Adaptor,
    Answer,
    Identity,
    LinearReadout,
    Pair,
    PromptReadout,
    Sides,
    encode_bank,
    load_bank,
)
from carina.bundles import Bundle, read_bundle, write_bundle
from carina.core import Estimate
from carina.encoders import ImageEncoder, load_image_encoder, load_text_encoder
from carina.evaluation import Results
from carina.features import EncodedAll, Progress, PromptVectors, Store, encode
from carina.learning import Event, Learned, Learner, Ridge, Setting, Strategy, follow
from carina.phantoms import Written, write_phantoms
from carina.recipes import Continual, Finished, bundle_of, prepare, run
from carina.serving import FindingAnswer, Predictions, load_predictor
from carina.streams import ByClass, ClassRows, Plan, View
from carina.studies import LabelSpace, Manifest, Study, read_folder
from carina.testing import StrategyContract, drawn_view


def from_manifest_to_prediction(folder: Path) -> Predictions:
    """Everything on the way, with the type it has."""
    for written in write_phantoms(folder / "films", patients=40, seed=1, size=64):
        assert_type(written, Written)
    manifest = read_folder(folder / "films")
    assert_type(manifest, Manifest)
    assert_type(manifest.study_at(0), Study)

    store, encoder = Store(folder / "store"), load_image_encoder("toy-image")
    assert_type(encoder, ImageEncoder)
    for event in encode(manifest, encoder, store):
        assert_type(event, Progress | EncodedAll)

    plan = ByClass(variant=ClassRows.CONTIGUOUS_CHUNKS)
    general: Plan = plan
    recipe = Continual(
        name="typed",
        encoders=("toy-image",),
        text_encoder="",
        strategy=Ridge(lambdas=(1.0,)),
        plan=plan,
        folds=2,
        draws=100,
    )
    *_, last = run(recipe, prepare(recipe, manifest, store), folder / "runs")
    assert isinstance(last, Finished)
    assert_type(last.results, Results)
    assert_type(last.results.summary["auroc"][last.results.headline], Estimate)
    assert last.results.plan_variant == general.variant

    bundle, _ = bundle_of(last.folder)
    write_bundle(folder / "bundle", bundle)
    assert_type(read_bundle(folder / "bundle"), Bundle)
    predictor = load_predictor(folder / "bundle")
    said = predictor.predict_all([manifest.root / name for name in manifest.image[:3]])
    for one in said.images:
        for answer in one.findings.values():
            assert_type(answer, FindingAnswer)
            assert_type(answer.probability, float | None)
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Prevalence:
    """A strategy of somebody else's: every film gets the log odds of the finding.

    Attributes:
        prior: Films of either class added to what is counted.
    """

    prior: int = 1

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        none = torch.zeros(0, setting.image_dim)
        readout = LinearReadout(labels=(), weight=none, bias=none.sum(dim=1), normalise=False)
        return Learner(setting=setting, readout=readout)

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        counts = dict(learner.carried)
        for column, label in enumerate(view.labels):
            told = view.target[view.known[:, column], column]
            seen = torch.tensor([int(told.sum()), len(told)])
            counts[f"sums/{label}"] = counts.get(f"sums/{label}", torch.zeros_like(seen)) + seen
        labels = learner.labels.grown(*view.labels)
        rows = torch.stack([counts[f"sums/{label}"] for label in labels.names]).float()
        readout = LinearReadout(
            labels=labels.names,
            weight=torch.zeros(len(labels), learner.setting.image_dim),
            bias=((rows[:, 0] + self.prior) / (rows[:, 1] - rows[:, 0] + self.prior)).log(),
            normalise=False,
        )
        yield Learned(learner=replace(learner, labels=labels, readout=readout, carried=counts))


class TestPrevalence(StrategyContract):
    """The shipped contract takes it; test_api.py runs it."""

    strategy: ClassVar[Strategy] = Prevalence()
    keeps_untouched: ClassVar[bool] = True


def followed() -> Learner:
    """What comes of a strategy that is none of carina's."""
    strategy: Strategy = Prevalence()
    *_, (_, last) = follow(strategy, Setting(image_dim=12), [drawn_view()], seed=0)
    assert isinstance(last, Learned)
    return last.learner


class Doubled(nn.Module):
    """An adaptor of somebody else's."""

    def __init__(self, *, dim: int) -> None:
        super().__init__()
        self.out = dim
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, features: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
        return features * self.scale


def read_with_own_adaptor(images: Float[Tensor, "images dim"]) -> Answer:
    """Images compared with prompts through it, by the prompts of a shipped bank."""
    encoder = load_text_encoder("toy-text")
    space = LabelSpace(names=("Cardiomegaly", "Edema"))
    prompts = encode_bank(load_bank("retune-4"), space, encoder)
    assert_type(prompts, PromptVectors)
    dim = encoder.card.dim
    own: Adaptor = Doubled(dim=dim)
    pair = Pair(sides=Sides(adaptor=Identity()), image_dim=dim, text_dim=dim, image=own, text=own)
    return PromptReadout.of(prompts, pair)(images)


def refused() -> None:
    """Mistakes that mypy sees."""
    Setting(image_dim="12")  # type: ignore[arg-type]
    Setting(12)  # type: ignore[call-arg]
    Ridge(lambda_=(1.0,))  # type: ignore[call-arg]
    Ridge().folds = 3  # type: ignore[misc]
    ByClass(variant="all-rows")  # type: ignore[arg-type]
    read_folder("films")  # type: ignore[arg-type]
    strategy: Strategy = Identity()  # type: ignore[assignment]
    follow(strategy, Setting(image_dim=12), [drawn_view()])  # type: ignore[call-arg]

"""The same pairs twice from the files on: an Adaptor over frozen encoders, and everything end to end.

End to end both encoders are learned with the Adaptor over them, by the same loss; what that does to
what the image encoder knew is seen on films it was made for. Each way runs in a process of its own:
its peak of memory is the process's.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from benchmarks.backbones_adaptor import (
    LEARN,
    embedded,
    film_rows,
    found,
    probes,
    recipe_of,
    report_rows,
    untrained,
)
from benchmarks.backbones_ground import Ground, image_encoder, image_features, text_encoder
from benchmarks.backbones_outcome import Measure, Outcome, Trial
from benchmarks.backbones_probe import probed, reader, scores_of
from benchmarks.backbones_references import by_ridge
from benchmarks.whole_films import peak_memory, write_films
from carina.adaptors import CrossModalAdaptor, Sequences
from carina.core import Estimate, generator
from carina.encoders import FrozenImages, FrozenTexts, encode_images, prepare
from carina.evaluation import compare
from carina.features import Store, encode, encode_reports
from carina.learning import Pretrained, Pretraining, compared, pretrain
from carina.objectives import info_nce
from carina.recipes import NIH_FINDINGS, Pretrain, prepare_pairs
from carina.studies import Manifest, Split, read_data, read_image

__all__ = [
    "ALONE",
    "BORN",
    "FROZEN",
    "LESS",
    "NIH",
    "WAYS",
    "WHOLE",
    "Films",
    "Tuning",
    "born",
    "learn_whole",
    "way",
]

ALONE, BORN, FROZEN, WHOLE = (
    "ridge alignment, nothing learned by gradient",
    "Adaptor as it is born",
    "Adaptor over frozen encoders",
    "all of it, end to end",
)
NIH = "ChestX-ray14, val"
LESS = "ChestX-ray14, val, less the encoder as it came"
DRAWS = 1000
PIECE = 32  # films or reports a pass without gradient


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How all of it is learned end to end: AdamW, rates that fall in a line to nothing.

    Not searched: the Adaptor's rate is that over frozen encoders, theirs a tenth of it, as was best
    for this image encoder with labels (docs/decisions/fine-tuning.md).

    Attributes:
        rate: Of the Adaptor.
        trunk: Of the encoders, in parts of `rate`.
        decay: Weight decay.
        batch: Pairs a step.
        epochs: Reads of all pairs; the weights of the one with the least held-out loss are kept.
    """

    rate: float = 1e-3
    trunk: float = 0.1
    decay: float = 0.01
    batch: int = 32
    epochs: int = 3


TUNING = Tuning()


class Whole(nn.Module):
    """Both encoders and the Adaptor over them, with gradients."""

    def __init__(
        self, images: FrozenImages, texts: FrozenTexts, adaptor: CrossModalAdaptor
    ) -> None:
        super().__init__()
        self.images = deepcopy(images.module).requires_grad_(True)
        self.texts = deepcopy(texts.module).requires_grad_(True)
        self.adaptor = adaptor

    def seen(
        self, films: Float[Tensor, "films channels rows cols"]
    ) -> Float[Tensor, "films width"]:
        """Vectors of films."""
        return self.adaptor.embed_images(Sequences.of_vectors(self.images(films).pooled))

    def read(self, reports: list[list[int]]) -> Float[Tensor, "reports width"]:
        """Vectors of reports, given their token numbers; each goes through alone, unpadded."""
        pooled = [self.texts(torch.tensor([numbers])) for numbers in reports]
        return self.adaptor.embed_texts(Sequences.of_vectors(torch.cat(pooled)))

    @torch.no_grad()
    def all_read(
        self, reports: list[list[int]], rows: Int[np.ndarray, " rows"]
    ) -> Float[Tensor, "rows width"]:
        """Vectors of many reports."""
        self.eval()
        return self.read([reports[row] for row in rows])

    @torch.no_grad()
    def all_seen(
        self, films: "Films", rows: Int[np.ndarray, " rows"]
    ) -> Float[Tensor, "rows width"]:
        """Vectors of many films, in pieces."""
        self.eval()
        return torch.cat([self.seen(films[part]) for part in _pieces(rows)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Films:
    """Prepared films in a file; only what is asked for is in memory."""

    path: Path

    def __getitem__(self, rows: Int[np.ndarray, " rows"]) -> Float[Tensor, "rows _ _ _"]:
        return torch.from_numpy(np.load(self.path, mmap_mode="r")[rows])


def encoders_alone(trial: Trial, ground: Ground) -> Outcome:
    """What is there before anything is learned but a ridge regression."""
    with prepare_pairs(recipe_of(trial.image, trial.text), ground.manifest, ground.store) as pairs:
        started = process_time()
        similar = by_ridge(pairs, ground.manifest, ground)
        seconds = process_time() - started
        retrieval = found(similar, pairs)
        learned = pairs.cards[0].dim * pairs.cards[1].dim
    encoder = image_encoder(trial.image, ground.data)
    features = image_features(trial.image, ground.manifest, ground)
    return Outcome(
        trial=trial,
        retrieval=retrieval,
        auroc=probes(features, ground) | known(encoder, encoder, ground),
        figures={"seconds": seconds, "learned": learned},
    )


def frozen(trial: Trial, ground: Ground) -> Outcome:
    """Films and reports encoded once into a store of its own, then an Adaptor learned."""
    recipe, manifest = recipe_of(trial.image, trial.text), ground.manifest
    images, texts = image_encoder(trial.image, ground.data), text_encoder(trial.text)
    with TemporaryDirectory(dir=ground.work) as scratch:
        store, started = Store(Path(scratch) / "store"), process_time()
        some = manifest.take(manifest.rows(*LEARN, recipe.stop))
        _encoded_into(store, some, images, texts)
        encoding = process_time() - started
        _encoded_into(store, manifest, images, texts)
        with prepare_pairs(recipe, manifest, store) as pairs:
            started = process_time()
            assert isinstance(recipe.training, Pretraining)
            *_, done = pretrain(recipe.training, pairs.learn, pairs.stop, seed=recipe.seed)
            seconds, peak = process_time() - started, peak_memory()
            assert isinstance(done, Pretrained)
            judged = pairs.judged
            similar = compared(done.module, pairs.learn, judged.images, judged.texts, piece=PIECE)
            retrieval = found(similar.double().numpy(), pairs)
    learned = sum(each.numel() for each in done.module.parameters())
    features = embedded(done.module, image_features(trial.image, manifest, ground))
    return Outcome(
        trial=trial,
        retrieval=retrieval,
        auroc=probes(features, ground),
        figures={
            "seconds": seconds + encoding,
            "of encoding": encoding,
            "peak": peak,
            "epochs": len(done.standing.epochs),
            "learned": learned,
            "all": learned + _numbers(images.module) + _numbers(texts.module),
        },
    )


def end_to_end(trial: Trial, ground: Ground) -> Outcome:
    """Both encoders and the Adaptor learned together."""
    recipe, manifest = recipe_of(trial.image, trial.text), ground.manifest
    images, texts = image_encoder(trial.image, ground.data), text_encoder(trial.text)
    with (
        TemporaryDirectory(dir=ground.work) as scratch,
        prepare_pairs(recipe, manifest, ground.store) as pairs,
    ):
        started, films = process_time(), Films(path=Path(scratch) / "films.npy")
        write_films(manifest, trial.image, films.path)
        reports = [texts.tokenise(report.strip()) for report in manifest.report]
        whole = born(images, texts, recipe)
        learn, stop = (
            film_rows(some.image, pairs, manifest, ground) for some in (pairs.learn, pairs.stop)
        )
        left = learn_whole(whole, films, reports, learn=learn, stop=stop, seed=recipe.seed)
        seconds, peak = process_time() - started, peak_memory()
        vectors = whole.all_seen(films, np.arange(len(manifest)))
        at = film_rows(pairs.judged.images, pairs, manifest, ground)
        asked = whole.all_read(reports, report_rows(pairs.judged.texts, pairs, manifest, ground))
        retrieval = found((asked @ vectors[torch.from_numpy(at)].T).double().numpy(), pairs)
    tuned = replace(images, module=whole.images, check=None)
    return Outcome(
        trial=trial,
        retrieval=retrieval,
        auroc=probes(vectors, ground) | known(images, tuned, ground),
        figures={
            "seconds": seconds,
            "peak": peak,
            "epochs": len(left),
            "learned": _numbers(whole),
            "all": _numbers(whole),
        },
    )


def born(images: FrozenImages, texts: FrozenTexts, recipe: Pretrain) -> Whole:
    """Encoders as they come under an Adaptor as the recipe draws it."""
    adaptor = recipe.training.adaptor.build(
        image_dim=images.card.dim,
        text_dim=texts.card.dim,
        generator=torch.Generator().manual_seed(recipe.seed),
    )
    assert isinstance(adaptor, CrossModalAdaptor)
    return Whole(images, texts, adaptor)


def learn_whole(
    whole: Whole,
    films: Films,
    reports: list[list[int]],
    *,
    learn: Int[np.ndarray, " learn"],
    stop: Int[np.ndarray, " stop"],
    seed: int,
) -> list[float]:
    """Train in place, keep the weights of the epoch with the least held-out loss, give all of these."""
    trunks = [*whole.images.parameters(), *whole.texts.parameters()]
    groups = [
        {"params": list(whole.adaptor.parameters()), "initial_lr": TUNING.rate},
        {"params": trunks, "initial_lr": TUNING.rate * TUNING.trunk},
    ]
    adam = torch.optim.AdamW(groups, lr=TUNING.rate, weight_decay=TUNING.decay)
    torch.manual_seed(seed)  # of dropout, in a process of its own
    steps = TUNING.epochs * (len(learn) // TUNING.batch)
    best, losses, done = deepcopy(whole.state_dict()), list[float](), 0
    for epoch in range(TUNING.epochs):
        whole.train()
        order = generator(seed, "order", epoch).permutation(learn)
        for at in range(0, len(learn) - TUNING.batch + 1, TUNING.batch):
            rows = order[at : at + TUNING.batch]
            for group in adam.param_groups:
                group["lr"] = group["initial_lr"] * (1 - done / steps)
            loss = _loss(whole, whole.seen(films[rows]), whole.read([reports[row] for row in rows]))
            adam.zero_grad()
            torch.autograd.backward(loss)
            adam.step()
            done += 1
        with torch.no_grad():
            held = _loss(whole, whole.all_seen(films, stop), whole.all_read(reports, stop))
        losses.append(held.item())
        if losses[-1] == min(losses):
            best = deepcopy(whole.state_dict())
        print(f"  end to end, epoch {epoch + 1}: held-out loss {losses[-1]:.3f}", flush=True)
    whole.load_state_dict(best)
    whole.eval()
    return losses


def known(before: FrozenImages, after: FrozenImages, ground: Ground) -> dict[str, Estimate]:
    """What an image encoder's features tell on films it was not pre-trained with here, and what was lost.

    Ridge readers learn from train and are asked about val, before and after, paired by patient.
    """
    every = read_data(ground.data / "nih")
    manifest = every.take(every.rows(Split.TRAIN, Split.VAL))
    learn, judge = manifest.rows(Split.TRAIN), manifest.rows(Split.VAL)
    features = [_features(encoder, manifest) for encoder in (before, after)]
    was, now = (
        scores_of(reader(each, manifest, learn), each, manifest, judge) for each in features
    )
    less = compare(
        now, was, names=NIH_FINDINGS, draws=DRAWS, rng=generator(0, "backbones", "known")
    )
    auroc = probed(features[1], manifest, learn=learn, judge=judge, share=1.0, names=NIH_FINDINGS)
    return {NIH: auroc, LESS: less}


def _loss(
    whole: Whole, films: Float[Tensor, "pairs width"], reports: Float[Tensor, "pairs width"]
) -> Float[Tensor, ""]:
    """As over frozen encoders; each pair belongs to itself alone."""
    logits = whole.adaptor.logit_scale.exp() * (reports @ films.T)
    return info_nce(logits, torch.eye(len(films)))


def _features(encoder: FrozenImages, manifest: Manifest) -> Float[Tensor, "rows dim"]:
    spec = encoder.card.preprocess
    assert spec is not None
    films = (prepare(read_image(manifest.place(name)).pixels, spec) for name in manifest.image)
    return torch.cat([each.pooled for each in encode_images(encoder, films)])


def _encoded_into(
    store: Store, manifest: Manifest, images: FrozenImages, texts: FrozenTexts
) -> None:
    for _ in encode(manifest, images, store, workers=1):
        pass
    for _ in encode_reports(manifest, texts, store):
        pass


def _numbers(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


def _pieces(rows: Int[np.ndarray, " rows"]) -> list[Int[np.ndarray, " piece"]]:
    return np.array_split(rows, -(-len(rows) // PIECE))


WAYS: dict[str, Measure] = {
    ALONE: encoders_alone,
    BORN: untrained,
    FROZEN: frozen,
    WHOLE: end_to_end,
}
"""From the cheapest."""


def way(trial: Trial, ground: Ground) -> Outcome:
    """One of them."""
    return WAYS[trial.what](trial, ground)

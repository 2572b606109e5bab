"""An epoch of pre-training the authors' Adaptor on cached vectors, against a bare loop over its module.

Both take the same pairs in the same order, batches of 1,024, AdamW; a few batches are timed and scaled
to 100,000 pairs. Ours reads through the loop that can be resumed, in one piece a batch. Beside it the
equal form without the queries and keys that do nothing, whose outputs must be the same to 1e-5.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measured import Measured, in_turns, show
from carina.adaptors import (
    CrossModal,
    CrossModalAdaptor,
    CrossModalConfig,
    Reads,
    Sequences,
    ValueOnly,
    without_dead_weights,
)
from carina.learning import Pairs, Pretraining, PretrainingStep, pretrain

IMAGE, TEXT, PAIRS = 384, 768, 100_000


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:  # noqa: ARG001
    """The authors' form and the equal one, each beside the bare loop."""
    torch.set_num_threads(1)
    batch, steps, repeats = (16, 2, 1) if small else (1024, 1, 3)
    width, hidden = (24, 32) if small else (768, 2048)
    whole = CrossModal(reads=Reads.VECTORS, width=width, hidden=hidden, dropout=0.0)
    equal = ValueOnly(width=width, hidden=hidden, dropout=0.0)
    draw = torch.Generator().manual_seed(0)
    images = torch.randn(batch * steps, IMAGE, generator=draw)
    texts = torch.randn(batch * steps, TEXT, generator=draw)
    apart = _apart(whole, images, texts)
    assert apart <= 1e-5, f"the equal form's vectors differ by {apart:.1e}"

    ours, less, bare = in_turns(
        lambda: _ours(whole, images, texts, batch, steps),
        lambda: _ours(equal, images, texts, batch, steps),
        lambda: _bare(whole, images, texts, batch, steps),
        repeats=repeats,
    )
    scale = PAIRS / (batch * steps)
    sizes = {"pairs": PAIRS, "batch": batch, "image": IMAGE, "text": TEXT}
    notes = {"batches timed": steps, "largest difference of the equal form": apart}
    for name, seconds, reach in (("", ours, 1.05), (", without the dead part", less, 0.75)):
        yield Measured(
            name=f"adaptor_epoch{name}",
            ours=seconds * scale,
            reference=bare * scale,
            against="the bare module of the authors' form",
            reach=reach,
            sizes=sizes,
            notes=notes,
        )


def _ours(
    form: CrossModalConfig, images: torch.Tensor, texts: torch.Tensor, batch: int, steps: int
) -> None:
    rows = np.arange(len(images))
    pairs = Pairs(
        image=rows,
        text=rows,
        images=lambda some: Sequences.of_vectors(images[torch.from_numpy(some)]),
        texts=lambda some: Sequences.of_vectors(texts[torch.from_numpy(some)]),
    )
    config = Pretraining(adaptor=form, batch=batch, piece=batch, epochs=1)
    for event in pretrain(config, pairs, pairs.take(rows[:2]), seed=0):
        if isinstance(event, PretrainingStep) and event.index == steps - 1:
            break  # before the held-out pairs are looked at


def _bare(
    form: CrossModal, images: torch.Tensor, texts: torch.Tensor, batch: int, steps: int
) -> None:
    module = _built(form)
    optimiser = torch.optim.AdamW(module.parameters(), lr=2e-5, weight_decay=0.01)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    own = torch.arange(batch)
    for some in torch.split(order, batch)[:steps]:
        seen = module.embed_images(Sequences.of_vectors(images[some]))
        said = module.embed_texts(Sequences.of_vectors(texts[some]))
        logits = module.logit_scale.exp() * said @ seen.T
        loss = 0.75 * F.cross_entropy(logits.T, own) + 0.25 * F.cross_entropy(logits, own)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()


def _built(form: CrossModal) -> CrossModalAdaptor:
    draw = torch.Generator().manual_seed(0)
    return form.build(image_dim=IMAGE, text_dim=TEXT, generator=draw)


@torch.no_grad()
def _apart(form: CrossModal, images: torch.Tensor, texts: torch.Tensor) -> float:
    whole = _built(form).eval()
    equal = without_dead_weights(whole)
    shown, told = Sequences.of_vectors(images[:64]), Sequences.of_vectors(texts[:64])
    return max(
        float((whole.embed_images(shown) - equal.embed_images(shown)).abs().max()),
        float((whole.embed_texts(told) - equal.embed_texts(told)).abs().max()),
    )


if __name__ == "__main__":
    show(measured, about=__doc__)

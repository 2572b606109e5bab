"""One epoch of RE-tune at the size of CheXpert, against a bare loop over the same batches.

The bare loop is written out below: features in memory, prompts encoded once, fused Adam, no
evaluation. Ours is an experience of one epoch as `carina run retune-paper-joint` learns it, from the
view to the learner that comes of it. Both begin at the same weights and meet the same films in the
same order, so they end at the same weights. In reduced precision the products of the adaptors are of
bfloat16; what comes of it must rank films as well.

Beside it, without anything asked of the ratio: the loop of the published code, which reads films one
by one through a DataLoader, and encodes the same prompts anew for every batch (40 sentences, here by
a BERT-base of random weights). Of these a few batches are timed and scaled to an epoch.
"""

import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from carina.adaptors import Pair, PromptReadout, answer_in_blocks
from carina.core import generator
from carina.learning import Learner, Precision, RETune, begin
from carina.measures import auroc
from carina.recipes import PAPER_FINDINGS, one_thread
from carina.streams import AllAtOnce, Labelled, View, view

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.drawn import drawn, setting_of, stream_of, taught
from benchmarks.measured import Measured, Quantity, in_turns, show

FILMS, HELD = 191_027, 20_000
DIM, SMALL = 128, 640
SAME_WEIGHTS = 1e-5  # Adam moves each by 3e-3 in an epoch
SAME_AUROC = 0.002
TIMED = 2  # batches of the published code
FAST_BFLOAT16 = ("avx512_bf16", "amx_bf16")


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:  # noqa: ARG001
    """Ours against the bare loop in both precisions, and beside the published code's."""
    with one_thread():
        yield from _measured(small=small)


def _measured(*, small: bool) -> Iterator[Measured]:
    films, held = (SMALL, SMALL) if small else (FILMS, HELD)
    labelled = drawn(PAPER_FINDINGS, films=films + held, dim=DIM, prompts=True)
    (joint,) = stream_of(AllAtOnce(), labelled, learn=films).experiences
    seen = view(joint, labelled)
    plain = RETune(epochs=1, batch=256 if small else 6144)
    reduced = RETune(epochs=1, batch=plain.batch, precision=Precision.BFLOAT16)
    born = begin(plain, setting_of(labelled), seed=0)
    ours, lower = taught(plain, born, seen), taught(reduced, born, seen)
    apart = _apart(ours, bare_loop(plain, born, seen))
    ranked = {
        f"macro AUROC in {strategy.precision}": _ranked(learner, labelled, films)
        for strategy, learner in ((plain, ours), (reduced, lower))
    }
    assert np.ptp(list(ranked.values())) <= SAME_AUROC, ranked
    in_whole, in_half, by_hand, by_our_hand = in_turns(
        lambda: taught(plain, born, seen),
        lambda: taught(reduced, born, seen),
        lambda: bare_loop(plain, born, seen),
        lambda: bare_loop(plain, born, seen, gather=selected),
        repeats=1 if small else 7,
        clock=time.process_time,
    )
    sizes = {"films": films, "dim": DIM, "findings": len(PAPER_FINDINGS), "batch": plain.batch}
    against = "bare loop, cached prompts, fused Adam, float32"
    yield Measured(
        name="retune_epoch",
        quantity=Quantity.CPU_SECONDS,
        ours=in_whole,
        reference=by_hand,
        against=against,
        reach=1.10,
        sizes=sizes,
        notes={"largest difference of a weight": apart},
    )
    fast = fast_bfloat16()
    yield Measured(
        name="retune_epoch, bfloat16",
        quantity=Quantity.CPU_SECONDS,
        ours=in_half,
        reference=by_hand,
        against=against,
        reach=0.75 if fast else None,
        sizes=sizes,
        notes={
            **ranked,
            "products of bfloat16": fast or "no instructions for them here",
        },
    )
    yield Measured(
        name="retune_epoch beside",
        quantity=Quantity.CPU_SECONDS,
        ours=in_whole,
        reference=by_our_hand,
        against="the bare loop, its rows gathered by index_select as ours are",
        sizes=sizes,
    )
    for against, encode in (
        ("film by film through a DataLoader, prompts encoded once", _cached),
        ("the same, prompts encoded for every batch by a BERT-base", _encoder(small=small)),
    ):
        yield Measured(
            name="retune_epoch beside",
            quantity=Quantity.CPU_SECONDS,
            ours=in_whole,
            reference=_published(plain, born, seen, encode),
            against=against,
            sizes=sizes,
            notes={"timed": f"{TIMED} batches, scaled to an epoch"},
        )


Gather = Callable[[Tensor, Tensor], Tensor]
"""Some rows of many."""


def indexed(many: Tensor, rows: Tensor) -> Tensor:
    """As it is mostly written."""
    return many[rows]


def selected(many: Tensor, rows: Tensor) -> Tensor:
    """As we do it."""
    return many.index_select(0, rows)


def bare_loop(strategy: RETune, born: Learner, seen: View, *, gather: Gather = indexed) -> Pair:
    """The adaptors after an epoch, written out."""
    pair, prompts = _readout(born).adaptors.copy(), seen.prompts
    assert prompts is not None
    features, target = seen.features, seen.target.float()
    adam = torch.optim.Adam(pair.parameters(), lr=strategy.rate, fused=True)
    order = torch.from_numpy(generator(0, "experience", 0).permutation(len(features)))
    for rows in torch.split(order, strategy.batch):
        some, told = gather(features, rows), gather(target, rows)
        loss = _loss(pair, some, told, prompts.positive, prompts.negative)
        adam.zero_grad()
        torch.autograd.backward(loss)
        adam.step()
    return pair


def _loss(
    pair: Pair, features: Tensor, target: Tensor, positive: Tensor, negative: Tensor
) -> Tensor:
    image = F.normalize(pair.image(features), dim=1)
    present = F.normalize(pair.text(positive).mean(dim=1), dim=1)
    absent = F.normalize(pair.text(negative).mean(dim=1), dim=1)
    return F.binary_cross_entropy_with_logits(image @ (present - absent).T, target)


def _published(
    strategy: RETune, born: Learner, seen: View, encode: Callable[[View], tuple[Tensor, Tensor]]
) -> float:
    """Seconds that an epoch of the published code's loop would take, from a few batches."""
    pair = _readout(born).adaptors.copy()
    adam = torch.optim.Adam(pair.parameters(), lr=strategy.rate)
    films = TensorDataset(seen.features, seen.target.float())

    def some() -> None:
        loader = DataLoader(films, batch_size=strategy.batch, shuffle=True)
        for features, target in islice(loader, TIMED):
            loss = _loss(pair, features, target, *encode(seen))
            adam.zero_grad()
            torch.autograd.backward(loss)
            adam.step()

    (seconds,) = in_turns(some, repeats=1, clock=time.process_time)
    return seconds / TIMED * len(films) / strategy.batch


def _cached(seen: View) -> tuple[Tensor, Tensor]:
    """The prompts as they were encoded."""
    assert seen.prompts is not None
    return seen.prompts.positive, seen.prompts.negative


def _encoder(*, small: bool) -> Callable[[View], tuple[Tensor, Tensor]]:
    """Something that encodes the prompts anew, at what it costs, and gives those that were drawn."""
    from transformers import BertConfig, BertModel  # here: nothing else of this file needs it

    config = BertConfig(num_hidden_layers=1, hidden_size=24) if small else BertConfig()
    bert = BertModel(config).eval()
    sentence = torch.arange(16).expand(4, -1)  # four of sixteen tokens a finding and side

    @torch.no_grad()
    def encode(seen: View) -> tuple[Tensor, Tensor]:
        for _ in range(2 * len(seen.labels)):
            bert(sentence)
        return _cached(seen)

    return encode


def _readout(learner: Learner) -> PromptReadout:
    assert isinstance(learner.readout, PromptReadout)
    return learner.readout


def _apart(learner: Learner, pair: Pair) -> float:
    """The largest difference of a weight."""
    ours, theirs = _readout(learner).adaptors.state(), pair.state()
    apart = max(float((ours[name] - theirs[name]).abs().max()) for name in ours)
    assert apart <= SAME_WEIGHTS, f"weights differ by {apart}"
    return apart


def _ranked(learner: Learner, labelled: Labelled, first: int) -> float:
    """Macro AUROC of the films that were not learned from."""
    scores = answer_in_blocks(_readout(learner), labelled.features[first:]).difference.numpy()
    return float(
        np.mean([auroc(*pair) for pair in zip(scores.T, labelled.target[first:].T, strict=True)])
    )


def fast_bfloat16() -> str:
    """The instructions for products of bfloat16 this processor has; "" for none."""
    told = Path("/proc/cpuinfo")
    flags = told.read_text(encoding="ascii").split() if told.is_file() else []
    return ", ".join(flag for flag in FAST_BFLOAT16 if flag in flags)


if __name__ == "__main__":
    show(measured, about=__doc__)

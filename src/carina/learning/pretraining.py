"""Pre-training an Adaptor on image and report pairs: one loop, which yields what happens.

Defaults are those of Qin et al., "Freeze the Backbones", ICASSP 2024 (arXiv 2401.01179), as their
code has them: AdamW at 2e-5 with weight decay 0.01, linear warm-up over 2 % of the steps, then
linear decay, batches of 1,024, at most 50 epochs, early stopping on held-out pairs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf, isfinite

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from carina.adaptors import CrossModal, CrossModalConfig, CrossModalModule, Sequences
from carina.core import ConfigError, InvalidValue, generator, salted
from carina.learning.contrasts import Contrast, InfoNCE
from carina.learning.gradient_caching import backward_in_pieces
from carina.learning.processes import Alone, Processes
from carina.objectives import belonging, softened

__all__ = [
    "Epoch",
    "EpochEnded",
    "Pairs",
    "Pretrained",
    "Pretraining",
    "PretrainingEvent",
    "PretrainingStep",
    "Standing",
    "compared",
    "pretrain",
]

_LOSS = "loss/"

Reader = Callable[[Int[np.ndarray, " some"]], Sequences]
"""Numbers of images, or of texts, to what the frozen encoder made of them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Images and the reports that belong to them.

    Attributes:
        image: Number of each pair's image.
        text: Number of each pair's report; equal texts have one number.
        images: Reads images by number.
        texts: Reads reports by number.
    """

    image: Int[np.ndarray, " pairs"]
    text: Int[np.ndarray, " pairs"]
    images: Reader
    texts: Reader

    def __len__(self) -> int:
        return len(self.image)

    def take(self, rows: Int[np.ndarray, " some"]) -> "Pairs":
        """Some of the pairs, in the order given."""
        return replace(self, image=self.image[rows], text=self.text[rows])

    def read(self, rows: Int[np.ndarray, " some"]) -> tuple[Sequences, Sequences]:
        """Images and texts of some pairs."""
        return self.images(self.image[rows]), self.texts(self.text[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretraining:
    """How an Adaptor is pre-trained.

    Attributes:
        adaptor: Its form.
        loss: What is made small.
        rate: Learning rate at its highest.
        decay: Weight decay.
        warm_up: Share of the steps in which the rate rises.
        batch: Pairs a step: every other pair of it is a negative.
        piece: Pairs in memory at a time; it changes no gradient, but what dropout draws.
        epochs: At most.
        patience: Epochs without gain on held-out pairs before it stops.
        least_gain: Of the held-out loss that counts as one.
    """

    adaptor: CrossModalConfig = CrossModal()
    loss: Contrast = InfoNCE()
    rate: float = 2e-5
    decay: float = 0.01
    warm_up: float = 0.02
    batch: int = 1024
    piece: int = 128
    epochs: int = 50
    patience: int = 10
    least_gain: float = 1e-5

    def __post_init__(self) -> None:
        if min(self.batch, self.piece, self.epochs, self.patience) < 1 or self.batch < 2:
            raise ConfigError(
                "Pre-training takes batches of 2 pairs or more, pieces, epochs and a patience of 1 "
                f"or more; got batch={self.batch}, piece={self.piece}, epochs={self.epochs}, "
                f"patience={self.patience}."
            )
        if self.rate <= 0 or self.decay < 0 or not 0 <= self.warm_up < 1:
            raise ConfigError(
                "A rate lies above 0, a decay is not below it and warm_up is a share; got "
                f"rate={self.rate}, decay={self.decay}, warm_up={self.warm_up}."
            )

    def steps_of(self, pairs: int) -> int:
        """Batches of an epoch, or of a pass over held-out pairs."""
        return -(-pairs // self.batch)

    def rate_at(self, step: int, of: int) -> float:
        """The learning rate of a step, from 0: up in a line, then down in a line to nothing."""
        rising = max(1, round(self.warm_up * of))
        falling = (of - step) / max(1, of - rising + 1)
        return self.rate * min((step + 1) / rising, falling, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """What an epoch cost.

    Attributes:
        loss: Mean over its steps.
        held_out: Loss on held-out pairs after it, without dropout.
    """

    loss: float
    held_out: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """All that the next epoch depends on.

    Attributes:
        epochs: Done so far, in order.
        weights: Of the adaptor now, and of what the loss learns under ``loss/``.
        best: Of the epoch with the least held-out loss; the first weights where none has ended.
        best_epoch: Which that was, from 1; 0 where none has ended.
        optimiser: AdamW's state, by number of parameter and name.
    """

    epochs: tuple[Epoch, ...]
    weights: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    best_epoch: int
    optimiser: Mapping[str, Tensor]

    @property
    def best_loss(self) -> float:
        """The least held-out loss."""
        return self.epochs[self.best_epoch - 1].held_out if self.best_epoch else inf

    def over(self, config: Pretraining) -> bool:
        """Whether nothing is left to do."""
        done = len(self.epochs)
        return done >= config.epochs or done - self.best_epoch >= config.patience


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingStep:
    """One optimiser step, from 0, of at most so many."""

    index: int
    of: int
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnded:
    """An epoch is over; from its standing `pretrain` goes on with the same numbers."""

    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretrained:
    """The last event: the module with the best weights, and where it all ended."""

    module: CrossModalModule
    standing: Standing


PretrainingEvent = PretrainingStep | EpochEnded | Pretrained
"""What `pretrain` yields."""


def pretrain(
    config: Pretraining,
    pairs: Pairs,
    held_out: Pairs,
    *,
    seed: int,
    standing: Standing | None = None,
    processes: Processes | None = None,
) -> Iterator[PretrainingEvent]:
    """Train an Adaptor epoch by epoch; whoever has seen enough stops asking.

    What an epoch does depends on its standing and the seed alone, so a run that goes on from any
    `EpochEnded` has the numbers of one that was never cut off.

    Args:
        config: How.
        pairs: To learn from.
        held_out: Pairs of other patients, for early stopping.
        seed: Of first weights, order and dropout.
        standing: Where an earlier attempt stood; None begins.
        processes: Who shares each batch; all hand in the same pairs, and get the same events.

    Yields:
        `PretrainingStep`; after each epoch `EpochEnded`; at last `Pretrained`.

    Raises:
        InvalidValue: with fewer than two pairs to learn from or to hold out, with more processes
            than pieces of a batch, and where the loss is no longer a number.
    """
    if min(len(pairs), len(held_out)) < 2:
        raise InvalidValue(
            "Contrast takes two pairs or more to learn from and two to hold out; got "
            f"{len(pairs)} and {len(held_out)}. See: carina check DATA."
        )
    run = _Run(config, pairs, seed, processes or Alone())
    standing = standing or run.standing((), run.weights(), 0)
    run.take_over(standing.weights, standing.optimiser)
    while not standing.over(config):
        losses = []
        for index, rows in run.batches(len(standing.epochs)):
            losses.append(run.step(index, rows))
            if not isfinite(losses[-1]):
                raise InvalidValue(
                    f"The loss of step {index} is no longer a number. Lower `rate` "
                    f"({config.rate}); what ended before this epoch can be gone on from."
                )
            yield PretrainingStep(index=index, of=run.steps, loss=losses[-1])
        ended = Epoch(loss=float(np.mean(losses)), held_out=run.loss_of(held_out))
        epochs, best, best_epoch = (*standing.epochs, ended), standing.best, standing.best_epoch
        if ended.held_out < standing.best_loss - config.least_gain:
            best, best_epoch = run.weights(), len(epochs)
        standing = run.standing(epochs, best, best_epoch)
        yield EpochEnded(standing=standing)
    run.take_over(standing.best, standing.optimiser)
    run.adaptor.train(mode=False)
    yield Pretrained(module=run.adaptor, standing=standing)


def compared(
    adaptor: CrossModalModule,
    pairs: Pairs,
    images: Int[np.ndarray, " images"],
    texts: Int[np.ndarray, " texts"],
    *,
    piece: int,
) -> Float[Tensor, "texts images"]:
    """How texts compare with images, by number, read in pieces; without dropout and gradient."""
    adaptor.train(mode=False)

    def in_pieces(numbers: Int[np.ndarray, " some"]) -> list[Int[np.ndarray, " piece"]]:
        return np.array_split(numbers, -(-len(numbers) // piece))

    with torch.no_grad():
        left = [adaptor.represent_images(pairs.images(some)) for some in in_pieces(images)]
        right = [adaptor.represent_texts(pairs.texts(some)) for some in in_pieces(texts)]
        return adaptor.compare(Sequences.joined(left), Sequences.joined(right))


class _Run:
    """Adaptor, optimiser and data of one pre-training."""

    def __init__(self, config: Pretraining, pairs: Pairs, seed: int, processes: Processes) -> None:
        self._config, self._pairs, self._seed, self._processes = config, pairs, seed, processes
        images, texts = pairs.read(np.array([0]))
        self.adaptor = config.adaptor.build(
            image_dim=images.values.shape[2],
            text_dim=texts.values.shape[2],
            generator=torch.Generator().manual_seed(salted(str(seed), "adaptor")),
        )
        with torch.no_grad():
            self.adaptor.logit_scale.fill_(config.loss.first_scale)
        bias = config.loss.first_bias
        self._beside = () if bias is None else (nn.Parameter(torch.tensor(bias)),)
        self._learned = [*self.adaptor.parameters(), *self._beside]
        self._optimiser = torch.optim.AdamW(
            self._learned, lr=config.rate, weight_decay=config.decay
        )
        self.steps = config.epochs * config.steps_of(len(pairs))
        smallest = len(pairs) // config.steps_of(len(pairs))
        if -(-smallest // config.piece) < processes.count:
            raise InvalidValue(
                f"A batch of {smallest} pairs in pieces of {config.piece} gives some of "
                f"{processes.count} processes nothing to do. Set `piece` to "
                f"{max(1, smallest // processes.count)} or less, or start fewer processes."
            )

    def batches(self, epoch: int) -> Iterator[tuple[int, Int[np.ndarray, " batch"]]]:
        """Number of each step of an epoch, and its pairs: each pair once, in the epoch's own order."""
        order = generator(self._seed, "order", epoch).permutation(len(self._pairs))
        split = self._split(order)
        return zip(range(epoch * len(split), self.steps), split, strict=False)

    def step(self, index: int, rows: Int[np.ndarray, " batch"]) -> float:
        """Learn from a batch; its loss before that."""
        self.adaptor.train()
        for group in self._optimiser.param_groups:
            group["lr"] = self._config.rate_at(index, self.steps)
        self._optimiser.zero_grad()
        batch = self._pairs.take(rows)
        loss = backward_in_pieces(
            self.adaptor,
            lambda places: batch.read(places.numpy()),
            self._loss(batch),
            pairs=len(batch),
            piece=self._config.piece,
            seed=f"{self._seed}/{index}",
            beside=self._beside,
            processes=self._processes,
        )
        self._optimiser.step()
        return loss

    def loss_of(self, pairs: Pairs) -> float:
        """Mean over pairs, in batches as large as in training, without dropout."""
        total = 0.0
        for rows in self._split(np.arange(len(pairs))):
            batch = pairs.take(rows)
            with torch.no_grad():
                similar = compared(
                    self.adaptor, batch, batch.image, batch.text, piece=self._config.piece
                )
                total += len(batch) * self._loss(batch)(similar).item()
        return total / len(pairs)

    def standing(
        self, epochs: tuple[Epoch, ...], best: Mapping[str, Tensor], best_epoch: int
    ) -> Standing:
        """Copies of all that the next epoch depends on."""
        state = self._optimiser.state_dict()["state"]
        return Standing(
            epochs=epochs,
            weights=self.weights(),
            best=best,
            best_epoch=best_epoch,
            optimiser={
                f"{number}/{name}": tensor.detach().clone()
                for number, each in state.items()
                for name, tensor in each.items()
            },
        )

    def weights(self) -> dict[str, Tensor]:
        """Copies of what is learned, beside the adaptor under ``loss/``."""
        beside = {f"{_LOSS}{index}": each for index, each in enumerate(self._beside)}
        state = self.adaptor.state_dict() | beside
        return {name: tensor.detach().clone() for name, tensor in state.items()}

    def take_over(self, weights: Mapping[str, Tensor], optimiser: Mapping[str, Tensor]) -> None:
        """Be where an earlier attempt stood."""
        own = {n: t for n, t in weights.items() if not n.startswith(_LOSS)}
        self.adaptor.load_state_dict(own)
        with torch.no_grad():
            for index, each in enumerate(self._beside):
                each.copy_(weights[f"{_LOSS}{index}"])
        state: dict[int, dict[str, Tensor]] = {}
        for path, tensor in optimiser.items():
            number, _, name = path.partition("/")
            state.setdefault(int(number), {})[name] = tensor.clone()
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": state, "param_groups": groups})

    def _split(self, rows: Int[np.ndarray, " rows"]) -> list[Int[np.ndarray, " some"]]:
        """As few batches as hold them, alike in size: a batch of one pair would have no negative."""
        return np.array_split(rows, self._config.steps_of(len(rows)))

    def _loss(self, batch: Pairs) -> Callable[[Float[Tensor, "texts images"]], Float[Tensor, ""]]:
        """The loss of the similarities of a batch's texts with its images."""
        rule = self._config.loss
        target = belonging(torch.from_numpy(batch.text), torch.from_numpy(batch.image))
        if rule.alike:
            frozen = F.normalize(batch.texts(batch.text).mean, dim=1)
            target = softened(
                target, frozen @ frozen.T, share=rule.alike, temperature=rule.temperature
            )

        def loss(similar: Float[Tensor, "texts images"]) -> Float[Tensor, ""]:
            logits = self.adaptor.logit_scale.exp() * similar
            return rule.of(sum(self._beside, logits), target)

        return loss

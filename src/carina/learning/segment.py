"""Teaching a decoder over a frozen encoder to draw a mask; a kill costs some steps and no number.

The loss is Freeze the backbones' mix of focal and overlap (arXiv 2401.01179), of probabilities. The
authors stop early on validation films and restart their cosine; here steps are counted, the rate
falls along one half cosine, and no validation film is looked at, so that a share of 1 % of the
labels is 1 %.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Int
from safetensors.torch import load_file, save_file
from torch import Tensor

from carina.adaptors import (
    Decoder,
    DecoderConfig,
    FrozenUNet,
    FrozenUNetDecoder,
    PretrainedAdaptor,
    build_decoder,
)
from carina.core import (
    ConfigError,
    InvalidValue,
    Mismatch,
    MissingFile,
    generator,
    partial_path,
)
from carina.encoders import EncoderCard
from carina.features import FeatureTable, MaskTable
from carina.objectives import focal_dice

__all__ = [
    "DecoderLearned",
    "DecoderStep",
    "Segmenting",
    "drawn_masks",
    "load_decoder",
    "teach_decoder",
]

_STATE = "decoder.unfinished.safetensors"
_MODULE, _OPTIMISER, _STEP = "module/", "optimiser/", "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmenting:
    """How a decoder is taught.

    Attributes:
        decoder: Its form.
        rate: Highest learning rate of AdamW; it falls to 0 along half a cosine.
        decay: Weight decay.
        batch: Films a step; fewer where there are fewer.
        steps: Optimiser steps.
        focal: Weight of the focal loss beside that of overlap.
    """

    decoder: DecoderConfig = FrozenUNet()
    rate: float = 5e-3
    decay: float = 1e-4
    batch: int = 4
    steps: int = 600
    focal: float = 10.0

    def __post_init__(self) -> None:
        if min(self.batch, self.steps) < 1 or self.rate <= 0 or min(self.decay, self.focal) < 0:
            raise ConfigError(
                "A decoder is taught in one step or more of one film or more, at a rate above 0; "
                f"got steps={self.steps}, batch={self.batch}, rate={self.rate}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderStep:
    """One optimiser step is done.

    Attributes:
        done: Steps so far.
        of: Steps in all.
        loss: Of this one.
    """

    done: int
    of: int
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecoderLearned:
    """The last event: the decoder, ready to be asked."""

    decoder: Decoder


def teach_decoder(
    config: Segmenting,
    table: FeatureTable,
    masks: MaskTable,
    films: Int[np.ndarray, " films"],
    *,
    seed: int,
    adaptor: PretrainedAdaptor | None = None,
    folder: Path | None = None,
    every: int = 100,
) -> Iterator[DecoderStep | DecoderLearned]:
    """Teach a decoder the masks of some films; the same seed gives the same bits, killed or not.

    Args:
        config: Form and schedule.
        table: Tokens and stages of the films of `masks`, in their order, by one encoder.
        masks: What is to be drawn.
        films: Places in both of the films to learn from.
        seed: Of first weights and order.
        adaptor: Frozen, what tokens pass before the decoder reads them; stages do not.
        folder: Where to keep the state between steps; None keeps none.
        every: Steps between two states.

    Yields:
        A `DecoderStep` a step, at last `DecoderLearned`.

    Raises:
        InvalidValue: where there is no film to learn from.
        Mismatch: where the adaptor takes other tokens, or makes none.
    """
    if not len(films):
        raise InvalidValue("A decoder learns from one film with a mask or more; got none.")
    first = torch.Generator().manual_seed(int(generator(seed, "decoder").integers(2**62)))
    decoder = build_decoder(config.decoder, _card(table.cards[0], adaptor), first)
    optimiser = torch.optim.AdamW(decoder.parameters(), lr=config.rate, weight_decay=config.decay)
    done = _resumed(folder, decoder, optimiser)
    decoder.train()
    for step in range(done, config.steps):
        picked = picked_at(films, step, config.batch, seed)
        for group in optimiser.param_groups:
            group["lr"] = config.rate * (1 + cos(pi * step / config.steps)) / 2
        target = torch.from_numpy(masks.of(picked))
        loss = focal_dice(_logits(decoder, table, picked, adaptor), target, focal=config.focal)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        if folder is not None and ((step + 1) % every == 0 or step + 1 == config.steps):
            _keep(folder, decoder, optimiser, step + 1)
        yield DecoderStep(done=step + 1, of=config.steps, loss=loss.item())
    yield DecoderLearned(decoder=decoder.eval())


@torch.no_grad()
def drawn_masks(
    decoder: Decoder,
    table: FeatureTable,
    films: Int[np.ndarray, " films"],
    *,
    adaptor: PretrainedAdaptor | None = None,
    batch: int = 8,
) -> Bool[np.ndarray, "films rows cols"]:
    """What a decoder draws on some films: pixels more probable than not."""
    some = np.array_split(films, range(batch, len(films), batch))
    drawn = [(_logits(decoder, table, part, adaptor) > 0).numpy() for part in some]
    together: np.ndarray = np.concatenate(drawn)
    return together


def load_decoder(
    form: DecoderConfig,
    card: EncoderCard,
    path: Path,
    *,
    adaptor: PretrainedAdaptor | None = None,
) -> Decoder:
    """A taught decoder from its file.

    Args:
        form: Its form.
        card: The encoder it stands on.
        path: The safetensors file a segmentation left.
        adaptor: What tokens pass before it.

    Raises:
        MissingFile: where there is no such file.
        Mismatch: where its tensors are of another form.
    """
    if not path.is_file():
        raise MissingFile(f"There is no decoder at {path}; carina segment leaves one in its run.")
    tensors = load_file(path)
    decoder = build_decoder(form, _card(card, adaptor), torch.Generator())
    shapes = {name: tensor.shape for name, tensor in decoder.state_dict().items()}
    if shapes != {name: tensor.shape for name, tensor in tensors.items()}:
        raise Mismatch(f"{path.name} holds another decoder than {form} over {card.name}.")
    decoder.load_state_dict(tensors)
    return decoder.eval()


def _card(card: EncoderCard, adaptor: PretrainedAdaptor | None) -> EncoderCard:
    """The encoder's, its tokens as wide as the decoder gets them."""
    if adaptor is None:
        return card
    return replace(card, token_dim=adaptor.adapt_cells(torch.zeros(1, 1, card.token_dim)).shape[2])


def _logits(
    decoder: Decoder,
    table: FeatureTable,
    films: Int[np.ndarray, " some"],
    adaptor: PretrainedAdaptor | None,
) -> Tensor:
    stages = table.stages(films) if isinstance(decoder, FrozenUNetDecoder) else ()
    tokens = table.tokens(films)
    said: Tensor = decoder(tokens if adaptor is None else adaptor.adapt_cells(tokens), stages)
    return said


def picked_at(
    films: Int[np.ndarray, " films"], step: int, batch: int, seed: int
) -> Int[np.ndarray, " batch"]:
    """The films of a step: all once an epoch, in an order of its own; from step and seed alone."""
    size = min(batch, len(films))
    epoch, place = divmod(step, len(films) // size)
    order = generator(seed, "decoder", "epoch", epoch).permutation(films)
    return order[place * size : (place + 1) * size]


def _keep(folder: Path, decoder: Decoder, optimiser: torch.optim.Optimizer, step: int) -> None:
    tensors = {f"{_MODULE}{name}": value for name, value in decoder.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"{_OPTIMISER}{index}/{name}": value for name, value in state.items()}
    tensors[_STEP] = torch.tensor(step)
    folder.mkdir(parents=True, exist_ok=True)
    partial = partial_path(folder / _STATE)
    save_file({name: value.contiguous() for name, value in tensors.items()}, partial)
    partial.replace(folder / _STATE)


def _resumed(folder: Path | None, decoder: Decoder, optimiser: torch.optim.Optimizer) -> int:
    """The step a kept state stands at, after it was put back; 0 where there is none."""
    if folder is None or not (folder / _STATE).is_file():
        return 0
    tensors = load_file(folder / _STATE)
    decoder.load_state_dict(
        {n.removeprefix(_MODULE): t for n, t in tensors.items() if n.startswith(_MODULE)}
    )
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(_OPTIMISER):
            index, _, what = name.removeprefix(_OPTIMISER).partition("/")
            state.setdefault(int(index), {})[what] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    return int(tensors[_STEP])

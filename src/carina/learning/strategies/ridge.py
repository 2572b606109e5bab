"""The masked ridge head: learned in closed form from sums, so the order of learning is no matter."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float64
from torch import Tensor

from carina.adaptors import Beside, LiftConfig
from carina.core import ConfigError, Mismatch
from carina.features import PromptVectors
from carina.learning.keeping import FEW
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.adding import add, subtract
from carina.learning.strategies.carrying import from_tensors, to_tensors
from carina.learning.strategies.closed_form import Solution, solve
from carina.learning.strategies.held_out import together
from carina.learning.strategies.left_out import left_out
from carina.learning.strategies.linear import grown_head, head_of, no_head, noted
from carina.learning.strategies.summing import sums_of
from carina.learning.strategies.sums import SHARED, Sums, fewest_patients, no_sums
from carina.streams import View

__all__ = ["CHOSEN", "Ridge", "sums_for", "sums_in", "text_directions", "with_sums"]

CHOSEN = {"penalty": "penalty", "prior": "prior", "held_out_error": "error"}
"""What a learner's notes tell of each finding, and the part of its `Solution` it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """One ridge head a finding, from sums that are kept instead of films; see `solve`.

    Only findings with known rows in an experience are solved anew; the others keep their bytes.

    Attributes:
        lambdas: Penalties to choose from, for each finding by held-out error.
        betas: How far the head is drawn towards the text, to choose from likewise; they are
            lengths of the drawn-to weight vector. Without zero-shot there is no text, and 0.
        folds: In how many parts by patient the sums are kept.
        salt: Which patients share a part.
        lift: A fixed map of the rows to the features that are summed; None sums the rows. A text
            has a direction among the features only where it has one among rows: without a lift,
            and with `Beside`. With another lift there is no prior.
        budget: Bytes that the kept sums may take; None for no bound. Where second moments of
            findings known on different rows do not fit, they share one, at some cost in accuracy.
        guard: Whether a finding keeps the text's head until ridge is better by one standard error
            of the held-out error over the folds. Without zero-shot there is nothing to keep.
    """

    lambdas: tuple[float, ...] = (0.5, 1.0)
    betas: tuple[float, ...] = (0.0, 1.0, 3.0, 10.0, 30.0)
    folds: int = 5
    salt: str = "ridge"
    lift: LiftConfig | None = None
    budget: int | None = 100_000_000
    guard: bool = True

    def __post_init__(self) -> None:
        if not self.lambdas or min(self.lambdas) <= 0:
            raise ConfigError(f"Lambdas are one number or more, each above 0; got {self.lambdas}.")
        if not self.betas or min(self.betas) < 0:
            raise ConfigError(f"Betas are one number or more, none below 0; got {self.betas}.")
        if self.folds < 2:
            raise ConfigError(f"Sums are kept in 2 folds or more; got {self.folds}.")

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:  # noqa: ARG002
        """A head without findings over empty sums.

        Raises:
            ConfigError: where the budget does not hold one second moment.
        """
        empty = no_head(setting.image_dim, normalise=True, lift=self.lift)
        sums = no_sums(
            dim=empty.weight.shape[1],
            folds=self.folds,
            salt=self.salt,
            lift="" if empty.lift is None else empty.lift.digest,
            budget=self.budget,
        )
        return with_sums(Learner(setting=setting, readout=empty), sums)

    def learn(
        self,
        learner: Learner,
        view: View,
        *,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Iterator[Event]:
        """Add the experience to the sums and solve the findings it touches.

        Raises:
            Mismatch: where the view is of another width, or another Ridge taught the learner.
            ConfigError: where the budget does not hold so many findings.
        """
        sums = sums_in(learner)
        began = replace(
            self, folds=sums.folds, salt=sums.salt, budget=sums.budget, lift=_lift(learner)
        )
        if began != self:
            raise Mismatch(
                f"This learner was begun with folds={sums.folds}, salt={sums.salt!r}, "
                f"budget={sums.budget} and lift={began.lift}; go on with a Ridge of the same."
            )
        yield from self.settled(learner, add(sums, sums_for(learner, view)), view.prompts)

    def retract(
        self,
        learner: Learner,
        view: View,
        *,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Iterator[Event]:
        """Take the experience out of the sums again and solve the findings it touches.

        Exact but for rounding: what is left is the sums of all other rows.

        Raises:
            Mismatch: where the sums never held so many rows of a finding, or are in other folds.
        """
        sums = subtract(sums_in(learner), sums_for(learner, view))
        yield from self.settled(learner, sums, view.prompts)

    def reads_text(self, setting: Setting) -> bool:
        """Whether a finding without films has a head all the same, along its text."""
        weighs_text = self.lift is None or isinstance(self.lift, Beside)
        return setting.zero_shot and weighs_text and max(self.betas) > 0

    def settled(
        self, learner: Learner, sums: Sums, prompts: PromptVectors | None
    ) -> Iterator[Event]:
        """Put other sums in the place of the learner's and solve what they change.

        So two sites' sums are merged (`add`) and a patient is forgotten (`subtract`).

        Args:
            learner: Whose sums are replaced.
            sums: Of the findings the learner has met, and maybe of new ones.
            prompts: Of the findings that change, at least; None without zero-shot.

        Raises:
            Mismatch: where zero-shot is possible but there are no prompts.
        """
        before = sums_in(learner).findings
        changed = [
            label
            for label, own in sums.findings.items()
            if label not in before or own.key != before[label].key
        ]
        groups, solutions = together(sums, changed), dict[str, Solution]()
        for index, group in enumerate(groups):
            found = solve(
                sums,
                group,
                _text(learner, prompts, group),
                lambdas=self.lambdas,
                betas=self.betas if _has_text(learner) else (0.0,),
                guard=self.guard,
            )
            solutions |= found
            errors = [one.error for one in found.values() if one.error is not None]
            loss = sum(errors) / len(errors) if errors else None
            yield Step(index=index, of=len(groups), loss=loss)
        in_order = {label: solutions[label] for label in changed}
        yield Learned(learner=_with(with_sums(learner, sums), in_order))

    def left_out(self, learner: Learner, view: View) -> Float64[Tensor, "rows labels"]:
        """Scores of a view just learned by heads that never learned from the row's patient in it.

        Raises:
            Mismatch: where the learner is not one of `Ridge`.
        """
        chosen = learner.notes.get("penalty")
        if not isinstance(chosen, dict):
            raise Mismatch("This learner says nothing of penalties; it was not taught by Ridge.")
        return left_out(head_of(learner), sums_in(learner), chosen, view)


def sums_in(learner: Learner) -> Sums:
    """The sums a learner of `Ridge` carries.

    Raises:
        Mismatch: where it carries none.
    """
    plain = learner.notes.get("sums")
    if not isinstance(plain, dict):
        raise Mismatch("This learner carries no sums; it was not taught by Ridge.")
    tensors = {
        name.removeprefix("sums/"): tensor
        for name, tensor in learner.carried.items()
        if name.startswith("sums/")
    }
    return from_tensors(plain, tensors)


def sums_for(learner: Learner, view: View) -> Sums:
    """The sums over the films of a view that belong with those a learner of `Ridge` carries.

    Raises:
        Mismatch: where the learner carries none, or the view is of another width.
    """
    sums = sums_in(learner)
    whole = {name: one for name, one in sums.moments.items() if one.parts == sums.folds}
    return sums_of(
        view,
        folds=sums.folds,
        salt=sums.salt,
        lift=head_of(learner).lift,
        budget=sums.budget,
        made={name: one for name, one in whole.items() if name != SHARED},
    )


def _with(learner: Learner, solutions: dict[str, Solution]) -> Learner:
    """The learner with some heads put in place of its own or after them."""
    heads = {label: (one.weight, one.bias) for label, one in solutions.items()}
    calibration = {
        label: sigmoid for label, sigmoid in learner.calibration.items() if label not in solutions
    }
    for label, one in solutions.items():
        if one.calibration is not None:
            calibration[label] = one.calibration
    return replace(
        learner,
        labels=learner.labels.grown(*solutions),
        readout=grown_head(head_of(learner), heads) if heads else learner.readout,
        calibration=calibration,
        notes=noted(
            learner.notes,
            **{
                name: {label: getattr(one, field) for label, one in solutions.items()}
                for name, field in CHOSEN.items()
            },
        ),
    )


def text_directions(
    setting: Setting, prompts: PromptVectors | None, labels: tuple[str, ...]
) -> Float64[Tensor, "labels dim"]:
    """From negative to positive prompts, among image features, length 1; zeros without zero-shot.

    In a shared space a head along it ranks images exactly as zero-shot does: it is the difference
    of the mean positive and the mean negative prompt, either at length 1 as cosines have it.
    Through an alignment it is that difference pulled back, so the ranking is near zero-shot's but
    for the length of each aligned image.

    Raises:
        Mismatch: where zero-shot is possible but there are no prompts.
    """
    if not setting.zero_shot:
        return torch.zeros(len(labels), setting.image_dim, dtype=torch.float64)
    if prompts is None:
        raise Mismatch(
            "There are no prompts, but images and texts can be compared here; encode a prompt "
            "bank, or give the images' encoder alone."
        )
    prompts = prompts.of(labels)
    present = F.normalize(prompts.positive.double().mean(dim=1), dim=1)
    absent = F.normalize(prompts.negative.double().mean(dim=1), dim=1)
    direction = present - absent
    if setting.alignment is not None:
        direction = setting.alignment.pulled_back(direction)
    return F.normalize(direction, dim=1)


def _text(
    learner: Learner, prompts: PromptVectors | None, labels: tuple[str, ...]
) -> Float64[Tensor, "labels dim"]:
    """`text_directions` among the features that the heads weigh; zeros where it has none there."""
    width = head_of(learner).weight.shape[1]
    if not _has_text(learner):
        return torch.zeros(len(labels), width, dtype=torch.float64)
    directions = text_directions(learner.setting, prompts, labels)
    return F.pad(directions, (0, width - directions.shape[1]))


def _has_text(learner: Learner) -> bool:
    """Whether the text has a direction among the features that the heads weigh."""
    return learner.setting.zero_shot and isinstance(_lift(learner), Beside | None)


def _lift(learner: Learner) -> LiftConfig | None:
    lift = head_of(learner).lift
    return None if lift is None else lift.config


def with_sums(learner: Learner, sums: Sums) -> Learner:
    """The learner with these sums in the place of those it carries, its heads as they are."""
    plain, tensors = to_tensors(sums)
    fewest = fewest_patients(sums)
    return replace(
        learner,
        carried={f"sums/{name}": tensor for name, tensor in tensors.items()},
        notes={**learner.notes, "sums": plain},
        fewest_patients=fewest,
        single_patients=fewest is not None and fewest < FEW,
    )

"""From a bundle and its update state back to the learner, which goes on as if it had never stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from carina.adaptors import unpack_alignment
from carina.bundles import Bundle, History, UpdateState, read_bundle, read_state
from carina.core import InvalidValue, Mismatch, load
from carina.learning import Learner, Setting
from carina.measures import Sigmoid
from carina.recipes.recipe import Continual
from carina.studies import LabelSpace

__all__ = ["Restored", "at_home", "restored"]

_ALIGNMENT = "alignment/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A learner that can learn on, and by which recipe.

    Attributes:
        learner: To the bit the one that was kept.
        left: The learner of the bundle in service: what left the house last.
        home: The reader as it stays here; the bundle in service where all of it may leave.
        recipe: The run's: strategy, prompts, label policy, salt, seed.
        lived: How many experiences it has lived.
    """

    learner: Learner
    left: Learner
    home: Bundle
    recipe: Continual
    lived: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calibration:
    """Sigmoids by finding, as the codec reads them."""

    sigmoids: dict[str, Sigmoid]


def at_home(history: History, version: int) -> Restored:
    """The learner of a version as it stays here.

    Raises:
        InvalidValue, Mismatch: as `restored`.
        UnreadableFile: where the version is not as it was written.
    """
    bundle, home = history.version(version), history.home(version)
    left = restored(read_bundle(bundle), read_state(bundle))
    if home == bundle:
        return left
    return replace(restored(read_bundle(home), read_state(home)), left=left.learner)


def restored(bundle: Bundle, state: UpdateState | None) -> Restored:
    """The learner of a bundle, which is all there is of it.

    Args:
        bundle: What predicts.
        state: What learning on needs beside it.

    Raises:
        InvalidValue: where there is no state.
        Mismatch: where an earlier carina wrote it.
    """
    if state is None:
        raise InvalidValue(
            "The bundle holds what predicts, not what learning on needs. Make it again from its "
            "run: carina bundle RUN --out B --updatable."
        )
    notes = state.notes
    if "recipe" not in notes:
        raise Mismatch(
            "An earlier carina wrote the update state of this bundle. Make it again from its run: "
            "carina bundle RUN --out B --updatable."
        )
    calibration = load(
        {"sigmoids": notes["calibration"]}, _Calibration, what="calibration of the update state"
    )
    learner = Learner(
        setting=_setting(bundle, state.tensors, notes),
        labels=LabelSpace(names=bundle.labels),
        readout=bundle.readout,
        calibration=calibration.sigmoids,
        carried={
            name: tensor
            for name, tensor in state.tensors.items()
            if not name.startswith(_ALIGNMENT)
        },
        notes=notes["learner"],
        fewest_patients=state.fewest_patients,
        single_patients=state.single_patients,
    )
    return Restored(
        learner=learner,
        left=learner,
        home=bundle,
        recipe=load(notes["recipe"], Continual, what="recipe of the update state"),
        lived=sum(lesson.after for lesson in bundle.lineage),
    )


def _setting(bundle: Bundle, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> Setting:
    plain = notes["alignment"]
    return Setting(
        image_dim=bundle.readout.dim,
        text_dim=_text_dim(bundle),
        shared_space=notes["shared_space"],
        alignment=None
        if plain is None
        else unpack_alignment(
            plain,
            {
                name.replace("/", ".", 1): tensor
                for name, tensor in tensors.items()
                if name.startswith(_ALIGNMENT)
            },
        ),
    )


def _text_dim(bundle: Bundle) -> int:
    """Width of the prompts a learner is shown; 0 for none."""
    if bundle.pretrained is not None:
        return bundle.readout.dim  # one space
    return 0 if bundle.text_encoder is None else bundle.text_encoder.dim

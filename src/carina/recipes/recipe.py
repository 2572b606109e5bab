"""One experiment as a value: what `carina run` takes by name, by function or from a file."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from importlib import import_module
from pathlib import Path

from carina.adaptors import Control, is_bank_path
from carina.core import (
    ConfigError,
    InvalidValue,
    UnknownName,
    fingerprint,
    read_json,
    read_toml,
    unknown,
)
from carina.learning import Ridge, StrategyConfig
from carina.streams import ByClass, Planned, StreamPlan, found_from, identity, names_a_file
from carina.studies import LabelPolicy

__all__ = ["Align", "CalibrateBy", "Continual", "Recipe", "beside_its_plan", "find_recipe"]

_PLAN = "plan.json"


class CalibrateBy(StrEnum):
    """How a score becomes a probability."""

    OWN = "own"
    """The map a strategy knows from its sums, without any row; Platt's where it knows none."""
    PLATT = "platt"
    """A sigmoid fitted to an experience's own validation rows."""
    BETA = "beta"
    """Beta calibration on them."""
    ISOTONIC = "isotonic"
    """Rising steps on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Align:
    """Make encoders comparable that share no space.

    A ridge map from images to report embeddings is fitted on the patients of the pretrain split;
    or a pre-trained Adaptor stands over both encoders.

    Attributes:
        penalties: Of the ridge map, tried; the best out of fold is kept.
        adaptor: Folder of an Adaptor that `carina pretrain` left, which reads vectors; "" for the
            ridge map. The path is not part of what the run is, the Adaptor is.
    """

    penalties: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0)
    adaptor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continual:
    """A stream, a strategy that follows it, and how the outcome is judged.

    Attributes:
        name: As on the command line; not part of what the run is.
        encoders: Frozen image encoders, side by side.
        strategy: How it learns; the masked ridge head where none is named.
        plan: What it meets, in which order.
        text_encoder: Reads the prompts (and reports, with `align`); "" for strategies without.
        prompts: Name of the prompt bank, or path of one's own, with a slash, from the working
            folder on; a path is not part of what the run is, its texts are.
        controls: What else stands in the place of the prompts, each learned once beside them, to
            tell how much of the score comes from language.
        align: How encoders that share no space are aligned; None leaves them apart.
        policy: What uncertain and unmentioned labels count as in learning; scored are certain ones.
        findings: Learned and scored, in order; empty means all of the manifest's.
        headline: Findings whose mean heads every table; empty means all of `findings`.
        calibration: How scores become probabilities; the others stand beside it, for comparison.
        keep_validation: Whether an experience's validation rows are kept to calibrate on after
            later ones: patients' data, and counted as such.
        sensitivity: Of the operating point that is to hold one.
        specificity: Of the one that is to hold a specificity.
        prevalence: Finding -> share of films with it where the reader is to serve, for predictive
            values; that of the validation rows for findings that are not named.
        folds: Patient-grouped folds of train and val for scores out of fold, calibration and
            thresholds; 0 learns from train alone and takes all of these from val, held apart.
        draws: Resamples of patients for every interval.
        seed: Of everything random.
        salt: Of the hash that assigns patients to folds and hides them in tables.
    """

    name: str
    encoders: tuple[str, ...]
    strategy: StrategyConfig = Ridge()
    plan: StreamPlan = ByClass()
    text_encoder: str = "minilm-l6"
    prompts: str = "retune-4"
    controls: tuple[Control, ...] = ()
    align: Align | None = None
    policy: LabelPolicy = LabelPolicy()
    findings: tuple[str, ...] = ()
    headline: tuple[str, ...] = ()
    calibration: CalibrateBy = CalibrateBy.OWN
    keep_validation: bool = False
    sensitivity: float = 0.9
    specificity: float = 0.9
    prevalence: dict[str, float] = field(default_factory=dict)
    folds: int = 5
    draws: int = 1000
    seed: int = 27
    salt: str = "carina"

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InvalidValue("A recipe has a name, which its card shows; got none.")
        twice = len(set(self.encoders)) != len(self.encoders)
        if not self.encoders or "" in self.encoders or twice:
            raise InvalidValue(
                "A recipe names one image encoder or more, each once; got "
                f"{', '.join(map(repr, self.encoders)) or 'none'}."
            )
        if self.folds < 0 or self.folds == 1 or self.draws < 100:
            raise InvalidValue(
                "Wanted 2 folds or more (or 0, which holds val apart) and 100 draws or more; got "
                f"{self.folds} and {self.draws}."
            )
        if self.controls and not self.text_encoder:
            raise InvalidValue(
                "Controls stand in the place of prompts, and the recipe names no text encoder to "
                "read any. Name one, or leave `controls` out."
            )
        over = self.align is not None and self.align.adaptor
        if over and (len(self.encoders) != 1 or not self.text_encoder):
            raise InvalidValue(
                "An Adaptor stands over one image encoder and one text encoder; the recipe "
                f"names {len(self.encoders)} and {'one' if self.text_encoder else 'none'}."
            )
        if self.seed < 0:
            raise InvalidValue(f"A seed is 0 or more; got {self.seed}.")
        for what, share in (
            ("sensitivity to hold", self.sensitivity),
            ("specificity to hold", self.specificity),
            *((f"prevalence of {name}", share) for name, share in self.prevalence.items()),
        ):
            if not 0 < share < 1:
                raise InvalidValue(f"A {what} lies between 0 and 1; got {share}.")
        named = (*self.headline, *self.prevalence)
        if strange := [name for name in named if self.findings and name not in self.findings]:
            raise unknown("finding of this recipe", strange[0], self.findings)

    @property
    def fingerprint(self) -> str:
        """Of everything but the name and the place of a prompt bank."""
        others = {each.name: getattr(self, each.name) for each in fields(self)}
        if is_bank_path(self.prompts):
            others["prompts"] = ""
        if self.align is not None:  # as it was before there were Adaptors
            others["align"] = {"kind": "Align", "penalties": self.align.penalties}
        others["policy"] = self.policy.described  # what a policy can say may grow
        others["plan"] = identity(self.plan)  # wherever the file of one lies
        return fingerprint({"kind": type(self).__name__, **others, "name": ""})


Recipe = Continual
"""The kinds of experiment there are; pre-training, probe and segmentation will join."""


def beside_its_plan(recipe: Recipe) -> Recipe:
    """The recipe as it stands in a run's folder: a plan from a file is the one beside it."""
    return replace(recipe, plan=Planned(file=_PLAN)) if names_a_file(recipe.plan) else recipe


def find_recipe(text: str, named: dict[str, Callable[[], Recipe]]) -> Recipe:
    """The recipe a command line means.

    Args:
        text: A name, ``module:function``, or the path of a TOML or JSON file.
        named: The recipes that have names.

    Raises:
        UnknownName: for a name nobody gave, with its neighbour.
        ConfigError: for a file with faults, all listed, or a function that gives no recipe.
    """
    if text in named:
        return named[text]()
    path = Path(text)
    if path.suffix.lower() in (".toml", ".json"):
        read = read_toml if path.suffix.lower() == ".toml" else read_json
        recipe = read(path, Recipe)
        return replace(recipe, plan=found_from(recipe.plan, path.parent))
    if path.exists():
        raise ConfigError(
            f"{text} is a {'folder' if path.is_dir() else 'file of another kind'}; wanted a "
            "recipe: a name (see: carina recipes), module:function, or a TOML or JSON file. "
            "Data go after --data."
        )
    module, colon, function = text.partition(":")
    if not colon:
        raise unknown("recipe", text, named)
    try:
        make = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise UnknownName(f"No recipe at {text!r}: {str(error).rstrip('.')}.") from error
    recipe = make() if callable(make) else make
    if not isinstance(recipe, Recipe):
        raise ConfigError(
            f"{text!r} gave a {type(recipe).__name__}, wanted a Recipe: a Continual. Other forms go "
            "to other verbs, by name or as a file: carina recipes NAME prints one."
        )
    return recipe

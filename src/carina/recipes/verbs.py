"""Which verb runs which form of recipe, told to who gave one to another verb."""

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from carina.core import ConfigError
from carina.recipes.named import NAMED
from carina.recipes.pretrain import Pretrain
from carina.recipes.pretrainings import PRETRAININGS
from carina.recipes.probe_recipe import Probe
from carina.recipes.probes import PROBES
from carina.recipes.recipe import Continual
from carina.recipes.segmentation import Segmentation
from carina.recipes.transfers import SEGMENTATIONS

__all__ = ["check_verb"]

Form = type[Continual] | type[Pretrain] | type[Probe] | type[Segmentation]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verb:
    """How a form of recipe is called, how it is run, and those that have names."""

    what: str
    command: str
    named: Mapping[str, Callable[[], Any]]


_VERBS: Mapping[Form, _Verb] = {
    Continual: _Verb(
        what="a stream to learn from",
        command="carina run {} --data DATA --store STORE --out OUT",
        named=NAMED,
    ),
    Pretrain: _Verb(
        what="a pre-training",
        command="carina pretrain DATA --recipe {} --store STORE --out OUT",
        named=PRETRAININGS,
    ),
    Probe: _Verb(
        what="a probe",
        command="carina probe DATA --recipe {} --store STORE --out OUT",
        named=PROBES,
    ),
    Segmentation: _Verb(
        what="a segmentation",
        command="carina segment DATA --recipe {} --store STORE --out OUT",
        named=SEGMENTATIONS,
    ),
}


def check_verb(text: str, wanted: Form) -> None:
    """Refuse a recipe of another form than a verb runs, and name the verb that runs it.

    A file is of the form that has most of its keys; of two with equally many, the one wanted.

    Args:
        text: A name, or the path of a TOML or JSON file; whatever else it is, is not looked at.
        wanted: The form the verb runs.

    Raises:
        ConfigError: for a recipe of another form.
    """
    of = {name: form for form, verb in _VERBS.items() for name in verb.named}
    form = of[text] if text in of else _form_of_keys(_keys(Path(text)), wanted)
    if form is not wanted:
        verb = _VERBS[form]
        raise ConfigError(
            f"{text} is {verb.what}, wanted {_VERBS[wanted].what}. "
            f"Next: {verb.command.format(text)}."
        )


def _keys(path: Path) -> set[str]:
    """The keys on top of a file; none where it is not there, or no table: who reads it tells."""
    try:
        match path.suffix.lower():
            case ".toml":
                found: Any = tomllib.loads(path.read_text(encoding="utf-8"))
            case ".json":
                found = json.loads(path.read_text(encoding="utf-8"))
            case _:
                return set()
    except (OSError, ValueError):
        return set()
    return set(found) if isinstance(found, dict) else set()


def _form_of_keys(keys: set[str], wanted: Form) -> Form:
    def like(form: Form) -> tuple[int, bool]:
        return len(keys & {each.name for each in fields(form)}), form is wanted

    return max(_VERBS, key=like)

"""What one update of a reader in service costs: seconds without encoding, and bytes carried.

    python benchmarks/update.py [--findings 15] [--films 1000] [--wide 1280] [--before 4000] [--json]

Features are drawn: what an update costs hangs on their number alone. The time runs from opening the
history to the last byte of dossier and bundle on disk, once tested on the new films alone and once
on a locked set.
"""

import argparse
import json
import resource
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from carina.bundles import (
    Bundle,
    begin_history,
    open_history,
    read_bundle,
    read_state,
    write_bundle,
)
from carina.core import digest_bytes, generator
from carina.encoders import EncoderCard, load_encoder
from carina.features import FeatureRows
from carina.learning import Learned, Ridge, Setting, begin, learn_one
from carina.recipes import (
    Continual,
    Dossier,
    Films,
    UpdateProtocol,
    decide,
    restored,
    state_of,
)
from carina.streams import View
from carina.studies import LabelSpace, Manifest

PREVALENCE = 0.15
RECIPE = Continual(name="benchmark", encoders=("drawn",), text_encoder="", strategy=Ridge())


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large everything is."""

    findings: int = 15
    films: int = 1000
    wide: int = 1280
    before: int = 4000
    locked: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one update took.

    Attributes:
        gate: Where it was tested.
        outcome: What came of it.
        seconds: From opening the history to the last byte.
        carried: Bytes kept to learn on.
        state: Bytes of ``state.safetensors``.
        peak: Largest memory of the process so far, in bytes.
    """

    gate: str
    outcome: str
    seconds: float
    carried: int
    state: int
    peak: int


def drawn(size: Size, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Features in which every finding has a direction, and labels."""
    directions = generator(0, "directions").normal(size=(size.findings, size.wide))
    rng = generator(first, "films")
    present = rng.random((count, size.findings)) < PREVALENCE
    noise = rng.normal(size=(count, size.wide)) * 4
    return (noise + present @ directions).astype(np.float32), present


def names(size: Size) -> tuple[str, ...]:
    """Of the findings."""
    return tuple(f"finding {number}" for number in range(size.findings))


def films(size: Size, first: int, count: int) -> Films:
    """Films with features, one a patient."""
    features, present = drawn(size, first, count)
    blank, ids = ("",) * count, tuple(f"{first + row}" for row in range(count))
    manifest = Manifest(
        root=Path(),
        image=ids,
        study=ids,
        patient=ids,
        view=tuple("PA" if row % 3 else "AP" for row in range(count)),
        sex=tuple("FM"[row % 2] for row in range(count)),
        age=tuple(float(row % 90) for row in range(count)),
        site=blank,
        date=blank,
        split=("train",) * count,
        report=blank,
        labels=present.astype(np.int8),
        space=LabelSpace(names=names(size)),
    )
    return Films(
        manifest=manifest,
        digests=tuple(digest_bytes(one.encode()) for one in ids),
        features=torch.from_numpy(features),
    )


def reader(size: Size, folder: Path) -> Path:
    """A ridge reader in service, taught by the films before."""
    features, present = drawn(size, 0, size.before)
    codes = torch.arange(size.before)
    view = View(
        name="before",
        labels=names(size),
        rows=FeatureRows(pool=torch.from_numpy(features)),
        target=torch.from_numpy(present),
        known=torch.ones(present.shape, dtype=torch.bool),
        patients=codes,
        images=codes,
    )
    blank = begin(RECIPE.strategy, Setting(image_dim=size.wide), seed=RECIPE.seed)
    *_, last = learn_one(RECIPE.strategy, blank, view, seed=RECIPE.seed, index=0)
    assert isinstance(last, Learned)
    assert last.learner.readout is not None
    card: EncoderCard = replace(load_encoder("toy-image").card, name="drawn", dim=size.wide)
    bundle = Bundle(readout=last.learner.readout, rules=(), encoders=(card,), single_patients=False)
    write_bundle(folder / "reader", bundle, state=state_of(last.learner, RECIPE, {}))
    begin_history(folder / "reader", None)
    return folder / "reader"


def measured(size: Size) -> Iterator[Cost]:
    """One update by each gate, each of the same reader."""
    for gate in ("new films", "locked set"):
        with tempfile.TemporaryDirectory() as place:
            bundle = reader(size, Path(place))
            new = films(size, size.before, size.films)
            locked = films(size, size.before + size.films, size.locked)
            started = perf_counter()
            with open_history(bundle) as history:
                history.check_serving()
                now = read_bundle(bundle)
                *_, dossier = decide(
                    history,
                    now,
                    restored(now, read_state(bundle)),
                    new,
                    locked=locked if gate == "locked set" else None,
                    protocol=UpdateProtocol(margin=0.3),  # what passes is written too
                )
            seconds = perf_counter() - started
            assert isinstance(dossier, Dossier)
            yield Cost(
                gate=gate,
                outcome=str(dossier.outcome),
                seconds=seconds,
                carried=sum(dossier.kept_bytes.values()),
                state=(bundle / "state.safetensors").stat().st_size,
                peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            )


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__)
    for name, value in asdict(Size()).items():
        words.add_argument(f"--{name}", type=int, default=value)
    words.add_argument("--json", action="store_true")
    given = vars(words.parse_args())
    as_json = given.pop("json")
    torch.set_num_threads(1)
    costs = list(measured(Size(**given)))
    if as_json:
        print(json.dumps({"size": given, "costs": [asdict(cost) for cost in costs]}, indent=1))
        return
    for cost in costs:
        print(
            f"{cost.gate}: {cost.outcome}, {cost.seconds:.1f} s, {cost.carried / 1e6:.1f} MB "
            f"carried, peak {cost.peak / 1e9:.2f} GB"
        )


if __name__ == "__main__":
    main()

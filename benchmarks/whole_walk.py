"""A whole network follows a stream, scoring after every experience; a kill costs one at most.

What is on disk after a pass is what `carina.recipes` leaves of its own, so that both are read alike.
"""

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from carina.core import generator, write_bytes, write_json
from carina.evaluation import Lived
from carina.learning.keeping import of_few_patients
from carina.recipes.passes import Pass, Progress
from carina.streams import Labelled, Stream, view

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.whole_network import (
    Network,
    Norm,
    Tuning,
    answer,
    learn,
    put_norm_back,
    trunk_of,
)

MEASURED = 64  # films on which the outputs of convolutions are measured, for batch norm


def born(
    weights: Path,
    tuning: Tuning,
    *,
    films: np.ndarray,
    learn_from: np.ndarray,
    findings: int,
) -> Network:
    """The network before any experience; the same for the same patients."""
    card, trunk = trunk_of(weights)
    if tuning.norm is Norm.BATCH:
        some = learn_from[:: max(1, len(learn_from) // MEASURED)][:MEASURED]
        put_norm_back(trunk, torch.from_numpy(films[some]))
    return Network(trunk, dim=card.dim, findings=findings)


def walk_whole(
    this: Pass,
    network: Network,
    *,
    stream: Stream,
    labelled: Labelled,
    films: np.ndarray,
    tuning: Tuning,
    seed: int,
    folder: Path,
) -> Iterator[Progress]:
    """Follow the stream from wherever the folder stands.

    Args:
        this: Whose patients are learned from, and whose films are scored.
        network: As it was `born`; trained in place.
        stream: Of the findings of its head.
        labelled: Labels; as features the number of each row's film.
        films: (films, 1, rows, cols), prepared.
        tuning: How it is trained.
        seed: Of orders and moves of films.
        folder: Where the pass is kept.
    """
    experiences = stream.limited_to(this.learn).experiences
    space, of = labelled.space, len(experiences)
    done = max((int(path.stem[5:]) for path in folder.glob("done-*.json")), default=None)
    carried: dict[str, Tensor] = {}
    if done is None:
        nothing = np.full((len(this.score), len(space)), np.nan)
        _keep(folder, 0, nothing, None, network, carried)
        done = 0
    else:
        state = load_file(_standing(folder, done))
        network.load_state_dict(_named(state, "network/"))
        carried = _named(state, "optimiser/")
    for index in range(done, of):
        experience = experiences[index]
        yield Progress(stage=this.name, experience=experience.name, done=index, of=of)
        started = perf_counter()
        seen = view(experience, labelled)
        carried = learn(
            network,
            carried,
            seen,
            films=films,
            space=space,
            tuning=tuning,
            rng=generator(seed, "whole network", "experience", index),
        )
        lived = Lived(
            seconds=perf_counter() - started,
            optimiser_steps=tuning.steps,
            kept_bytes={
                "network": sum(t.nbytes for t in network.state_dict().values()),
                "optimiser": sum(t.nbytes for t in carried.values()),
            },
            fewest_patients=None,
            single_patients=of_few_patients(seen),
            patient_rows=0,
        )
        met = np.array(space.indices(stream.met(index + 1)))
        scores = np.full((len(this.score), len(space)), np.nan)
        scores[:, met] = answer(network, films, this.score)[:, met]
        _keep(folder, index + 1, scores, lived, network, carried)
        _standing(folder, index).unlink(missing_ok=True)
    yield Progress(stage=this.name, experience="", done=of, of=of)


def _standing(folder: Path, step: int) -> Path:
    return folder / f"standing-{step:03}.safetensors"


def _named(tensors: dict[str, Tensor], begin: str) -> dict[str, Tensor]:
    return {n.removeprefix(begin): t for n, t in tensors.items() if n.startswith(begin)}


def _keep(
    folder: Path,
    step: int,
    scores: np.ndarray,
    lived: Lived | None,
    network: Network,
    carried: dict[str, Tensor],
) -> None:
    """Put a step on disk, its marker last."""
    for name, array in (("difference", scores), ("positive", np.full_like(scores, np.nan))):
        data = BytesIO()
        np.save(data, array, allow_pickle=False)
        write_bytes(folder / f"{name}-{step:03}.npy", data.getvalue())
    if lived is not None:
        write_json(folder / f"lived-{step:03}.json", lived)
    tensors = {f"network/{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"optimiser/{name}": tensor for name, tensor in carried.items()}
    standing = save({name: tensor.contiguous() for name, tensor in tensors.items()})
    write_bytes(_standing(folder, step), standing)
    write_json(folder / f"done-{step:03}.json", {"step": step})

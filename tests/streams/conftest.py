"""Label tables drawn from a seed, for every property of this room."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from carina.core import salted
from carina.features import PromptVectors
from carina.streams import Ground, Labelled
from carina.studies import LabelSpace

Draw = Callable[[int], tuple[Labelled, Ground]]


@pytest.fixture(scope="session")
def drawn() -> Draw:
    """From a seed: 12 patients or more with up to 4 films each, every fourth one for validation."""

    def draw(seed: int) -> tuple[Labelled, Ground]:
        rng = np.random.default_rng(seed)
        space = LabelSpace(names=("Atelectasis", "Edema", "Hernia", "Mass")[: rng.integers(2, 5)])
        films = rng.integers(1, 5, size=rng.integers(12, 30))
        codes = np.array([salted(str(patient), f"{seed}") for patient in range(len(films))])
        patient = rng.permutation(np.repeat(np.arange(len(films)), films))
        known = rng.random((len(patient), len(space))) < rng.uniform(0.3, 1)
        target = (rng.random(known.shape) < rng.uniform(0, 0.6)) & known
        prompts = [torch.from_numpy(rng.normal(size=(len(space), 2, 3))) for _ in range(2)]
        labelled = Labelled(
            space=space,
            features=torch.from_numpy(rng.normal(size=(len(patient), 5))).float(),
            target=target,
            known=known,
            patients=codes[patient],
            images=np.array([salted(str(image), "image") for image in range(len(patient))]),
            prompts=PromptVectors(
                space=space,
                positive=prompts[0],
                negative=prompts[1],
                bank="bank",
                encoder="encoder",
            ),
        )
        held = patient % 4 == 0
        ground = labelled.ground(
            rows=np.flatnonzero(~held), validation=np.flatnonzero(held), digest="manifest"
        )
        return labelled, ground

    return draw

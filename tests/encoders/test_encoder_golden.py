"""The guard of `recipe_version`: one drawn image and one sentence give the stored numbers.

Where this fails and the change is meant, raise the family's `recipe_version` and write the
numbers anew: `python tests/encoders/test_encoder_golden.py`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import Float

from carina.encoders import (
    ImageEncoder,
    TextEncoder,
    encode_images,
    encode_texts,
    load_encoder,
    prepare,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "encoders.json"
NAMES = ("efficientnet-lite0", "minilm-l6", "toy-image", "toy-text")
SENTENCE = "Findings: small left pleural effusion; the heart is mildly enlarged. No pneumothorax."


def drawn() -> Float[np.ndarray, "rows cols"]:
    """Two dark ellipses in a bright one on a dark ground, with fine stripes over one."""
    rows, cols = np.mgrid[-1:1:300j, -1:1:260j]
    image: np.ndarray = 0.1 + 0.6 * ((rows / 0.95) ** 2 + (cols / 0.85) ** 2 < 1)
    for side in (-0.4, 0.4):
        image -= 0.4 * (((rows + 0.1) / 0.6) ** 2 + ((cols - side) / 0.3) ** 2 < 1)
    image += 0.05 * np.sin(40 * rows) * (cols > 0) + 0.1 * rows
    return image.clip(0.0, 1.0)


def measured(name: str) -> dict[str, Any]:
    encoder = load_encoder(name)
    card = encoder.card
    if card.preprocess is None:
        assert isinstance(encoder, TextEncoder)
        pooled, tokens = encode_texts(encoder, [SENTENCE]), None
    else:
        assert isinstance(encoder, ImageEncoder)
        prepared = prepare(drawn(), card.preprocess)
        (found,) = encode_images(encoder, [prepared], tokens=True)
        pooled, tokens = found.pooled, found.tokens
    return {
        "recipe_version": card.recipe_version,
        "weights": card.weights,
        "deviation": float(pooled.std()),
        "pooled": pooled[0, :: max(1, card.dim // 64)].tolist(),
        "tokens": None if tokens is None else tokens[0].mean(dim=1)[:16].tolist(),
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_are_those_of_this_recipe_version(name: str) -> None:
    golden = json.loads(GOLDEN.read_text())["encoders"][name]
    now = measured(name)
    atol = 1e-4 * golden["deviation"]

    assert now["recipe_version"] == golden["recipe_version"]
    assert now["weights"] == golden["weights"]
    for output in ("pooled", "tokens"):
        if golden[output] is not None:
            torch.testing.assert_close(
                torch.tensor(now[output]), torch.tensor(golden[output]), atol=atol, rtol=0.0
            )


if __name__ == "__main__":
    made_by = "python tests/encoders/test_encoder_golden.py"
    whole = {"made_by": made_by, "encoders": {name: measured(name) for name in NAMES}}
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(whole, indent=1) + "\n")

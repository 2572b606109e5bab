"""The adaptors the authors of RE-tune published, against what their own code computes."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from carina.adaptors import Linear, Mlp, PromptReadout, Sharing, Sides

NAMES = (
    "joint-dense-double",
    "joint-mlp-double",
    "joint-mlp-shared",
    "label-incremental-mlp-double",
)


def published(folder: Path, name: str) -> tuple[PromptReadout, dict[str, torch.Tensor]]:
    """A published pair over the golden prompts, and the golden numbers."""
    golden = load_file(folder / f"{name}.golden.safetensors")
    weights = load_file(folder / f"{name}.safetensors")
    sharing = Sharing.SHARED if "shared" in name else Sharing.DOUBLE
    if sharing is Sharing.SHARED:
        weights = {key: value for key, value in weights.items() if key.startswith("image.")}
    sides = Sides(adaptor=Linear() if "dense" in name else Mlp(), sharing=sharing)
    blank = sides.build(image_dim=128, text_dim=128, generator=torch.Generator())
    readout = PromptReadout(
        labels=("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion"),
        positive=golden["positive_prompts"],
        negative=golden["negative_prompts"],
        adaptors=blank.loaded(weights),
    )
    return readout, golden


@pytest.mark.parametrize("name", NAMES)
def test_a_published_adaptor_gives_its_authors_numbers(shared: Path, name: str) -> None:
    readout, golden = published(shared / "reference" / "authors-adaptors", name)
    features = golden["image_features"]
    with torch.no_grad():
        adapted, answer = readout.adaptors.image(features), readout(features)

    assert answer.positive is not None
    torch.testing.assert_close(adapted, golden["adapted_image"], atol=1e-5, rtol=0)
    torch.testing.assert_close(answer.difference, golden["logits"], atol=1e-5, rtol=0)
    torch.testing.assert_close(
        2 * answer.positive - 1, golden["positive_cosine"], atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        golden["positive_cosine"] - answer.difference,
        golden["negative_cosine"],
        atol=1e-5,
        rtol=0,
    )

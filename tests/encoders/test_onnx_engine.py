"""onnxruntime in torch's place: the same features but for rounding, another encoder to a store."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import nn

from carina.core import InvalidValue, Mismatch
from carina.encoders import (
    EncoderCard,
    FrozenImages,
    ImageEncoder,
    check_when_loaded,
    encode_images,
    load_encoder,
    load_image_encoder,
    prepare,
)
from carina.encoders.onnx_engine import by_onnxruntime
from carina.phantoms import FINDINGS, draw

for package in ("onnx", "onnxruntime", "onnxscript"):
    pytest.importorskip(package, reason="the packages of carina[onnx] are not here")


@pytest.fixture(scope="module")
def engine() -> ImageEncoder:
    return load_image_encoder("efficientnet-lite0", engine="onnx")


def drawn(card: EncoderCard, patients: range) -> list[np.ndarray]:
    """Phantoms as the encoder takes them."""
    assert card.preprocess is not None
    return [prepare(draw(6, patient, size=224).pixels, card.preprocess) for patient in patients]


def test_every_output_is_torchs_but_for_rounding(
    engine: ImageEncoder, efficientnet: ImageEncoder
) -> None:
    images = torch.from_numpy(np.stack(drawn(engine.card, range(3))))
    wanted = efficientnet.encode(images, tokens=True, stages=True)

    found = engine.encode(images, tokens=True, stages=True)

    assert found.tokens is not None
    assert wanted.tokens is not None
    assert len(found.stages or ()) == len(efficientnet.card.stages) == 5
    for came, want in (
        (found.pooled, wanted.pooled),
        (found.tokens, wanted.tokens),
        *zip(found.stages or (), wanted.stages or (), strict=True),
    ):
        assert came.shape == want.shape
        assert float((came - want).abs().max()) < 1e-3 * float(want.std())
        assert torch.cosine_similarity(came.flatten(1), want.flatten(1)).min() > 0.9999
    pooled = engine.encode(images)
    assert pooled.tokens is None
    assert pooled.stages is None


def test_it_is_another_encoder_and_its_numbers_were_held_against_the_golden(
    engine: ImageEncoder, efficientnet: ImageEncoder
) -> None:
    check = check_when_loaded(engine)

    assert engine.card == replace(efficientnet.card, engine="onnx")
    assert engine.card.fingerprint != efficientnet.card.fingerprint
    assert check is not None
    assert check.status == "passed"


def test_a_finding_is_told_as_well_from_its_features(
    engine: ImageEncoder, efficientnet: ImageEncoder
) -> None:
    finding, patients = FINDINGS[0], range(120)
    present = np.array([draw(6, patient, size=64).findings[finding] for patient in patients])
    aurocs = []
    for encoder in (efficientnet, engine):
        films = drawn(encoder.card, patients)
        features = torch.cat([each.pooled for each in encode_images(encoder, films)]).numpy()
        head = LogisticRegression(C=0.01, max_iter=2000).fit(features[:60], present[:60])
        aurocs.append(roc_auc_score(present[60:], head.decision_function(features[60:])))

    assert aurocs[0] > 0.6
    assert aurocs[1] == pytest.approx(aurocs[0], abs=1e-3)


def test_a_pyramid_of_it_has_its_features_too() -> None:
    torch_s, onnx_s = (
        load_image_encoder("pyramid:efficientnet-lite0", engine=each) for each in ("torch", "onnx")
    )
    images = torch.from_numpy(np.stack(drawn(torch_s.card, range(2))))

    found, wanted = onnx_s.encode(images).pooled, torch_s.encode(images).pooled

    assert torch.cosine_similarity(found, wanted).min() > 0.9999


class _Off(nn.Module):
    """Gives other numbers while it is exported."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Float[torch.Tensor, "items channels rows cols"]) -> object:
        found = self.module(images)
        return replace(found, pooled=found.pooled + 1e-2 * float(torch.compiler.is_exporting()))


def test_other_numbers_than_torchs_are_refused() -> None:
    toy = load_image_encoder("toy-image")
    assert isinstance(toy, FrozenImages)
    with pytest.raises(Mismatch, match="onnxruntime gives other numbers for toy-image"):
        by_onnxruntime(replace(toy, module=_Off(toy.module)))


def test_what_onnxruntime_does_not_run_is_told_with_a_way_out(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.ones((2, 2), dtype=np.float32))
    with pytest.raises(InvalidValue, match=r"toy-text reads texts\. Use engine torch"):
        load_encoder("toy-text", engine="onnx")
    with pytest.raises(InvalidValue, match="toy-image computes in bfloat16"):
        load_encoder("toy-image", dtype="bfloat16", engine="onnx")
    with pytest.raises(InvalidValue, match="embeddings:mine comes from a file of features"):
        load_encoder("embeddings:mine", weights=tmp_path / "f.npy", engine="onnx")
    with pytest.raises(InvalidValue, match=r"No engine 'onx'. Did you mean 'onnx'\? Known: torch"):
        load_encoder("toy-image", engine="onx")
    with pytest.raises(InvalidValue, match="on the CPU alone"):
        load_image_encoder("toy-image", engine="onnx").to(torch.device("meta"))

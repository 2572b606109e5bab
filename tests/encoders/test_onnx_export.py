"""An encoder as one ONNX file gives torch's numbers, says who it is, and nothing of the machine."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from carina.core import InvalidValue, Mismatch, MissingFile, load
from carina.encoders import (
    EncoderCard,
    FrozenImages,
    ImageEncoder,
    OnnxParity,
    export_onnx,
    load_image_encoder,
)

onnx = pytest.importorskip("onnx", reason="the packages of carina[onnx] are not here")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

Carina = Callable[..., tuple[int, str, str]]
Exported = tuple[Path, OnnxParity]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, efficientnet: ImageEncoder) -> Exported:
    path = tmp_path_factory.mktemp("onnx") / "lite.onnx"
    return path, export_onnx(efficientnet, path)


def test_onnxruntime_gives_torchs_numbers_for_any_number_of_images(
    exported: Exported, efficientnet: ImageEncoder
) -> None:
    path, parity = exported
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images = torch.randn(5, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    wanted = efficientnet.encode(images, tokens=True)

    pooled, tokens = session.run(["pooled", "tokens"], {"images": images.numpy()})

    assert wanted.tokens is not None
    for came, want in ((pooled, wanted.pooled.numpy()), (tokens, wanted.tokens.numpy())):
        assert np.abs(came - want).max() < 1e-3 * want.std()
    assert parity.outputs == ("pooled", "tokens")
    assert parity.difference < 1e-3
    assert parity.cosine > 0.999999


def test_the_file_holds_the_card_and_no_place_on_this_machine(
    exported: Exported, efficientnet: ImageEncoder
) -> None:
    path, _ = exported
    (prop,) = onnx.load(path).metadata_props
    data = path.read_bytes()

    assert prop.key == "carina.card"
    assert load(json.loads(prop.value), EncoderCard) == efficientnet.card
    places = (Path.home(), Path(__file__).parents[2], path.parent, Path(torch.__file__).parent)
    assert not [str(place) for place in places if str(place).encode() in data]
    assert b"site-packages" not in data


class _Unlike(nn.Module):
    """Gives other numbers while it is exported."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: torch.Tensor) -> Any:
        found = self.module(images)
        return replace(found, pooled=found.pooled + float(torch.compiler.is_exporting()))


def test_other_numbers_are_told_and_nothing_is_written(tmp_path: Path) -> None:
    toy = load_image_encoder("toy-image")
    assert isinstance(toy, FrozenImages)
    unlike = replace(toy, module=_Unlike(toy.module))

    with pytest.raises(Mismatch, match="onnxruntime gives other numbers for toy-image"):
        export_onnx(unlike, tmp_path / "toy.onnx")
    assert not list(tmp_path.iterdir())


class _Fixed(nn.Module):
    """Takes the number of images it was exported with for the number there always is."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: torch.Tensor) -> Any:
        found = self.module(images)
        return replace(found, pooled=found.pooled + torch.zeros(len(images), 1))


class _Odd(_Fixed):
    """Looks at a number, which no exported graph can."""

    def forward(self, images: torch.Tensor) -> Any:
        found = self.module(images)
        return found if float(images.mean()) > 0 else replace(found, pooled=-found.pooled)


@pytest.mark.parametrize(
    ("module", "told"), [(_Fixed, "for any number of images"), (_Odd, "by torch .*Error")]
)
def test_a_module_that_makes_no_graph_for_all_images_is_told(
    module: type[_Fixed], told: str, tmp_path: Path
) -> None:
    toy = load_image_encoder("toy-image")
    assert isinstance(toy, FrozenImages)

    with pytest.raises(InvalidValue, match=f"toy-image cannot be written as ONNX {told}"):
        export_onnx(replace(toy, module=module(toy.module)), tmp_path / "toy.onnx")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_refused_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "toy.onnx"
    there.write_bytes(b"kept")
    toy = load_image_encoder("toy-image")
    with pytest.raises(InvalidValue, match=r"toy\.onnx is there already"):
        export_onnx(toy, there)
    with pytest.raises(InvalidValue, match="computes in bfloat16"):
        export_onnx(load_image_encoder("toy-image", dtype="bfloat16"), tmp_path / "new.onnx")
    np.save(tmp_path / "f.npy", np.ones((2, 2), dtype=np.float32))
    given = load_image_encoder("embeddings:mine", weights=tmp_path / "f.npy")
    with pytest.raises(InvalidValue, match="wanted an encoder that runs in torch"):
        export_onnx(given, tmp_path / "new.onnx")
    monkeypatch.setattr("carina.encoders.onnx_model.find_spec", lambda _: None)
    with pytest.raises(MissingFile, match=r"pip install 'carina\[onnx\]'"):
        export_onnx(toy, tmp_path / "new.onnx")
    assert there.read_bytes() == b"kept"


def test_the_command_line_writes_one_and_tells_how_near_it_is(
    tmp_path: Path, carina: Carina
) -> None:
    status, out, said = carina("encoders", "toy-image", "--onnx", tmp_path / "toy.onnx", "--json")

    assert status == 0, said
    assert "standard deviations of torch" in said
    assert json.loads(out)["card"]["weights"]
    assert (tmp_path / "toy.onnx").is_file()


def test_the_command_line_tells_all_of_one_encoder(carina: Carina) -> None:
    status, out, _ = carina("encoders", "mobilenet-cxr14")
    assert status == 0
    assert "mobilenet_training_may_include" in out
    assert "stride 32, width 96" in out

    status, _, said = carina("encoders", "mobilnet-cxr14")
    assert status == 2
    assert "mobilenet-cxr14" in said

    status, _, said = carina("encoders", "--onnx", "x.onnx")
    assert status == 2
    assert "Name the encoder" in said

"""Encoders of other packages against those packages' own code, with drawn weights.

``make extras`` builds an environment of its own for it (newest torch and torchvision, about 6 GB)
and runs this. Each upstream model gets weights drawn by the names of its tensors, is saved as
upstream saves, loaded by carina, and both encode the same prepared input. Reported: the largest
difference in units of the upstream output's standard deviation, and the smallest cosine.
"""

import argparse
import json
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from carina.encoders import load_encoder, load_image_encoder, load_text_encoder, prepare

TOLERANCE = 1e-4
TEXTS = ("Small left pleural effusion.", "No acute cardiopulmonary abnormality.", "Cardiomegaly")
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] small left pleural effusion no acute ##ity cardiomegaly . a"


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One output of one encoder, carina's and upstream's.

    Attributes:
        encoder: carina's name.
        output: "pooled", "tokens" or "prepared".
        upstream: Package and version.
        difference: Largest difference by the standard deviation of upstream's output.
        cosine: Smallest cosine of two rows.
    """

    encoder: str
    output: str
    upstream: str
    difference: float
    cosine: float


def drawn(module: nn.Module) -> dict[str, Tensor]:
    """Weights by name: the same for whoever knows the names; put into the module as well."""
    tensors = {}
    for name, value in module.state_dict().items():
        if not value.is_floating_point():
            tensors[name] = value
            continue
        random = np.random.default_rng(zlib.crc32(name.encode()))
        shape = tuple(value.shape)
        if name.endswith("running_var"):
            values = 0.5 + random.random(shape)
        elif name.endswith(("running_mean", "bias")):
            values = 0.1 * random.standard_normal(shape)
        elif len(shape) <= 1:
            values = 1 + 0.1 * random.standard_normal(shape)
        else:
            values = random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        tensors[name] = torch.from_numpy(np.asarray(values, dtype=np.float32))
    module.load_state_dict(tensors)
    module.eval()
    return tensors


def compared(encoder: str, output: str, package: str, ours: Any, theirs: Any) -> Compared:
    """How far two arrays of one shape are apart."""
    one, other = (
        torch.as_tensor(np.asarray(a, dtype=np.float64)).flatten(1) for a in (ours, theirs)
    )
    if one.shape != other.shape:
        raise AssertionError(f"{encoder} {output}: {tuple(one.shape)} and {tuple(other.shape)}")
    return Compared(
        encoder=encoder,
        output=output,
        upstream=f"{package} {version(package)}",
        difference=float((one - other).abs().max() / other.std()),
        cosine=float(nn.functional.cosine_similarity(one, other).min()),
    )


def images(size: int, channels: int = 3) -> Tensor:
    """Two prepared images."""
    return torch.from_numpy(
        np.random.default_rng(7).standard_normal((2, channels, size, size)).astype(np.float32)
    )


def film() -> np.ndarray:
    """A smooth picture with a bright block, in [0, 1]."""
    rows, cols = np.mgrid[0:300, 0:260]
    picture = 0.5 + 0.3 * np.sin(rows / 23) * np.cos(cols / 31)
    picture[90:150, 60:120] = 0.9
    made: np.ndarray = np.round(picture * 255).astype(np.uint8)
    return made


@torch.no_grad()
def timm_models(folder: Path) -> Iterator[Compared]:
    """A convolutional net, a vision transformer and a hierarchical one."""
    import timm

    for name in ("resnet18", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"):
        upstream = timm.create_model(name, pretrained=False)
        torch.save(drawn(upstream), folder / "model.pth")
        encoder = load_image_encoder(f"timm:{name}", weights=folder / "model.pth")
        batch = images(224)
        found = encoder.encode(batch, tokens=True)
        features = upstream.forward_features(batch)
        pooled = upstream.forward_head(features, pre_logits=True)
        yield compared(encoder.card.name, "pooled", "timm", found.pooled, pooled)
        transform = timm.data.create_transform(**timm.data.resolve_model_data_config(upstream))
        yield _prepared(encoder, "timm", transform)


@torch.no_grad()
def open_clip_models(folder: Path) -> Iterator[Compared]:
    """OpenAI's form and BiomedCLIP's."""
    import open_clip

    name = "ViT-B-32-quickgelu"
    upstream = open_clip.create_model(name, load_weights=False)
    torch.save(drawn(upstream), folder / "clip.pt")
    image = load_image_encoder(f"open-clip-image:{name}", weights=folder / "clip.pt")
    batch = images(224)
    found = image.encode(batch, tokens=True)
    package = "open_clip_torch"
    yield compared(image.card.name, "pooled", package, found.pooled, upstream.encode_image(batch))
    recipe = open_clip.transform.PreprocessCfg(**upstream.visual.preprocess_cfg)
    transform = open_clip.transform.image_transform_v2(recipe, is_train=False)
    yield _prepared(image, package, transform)
    text = load_text_encoder(f"open-clip-text:{name}", weights=folder / "clip.pt")
    if text.card.space != image.card.space:
        raise AssertionError("two towers of one file share a space")
    theirs = upstream.encode_text(open_clip.get_tokenizer(name)(list(TEXTS)))
    yield compared(text.card.name, "pooled", package, text.encode(TEXTS).pooled, theirs)


@torch.no_grad()
def biomedclip(folder: Path) -> Iterator[Compared]:
    """BiomedCLIP's layers, built by upstream from the same settings."""
    from open_clip.model import CustomTextCLIP
    from transformers import BertConfig

    settings = {
        "embed_dim": 512,
        "vision_cfg": {
            "timm_model_name": "vit_base_patch16_224",
            "timm_model_pretrained": False,
            "timm_pool": "",
            "timm_proj": "linear",
            "image_size": 224,
        },
        "text_cfg": {
            "hf_model_name": "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract",
            "hf_proj_type": "mlp",
            "hf_pooler_type": "cls_last_hidden_state_pooler",
            "context_length": 256,
        },
    }
    bert = folder / "bert"
    BertConfig().save_pretrained(bert)
    text_cfg = settings["text_cfg"] | {"hf_model_name": str(bert), "hf_model_pretrained": False}  # type: ignore[operator]
    upstream = CustomTextCLIP(512, settings["vision_cfg"], text_cfg)
    torch.save(drawn(upstream), folder / "open_clip_pytorch_model.bin")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": settings}))
    _vocabulary(folder)
    image = load_image_encoder("biomedclip-image", weights=folder)
    batch = images(224)
    package = "open_clip_torch"
    yield compared(
        image.card.name, "pooled", package, image.encode(batch).pooled, upstream.encode_image(batch)
    )
    text = load_text_encoder("biomedclip-text", weights=folder)
    rows = torch.zeros((len(TEXTS), 256), dtype=torch.int64)
    for row, said in zip(rows, TEXTS, strict=True):
        numbers = torch.tensor(text.tokenise(said))  # type: ignore[attr-defined]
        row[: len(numbers)] = numbers
    yield compared(
        text.card.name, "pooled", package, text.encode(TEXTS).pooled, upstream.encode_text(rows)
    )


@torch.no_grad()
def xrv_models(folder: Path) -> Iterator[Compared]:
    """The DenseNet all of torchxrayvision's classifiers are."""
    import torchxrayvision as xrv

    upstream = xrv.models.DenseNet(weights=None)
    torch.save(drawn(upstream), folder / "xrv.pt")
    name = "xrv:densenet121-res224-all"
    encoder = load_image_encoder(name, weights=folder / "xrv.pt")
    batch = images(224, channels=1) * 400
    pooled = upstream.features2(batch)
    yield compared(name, "pooled", "torchxrayvision", encoder.encode(batch).pooled, pooled)
    resized = xrv.datasets.XRayResizer(224)(
        xrv.datasets.XRayCenterCrop()(xrv.datasets.normalize(film(), 255)[None])
    )
    spec = encoder.card.preprocess
    assert spec is not None
    ours = prepare(film() / np.float32(255), spec)
    yield compared(name, "prepared", "torchxrayvision", ours, resized)


@torch.no_grad()
def golden_families(folder: Path) -> Iterator[Compared]:
    """The families that are part of carina, against the packages they are known from."""
    import open_clip
    import torchxrayvision as xrv

    clip = open_clip.create_model("ViT-B-32-quickgelu", load_weights=False)
    torch.save(drawn(clip), folder / "clip.pt")
    batch = images(224)
    chexzero = load_image_encoder("chexzero-image", weights=folder / "clip.pt")
    found = chexzero.encode(batch).pooled
    yield compared("chexzero-image", "pooled", "open_clip_torch", found, clip.encode_image(batch))
    coder = xrv.autoencoders.ResNetAE()
    torch.save(drawn(coder), folder / "ae.pt")
    encoder = load_image_encoder("resnet-ae", weights=folder / "ae.pt")
    grey = images(224, channels=1) * 400
    theirs = coder.encode(grey)
    yield compared(
        "resnet-ae", "pooled", "torchxrayvision", encoder.encode(grey).pooled, theirs.mean((2, 3))
    )
    from health_multimodal.image.model.model import ImageModel

    for name, kind, size in (
        ("biovil-image", "resnet50", 480),
        ("biovil-t-image", "resnet50_multi_image", 448),
    ):
        upstream = ImageModel(img_encoder_type=kind, joint_feature_size=128)
        torch.save(drawn(upstream), folder / "biovil.pt")
        mine = load_encoder(name, weights=folder / "biovil.pt")
        batch = images(size).abs().clamp(max=1)
        pooled = mine.encode(batch).pooled  # type: ignore[arg-type]
        theirs = upstream(batch).projected_global_embedding
        yield compared(name, "pooled", "hi-ml-multimodal", pooled, theirs)


def _prepared(encoder: Any, package: str, transform: Any) -> Compared:
    from PIL import Image

    theirs = transform(Image.fromarray(film()).convert("RGB"))
    ours = prepare(film() / np.float32(255), encoder.card.preprocess)
    return compared(encoder.card.name, "prepared", package, ours, theirs)


def _vocabulary(folder: Path) -> None:
    words = WORDS.split()
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")


SUITES: tuple[Callable[[Path], Iterator[Compared]], ...] = (
    timm_models,
    open_clip_models,
    biomedclip,
    xrv_models,
    golden_families,
)


def main() -> None:
    """Compare all, print a table, exit 1 where an encoder's numbers are not upstream's."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--json", action="store_true", help="print the table for machines")
    given = asked.parse_args()
    found = []
    for suite in SUITES:
        with tempfile.TemporaryDirectory() as folder:
            found += list(suite(Path(folder)))
    if given.json:
        print(json.dumps([asdict(one) for one in found], indent=1))
    else:
        for one in found:
            print(
                f"{one.encoder:40} {one.output:9} {one.upstream:24} {one.difference:9.1e} "
                f"{one.cosine:.7f}"
            )
    outputs = [one for one in found if one.output != "prepared"]
    sys.exit(any(one.difference > TOLERANCE for one in outputs))


if __name__ == "__main__":
    main()

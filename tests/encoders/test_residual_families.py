"""BioViL, BioViL-T and ResNet-AE: one residual trunk under three checkpoints' names."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from carina.core import Mismatch, digest_bytes
from carina.encoders import FrozenImages, load_image_encoder
from carina.encoders.resnet import ResNet
from carina.testing import ImageEncoderContract

Shapes = dict[str, tuple[int, ...]]

NORM = ("weight", "bias", "running_mean", "running_var")


def norm(name: str, width: int) -> Shapes:
    return {f"{name}.{part}": (width,) for part in NORM} | {f"{name}.num_batches_tracked": ()}


def trunk(prefix: str, inputs: int, blocks: tuple[int, ...], widths: tuple[int, ...]) -> Shapes:
    """Names and shapes as torchvision gives them."""
    names: Shapes = {"conv1.weight": (64, inputs, 7, 7)} | norm("bn1", 64)
    before = 64
    for row, (count, width) in enumerate(zip(blocks, widths, strict=True), start=1):
        for block in range(count):
            at = f"layer{row}.{block}"
            shapes = ((width, before, 1, 1), (width, width, 3, 3), (4 * width, width, 1, 1))
            for number, shape in enumerate(shapes, start=1):
                names |= {f"{at}.conv{number}.weight": shape}
                names |= norm(f"{at}.bn{number}", shape[0])
            if block == 0:
                names |= {f"{at}.downsample.0.weight": (4 * width, before, 1, 1)}
                names |= norm(f"{at}.downsample.1", 4 * width)
            before = 4 * width
    return {f"{prefix}{name}": shape for name, shape in names.items()}


def projector(inputs: int) -> Shapes:
    names: Shapes = {"model.0.weight": (128, inputs, 1, 1)} | norm("model.1", 128)
    names |= {"model.3.weight": (128, 128, 1, 1), "model.3.bias": (128,)}
    return {f"projector.{name}": shape for name, shape in names.items()}


def biovil() -> Shapes:
    classifier: Shapes = {
        "encoder.encoder.fc.weight": (1000, 2048),
        "encoder.encoder.fc.bias": (1000,),
    }
    whole = trunk("encoder.encoder.", 3, (3, 4, 6, 3), (64, 128, 256, 512))
    return whole | classifier | projector(2048)


def biovil_t() -> Shapes:
    pooler: Shapes = {
        "type_embed": (2, 1, 256),
        "norm_post.weight": (256,),
        "norm_post.bias": (256,),
    }
    for block in range(3):
        parts: Shapes = {f"norm{n}.{p}": (256,) for n in (1, 2) for p in ("weight", "bias")}
        parts |= {f"attn.proj{end}.weight": (256, 256) for end in ("_q", "_k", "_v", "")}
        parts |= {f"mlp.fc{n}.weight": (256, 256) for n in (1, 2)}
        parts |= dict.fromkeys(("attn.proj.bias", "mlp.fc1.bias", "mlp.fc2.bias"), (256,))
        pooler |= {f"blocks.{block}.{name}": shape for name, shape in parts.items()}
    whole = {name: shape for name, shape in biovil().items() if name.startswith("encoder.")}
    whole |= {f"encoder.vit_pooler.{name}": shape for name, shape in pooler.items()}
    whole |= {
        "encoder.missing_previous_emb": (1, 256, 1, 1),
        "encoder.backbone_to_vit.weight": (256, 2048, 1, 1),
    }
    return whole | projector(512)


def resnet_ae() -> Shapes:
    """The shapes of the half that draws are nobody's matter."""
    drawing: Shapes = {"conv1_1.weight": (1,)}
    rows = {f"uplayer{row}": count for row, count in enumerate((2, 23, 4, 3), start=1)}
    places = [(f"{row}.{b}", b == count - 1) for row, count in rows.items() for b in range(count)]
    for at, last in [*places, ("uplayer_top", True)]:
        for number in (1, 2, 3):
            drawing |= {f"{at}.conv{number}.weight": (1,)} | norm(f"{at}.bn{number}", 1)
        if last:
            drawing |= {f"{at}.upsample.0.weight": (1,)} | norm(f"{at}.upsample.1", 1)
    return trunk("", 1, (3, 4, 23, 2), (64, 128, 256, 128)) | drawing


NAMES: dict[str, Callable[[], Shapes]] = {
    "biovil-image": biovil,
    "biovil-t-image": biovil_t,
    "resnet-ae": resnet_ae,
}


def drawn(shapes: Shapes) -> dict[str, Tensor]:
    """Weights that neither vanish nor grow on their way."""
    draw = torch.Generator().manual_seed(7)

    def one(name: str, shape: tuple[int, ...]) -> Tensor:
        if name.endswith("num_batches_tracked"):
            return torch.tensor(0)
        if name.endswith(("running_mean", "bias")):
            return 0.1 * torch.randn(shape, generator=draw)
        if len(shape) < 2:
            return 0.5 + torch.rand(shape, generator=draw)
        spread: float = max(1, torch.Size(shape[1:]).numel()) ** 0.5
        return torch.randn(shape, generator=draw) / spread

    return {name: one(name, shape) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("residual")
    for name, shapes in NAMES.items():
        torch.save(drawn(shapes()), folder / f"{name}.pt")
    return {name: folder / f"{name}.pt" for name in NAMES}


@pytest.fixture(scope="module")
def encoders(files: dict[str, Path]) -> dict[str, FrozenImages]:
    """Each family, for small films: the contract is about the code, and seconds matter."""

    def small(name: str) -> FrozenImages:
        encoder = load_image_encoder(name, weights=files[name])
        assert isinstance(encoder, FrozenImages)
        spec = encoder.card.preprocess
        assert spec is not None
        grid = (1, 1) if name == "resnet-ae" else (2, 2)
        card = replace(encoder.card, preprocess=replace(spec, size=64, resize=0), grid=grid)
        return replace(encoder, card=card)

    return {name: small(name) for name in NAMES}


class TestBioViL(ImageEncoderContract):
    @pytest.fixture
    def encoder(self, encoders: dict[str, FrozenImages]) -> FrozenImages:
        return encoders["biovil-image"]


class TestBioViLT(ImageEncoderContract):
    @pytest.fixture
    def encoder(self, encoders: dict[str, FrozenImages]) -> FrozenImages:
        return encoders["biovil-t-image"]


class TestResNetAE(ImageEncoderContract):
    @pytest.fixture
    def encoder(self, encoders: dict[str, FrozenImages]) -> FrozenImages:
        return encoders["resnet-ae"]


@pytest.mark.parametrize(
    ("name", "count", "digest"),
    [
        ("biovil-image", 328, "9a6e2c348591de98032d"),
        ("biovil-t-image", 372, "d08e7198735fc9955470"),
        ("resnet-ae", 1231, "5f65ff36d9083dbf0e3b"),
    ],
)
def test_a_file_under_upstreams_names_loads(
    name: str, count: int, digest: str, encoders: dict[str, FrozenImages]
) -> None:
    """The names the fixture writes are upstream's, every one: their digest is on record."""
    names = sorted(NAMES[name]())

    assert len(names) == count
    assert digest_bytes("\n".join(names).encode()).startswith(digest)
    assert encoders[name].card.weights


@pytest.mark.parametrize("name", NAMES)
def test_tokens_average_to_pooled_and_stages_are_those_of_the_card(
    name: str, encoders: dict[str, FrozenImages]
) -> None:
    encoder = encoders[name]
    spec = encoder.card.preprocess
    assert spec is not None
    films = torch.rand(2, spec.channels, 64, 64, generator=torch.Generator().manual_seed(1))

    found = encoder.encode(films, tokens=True, stages=True)

    assert found.tokens is not None
    assert found.stages is not None
    torch.testing.assert_close(found.pooled, found.tokens.mean(dim=1))
    assert [tuple(each.shape) for each in found.stages] == [
        (2, stage.width, 64 // stage.stride, 64 // stage.stride) for stage in encoder.card.stages
    ]


@pytest.mark.parametrize("name", NAMES)
def test_its_grid_is_what_its_recipe_gives(name: str, files: dict[str, Path]) -> None:
    encoder = load_image_encoder(name, weights=files[name])
    spec = encoder.card.preprocess
    assert spec is not None
    rows, cols = encoder.card.grid

    found = encoder.encode(torch.zeros(1, spec.channels, spec.size, spec.size), tokens=True)

    assert found.tokens is not None
    assert found.tokens.shape[1] == rows * cols


def test_the_trunk_is_the_resnet_of_transformers() -> None:
    from transformers import ResNetConfig, ResNetModel

    widths, blocks = (4, 8, 16, 8), (2, 1, 2, 1)
    config = ResNetConfig(
        embedding_size=64, hidden_sizes=[4 * width for width in widths], depths=list(blocks)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        theirs = ResNetModel(config).eval()
        ours = ResNet(inputs=3, blocks=blocks, widths=widths).eval()
        films = torch.rand(2, 3, 64, 96)
    given = drawn({name: tuple(value.shape) for name, value in theirs.state_dict().items()})
    theirs.load_state_dict(given)

    def places() -> Iterator[tuple[str, str]]:
        yield "embedder.embedder", "{}1"
        for row, count in enumerate(blocks):
            for block in range(count):
                place, here = f"encoder.stages.{row}.layers.{block}", f"layer{row + 1}.{block}"
                yield from ((f"{place}.layer.{n}", f"{here}.{{}}{n + 1}") for n in range(3))
                if block == 0:
                    yield f"{place}.shortcut", f"{here}.downsample.{{}}"

    renamed = {}
    for place, here in places():
        down = here.endswith("downsample.{}")
        renamed[f"{here.format('0' if down else 'conv')}.weight"] = given[
            f"{place}.convolution.weight"
        ]
        for part in (*NORM, "num_batches_tracked"):
            key = f"{here.format('1' if down else 'bn')}.{part}"
            renamed[key] = given[f"{place}.normalization.{part}"]
    ours.load_state_dict(renamed)

    with torch.no_grad():
        expected = theirs(films, output_hidden_states=True).hidden_states[1:]
        found = ours(films)
    for ours_now, theirs_now in zip(found, expected, strict=True):
        torch.testing.assert_close(ours_now, theirs_now, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cut", [True, False])
def test_a_block_that_gives_nothing_above_zero_adds_nothing_only_where_it_is_cut(
    cut: bool,
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        long = ResNet(inputs=1, blocks=(2, 1, 1, 1), widths=(4, 4, 4, 4), cut=cut).eval()
        short = ResNet(inputs=1, blocks=(1, 1, 1, 1), widths=(4, 4, 4, 4), cut=cut).eval()
        film = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        long.get_parameter("layer1.1.bn3.bias").fill_(-1e6)
        short.load_state_dict(
            {name: t for name, t in long.state_dict().items() if "layer1.1." not in name}
        )
        assert torch.equal(long(film)[0], short(film)[0]) == cut


def changed(file: Path, into: Path, name: str) -> Path:
    tensors: dict[str, Tensor] = torch.load(file, weights_only=True)
    tensors[name] = tensors[name] + 1
    torch.save(tensors, into / "changed.pt")
    return into / "changed.pt"


def test_without_a_prior_film_what_compares_with_one_takes_no_part(
    files: dict[str, Path], encoders: dict[str, FrozenImages], tmp_path: Path
) -> None:
    file, card = files["biovil-t-image"], encoders["biovil-t-image"].card
    compares = changed(file, tmp_path, "encoder.vit_pooler.type_embed")
    assert load_image_encoder("biovil-t-image", weights=compares).card.weights == card.weights

    stands_in = changed(file, tmp_path, "encoder.missing_previous_emb")
    other = load_image_encoder("biovil-t-image", weights=stands_in)
    assert isinstance(other, FrozenImages)
    other = replace(other, card=replace(other.card, preprocess=card.preprocess))
    film = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    assert other.card.weights != card.weights
    assert not torch.equal(
        other.encode(film).pooled, encoders["biovil-t-image"].encode(film).pooled
    )


AMONG_THOSE_NOT_USED = {
    "biovil-image": "encoder.encoder.fc.bias",
    "biovil-t-image": "encoder.vit_pooler.blocks.1.mlp.fc2.bias",
    "resnet-ae": "uplayer2.22.upsample.1.running_var",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize("fault", ["renamed", "missing", "superfluous"])
def test_a_wrong_name_is_told_whether_the_encoder_uses_it_or_not(
    name: str, used: bool, fault: str, tmp_path: Path
) -> None:
    # one number each, spread out: a file of a few kilobytes
    tensors = {key: torch.zeros(()).expand(shape) for key, shape in NAMES[name]().items()}
    prefix = "" if name == "resnet-ae" else "encoder.encoder."
    chosen = f"{prefix}layer3.1.bn2.bias" if used else AMONG_THOSE_NOT_USED[name]
    held = tensors[chosen]
    if fault != "superfluous":
        del tensors[chosen]
    if fault != "missing":
        chosen = f"{chosen}x"
        tensors[chosen] = held
    torch.save(tensors, tmp_path / "a.pt")

    with pytest.raises(Mismatch, match=chosen.replace(".", r"\.")):
        load_image_encoder(name, weights=tmp_path / "a.pt")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_used_may_be_left_out_altogether(
    name: str, files: dict[str, Path], encoders: dict[str, FrozenImages], tmp_path: Path
) -> None:
    beginnings = ("encoder.encoder.fc.", "encoder.vit_pooler.", "uplayer", "conv1_1.")
    tensors = torch.load(files[name], weights_only=True)
    kept = {f"module.{k}": tensor for k, tensor in tensors.items() if not k.startswith(beginnings)}
    torch.save({"state_dict": kept}, tmp_path / "a.pt")

    card = load_image_encoder(name, weights=tmp_path / "a.pt").card

    assert len(kept) < len(tensors)
    assert card.weights == encoders[name].card.weights


@pytest.mark.parametrize("name", NAMES)
def test_upstreams_file_is_found_in_its_folder(
    name: str, files: dict[str, Path], encoders: dict[str, FrozenImages], tmp_path: Path
) -> None:
    upstream = {
        "biovil-image": "biovil_image_resnet50_proj_size_128.pt",
        "biovil-t-image": "biovil_t_image_model_proj_size_128.pt",
        "resnet-ae": "nihpcrsnamimic_ch-resnet101-2-ae-test2-elastic-e250.pt",
    }
    (tmp_path / upstream[name]).hardlink_to(files[name])

    card = load_image_encoder(name, weights=tmp_path).card

    assert card.weights == encoders[name].card.weights


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_the_users_keeps_what_upstreams_weights_have_seen(
    name: str, encoders: dict[str, FrozenImages]
) -> None:
    card = encoders[name].card

    assert card.revision == "own file"
    assert "mimic-cxr-jpg" in {exposure.source for exposure in card.exposed_to}

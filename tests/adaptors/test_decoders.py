"""Decoders: a mask of the encoder's input whatever the grid, the same bits from the same seed."""

import ast
from pathlib import Path

import pytest
import torch
from torch import Tensor

import carina.adaptors
from carina.adaptors import (
    Convolutional,
    DecoderConfig,
    FrozenUNet,
    build_decoder,
    fitting_decoder,
    outputs_needed,
)
from carina.core import ConfigError, Mismatch
from carina.encoders import EncoderCard, Preprocess, Stage, load_image_encoder

SMALL_UNET, SMALL_CONV = FrozenUNet(widths=(6, 4)), Convolutional(widths=(6, 4))


def card(size: int, *, grid: int, strides: tuple[int, ...] = (), width: int = 5) -> EncoderCard:
    return EncoderCard(
        name="drawn",
        modality="image",
        revision="1",
        recipe_version=1,
        weights="0",
        dim=width,
        token_dim=width if grid else 0,
        grid=(grid, grid),
        stages=tuple(Stage(stride=stride, width=stride + 1) for stride in strides),
        preprocess=Preprocess(size=size),
    )


def maps(card: EncoderCard, *, items: int = 2, seed: int = 1) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Tokens and stages as the card says, sides rounded up as strided convolutions do."""
    assert card.preprocess is not None
    drawn = torch.Generator().manual_seed(seed)
    sides = [-(-card.preprocess.size // stage.stride) for stage in card.stages]
    return torch.randn(items, card.grid[0] * card.grid[1], card.token_dim, generator=drawn), tuple(
        torch.randn(items, stage.width, side, side, generator=drawn)
        for stage, side in zip(card.stages, sides, strict=True)
    )


def made(config: DecoderConfig, card: EncoderCard, seed: int = 0) -> torch.nn.Module:
    return build_decoder(config, card, torch.Generator().manual_seed(seed)).eval()


@pytest.mark.parametrize("size", [32, 50, 71, 96])
def test_a_unet_draws_on_the_pixels_of_any_input(size: int) -> None:
    one = card(size, grid=-(-size // 32), strides=(2, 4, 8, 16, 32))
    drawn = made(SMALL_UNET, one)(*maps(one))

    assert drawn.shape == (2, size, size)


@pytest.mark.parametrize(("size", "grid"), [(16, 4), (70, 5), (56, 4)])
def test_a_convolutional_decoder_needs_patch_tokens_alone(size: int, grid: int) -> None:
    one = card(size, grid=grid)
    drawn = made(SMALL_CONV, one)(maps(one)[0], ())

    assert drawn.shape == (2, size, size)


@pytest.mark.parametrize("config", [SMALL_UNET, SMALL_CONV])
def test_the_same_seed_gives_the_same_bits_and_leaves_the_global_generator(
    config: DecoderConfig,
) -> None:
    one = card(32, grid=2, strides=(2, 4, 8, 16))
    torch.manual_seed(5)
    first = made(config, one)(*maps(one))
    torch.manual_seed(99)
    again, other = made(config, one)(*maps(one)), made(config, one, seed=1)(*maps(one))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("config", [SMALL_UNET, SMALL_CONV])
def test_in_eval_a_film_does_not_hang_on_its_company(config: DecoderConfig) -> None:
    one = card(32, grid=2, strides=(2, 4, 8, 16))
    tokens, stages = maps(one, items=3)
    decoder = made(config, one)
    alone = decoder(tokens[:1], tuple(stage[:1] for stage in stages))

    torch.testing.assert_close(decoder(tokens, stages)[:1], alone, rtol=1e-5, atol=1e-6)


def test_every_skip_and_the_grid_reach_the_mask() -> None:
    one = card(64, grid=2, strides=(2, 4, 8, 16))
    tokens, stages = maps(one, items=1)
    inputs = [tokens.requires_grad_(), *(stage.requires_grad_() for stage in stages)]
    grads = torch.autograd.grad(made(SMALL_UNET, one)(tokens, stages).sum(), inputs)

    assert all(grad.abs().sum() > 0 for grad in grads)


def test_from_the_pooled_vector_only_the_skips_know_where_things_are() -> None:
    one = card(64, grid=4, strides=(2, 4, 8))
    tokens, stages = maps(one)
    shuffled = tokens[:, torch.randperm(16, generator=torch.Generator().manual_seed(2))]
    pooled = made(FrozenUNet(widths=(6, 4), bottom="pooled"), one)
    drawn = pooled(tokens, stages)

    assert drawn.shape == (2, 64, 64)
    torch.testing.assert_close(pooled(shuffled, stages), drawn)
    assert not torch.allclose(pooled(tokens + 1, stages), drawn)
    assert not torch.allclose(made(SMALL_UNET, one)(shuffled, stages), drawn)


def test_what_is_drawn_moves_with_the_tokens() -> None:
    one = card(64, grid=8)
    tokens = torch.zeros(2, 64, 5)
    tokens[0, 0], tokens[1, 63] = 3.0, 3.0  # first cell of the first row, last of the last
    quiet = made(SMALL_CONV, one)(torch.zeros(1, 64, 5), ())
    changed = (made(SMALL_CONV, one)(tokens, ()) - quiet).abs()

    assert changed[0, :32, :32].sum() > 0.9 * changed[0].sum()
    assert changed[1, 32:, 32:].sum() > 0.9 * changed[1].sum()


def test_an_encoder_without_a_grid_is_refused_with_the_next_step() -> None:
    with pytest.raises(Mismatch, match=r"no grid.*Take an encoder with a grid"):
        build_decoder(SMALL_CONV, card(32, grid=0), torch.Generator())


def test_an_encoder_without_stages_is_sent_to_the_other_form() -> None:
    with pytest.raises(Mismatch, match="decoder kind Convolutional"):
        outputs_needed(SMALL_UNET, card(32, grid=2))
    assert outputs_needed(SMALL_CONV, card(32, grid=2)) == ("pooled", "tokens")
    assert fitting_decoder(card(32, grid=2)) == Convolutional()
    assert fitting_decoder(card(32, grid=2, strides=(2, 4))) == FrozenUNet()


def test_stages_of_another_encoder_are_refused() -> None:
    one, other = card(64, grid=2, strides=(2, 4, 8, 16)), card(64, grid=2, strides=(4, 8))

    with pytest.raises(Mismatch, match="has 4 skips and was given 2"):
        made(SMALL_UNET, one)(*maps(other))


@pytest.mark.parametrize("form", [FrozenUNet, Convolutional])
def test_a_decoder_without_a_width_is_refused(form: type[FrozenUNet | Convolutional]) -> None:
    with pytest.raises(ConfigError, match="width of 1 or more"):
        form(widths=())


def test_monai_is_imported_only_where_a_decoder_is_built() -> None:
    source = Path(carina.adaptors.__file__).parents[1]
    above = {
        path.name
        for path in source.rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, (ast.Import, ast.ImportFrom)) and "monai" in ast.unparse(node)
    }

    assert above == set()


@pytest.mark.parametrize("config", [SMALL_UNET, SMALL_CONV])
@pytest.mark.parametrize("name", ["efficientnet-lite0", "mobilenet-cxr14"])
def test_both_forms_stand_on_the_convolutional_encoders(
    name: str, config: DecoderConfig, request: pytest.FixtureRequest
) -> None:
    weights = None
    if name == "mobilenet-cxr14":
        shared: Path = request.getfixturevalue("shared")
        weights = shared / "data" / "cxr" / "weights" / "mbv3_cxr14.safetensors"
    encoder = load_image_encoder(name, weights=weights)
    spec = encoder.card.preprocess
    assert spec is not None
    found = encoder.encode(
        torch.zeros(1, spec.channels, spec.size, spec.size), tokens=True, stages=True
    )
    assert found.tokens is not None
    assert found.stages is not None

    assert made(config, encoder.card)(found.tokens, found.stages).shape == (1, 224, 224)

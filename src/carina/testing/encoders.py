"""What every encoder owes, as classes of tests that its author subclasses.

class TestMine(ImageEncoderContract):
    @pytest.fixture
    def encoder(self):
        return load_image_encoder("mine")
"""

import warnings
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from carina.core import generator
from carina.encoders import (
    Encoded,
    FrozenTexts,
    ImageEncoder,
    TextEncoder,
    encode_images,
    encode_texts,
    prepare,
)

__all__ = ["ImageEncoderContract", "TextEncoderContract"]

_TEXTS = (
    "No acute cardiopulmonary abnormality.",
    "Small left pleural effusion.\nMild cardiomegaly; no pneumothorax.",
    "Small left pleural effusion.\nMild cardiomegaly; no pneumothorax is seen on this film today.",
    "",
    "No acute cardiopulmonary abnormality.",
)


class ImageEncoderContract:
    """What every image encoder owes. A plugin subclasses this and gives the fixture `encoder`."""

    def test_it_says_who_it_is(self, encoder: ImageEncoder) -> None:
        assert isinstance(encoder, ImageEncoder)
        assert encoder.card.modality == "image"
        assert encoder.card.weights
        assert encoder.card.licence

    def test_other_weights_have_another_fingerprint(self, encoder: ImageEncoder) -> None:
        card = encoder.card

        assert replace(card, weights="other").fingerprint != card.fingerprint
        assert replace(card, licence="other", citation="other").fingerprint == card.fingerprint

    def test_pooled_features_have_the_width_of_the_card(self, encoder: ImageEncoder) -> None:
        found = encoder.encode(_stack(encoder, 3))

        assert found.pooled.shape == (3, encoder.card.dim)
        assert found.pooled.dtype == torch.float32
        assert found.pooled.isfinite().all()
        assert found.tokens is None

    def test_tokens_cover_the_grid_of_the_card(self, encoder: ImageEncoder) -> None:
        rows, cols = encoder.card.grid
        found = encoder.encode(_stack(encoder, 2), tokens=True)

        if rows * cols == 0:
            assert found.tokens is None
        else:
            assert found.tokens is not None
            assert found.tokens.shape == (2, rows * cols, encoder.card.token_dim)

    def test_stages_are_the_maps_the_card_names(self, encoder: ImageEncoder) -> None:
        stages, spec = encoder.card.stages, encoder.card.preprocess
        images = _stack(encoder, 2)
        found = encoder.encode(images, stages=True)

        assert encoder.encode(images).stages is None
        assert torch.equal(found.pooled, encoder.encode(images).pooled)
        if not stages:
            assert found.stages is None
        else:
            assert found.stages is not None
            assert spec is not None
            sides = [-(-spec.size // stage.stride) for stage in stages]
            assert [tuple(each.shape) for each in found.stages] == [
                (2, stage.width, side, side) for stage, side in zip(stages, sides, strict=True)
            ]
            strides = [stage.stride for stage in stages]
            assert strides == sorted(set(strides))

    def test_different_images_have_different_features(self, encoder: ImageEncoder) -> None:
        pooled = encoder.encode(_stack(encoder, 2)).pooled

        assert not torch.equal(pooled[0], pooled[1])

    def test_no_gradient_comes_out_and_training_with_the_features_is_possible(
        self, encoder: ImageEncoder
    ) -> None:
        images = _stack(encoder, 2).requires_grad_()
        pooled = encoder.encode(images).pooled
        assert not pooled.requires_grad

        weight = torch.ones(encoder.card.dim, device=pooled.device, requires_grad=True)
        (gradient,) = torch.autograd.grad((pooled @ weight).sum(), weight)  # not in inference mode
        assert torch.allclose(gradient, pooled.sum(dim=0))

    def test_the_same_images_give_the_same_bits(self, encoder: ImageEncoder) -> None:
        images = _stack(encoder, encoder.card.batch)
        before = images.clone()

        assert torch.equal(encoder.encode(images).pooled, encoder.encode(images).pooled)
        assert torch.equal(images, before)

    def test_an_image_does_not_feel_its_company(self, encoder: ImageEncoder) -> None:
        """Nothing is learned or normalised across a batch: the encoder is in eval mode."""
        images = _stack(encoder, max(2, encoder.card.batch))
        alone = images.clone()
        alone[1:] = alone[1:].flip(-1) * 0.5

        assert torch.equal(encoder.encode(images).pooled[0], encoder.encode(alone).pooled[0])

    def test_one_go_and_a_resumed_one_give_the_same_bits(self, encoder: ImageEncoder) -> None:
        size = encoder.card.batch
        images = _images(encoder, size + 1)
        whole = _pooled(encode_images(encoder, images))
        resumed = _pooled(encode_images(encoder, images[size:]))
        longer = _pooled(encode_images(encoder, [*images, *images[: size - 1]]))

        assert torch.equal(whole[size:], resumed)
        assert torch.equal(whole, longer[: size + 1])

    def test_encoding_draws_from_nobodys_generator(self, encoder: ImageEncoder) -> None:
        state = torch.random.get_rng_state()
        encoder.encode(_stack(encoder, 1))

        assert torch.equal(torch.random.get_rng_state(), state)

    def test_moving_to_where_it_is_changes_nothing(self, encoder: ImageEncoder) -> None:
        images = _stack(encoder, 1)
        before = encoder.encode(images).pooled
        moved = encoder.to(before.device)

        assert moved.card == encoder.card
        assert torch.equal(moved.encode(images).pooled, before)


class TextEncoderContract:
    """What every text encoder owes. A plugin subclasses this and gives the fixture `encoder`."""

    def test_it_says_who_it_is(self, encoder: TextEncoder) -> None:
        assert isinstance(encoder, TextEncoder)
        assert encoder.card.modality == "text"
        assert encoder.card.weights
        assert encoder.card.licence

    def test_other_weights_have_another_fingerprint(self, encoder: TextEncoder) -> None:
        card = encoder.card

        assert replace(card, weights="other").fingerprint != card.fingerprint
        assert replace(card, licence="other", citation="other").fingerprint == card.fingerprint

    def test_pooled_features_have_the_width_of_the_card(self, encoder: TextEncoder) -> None:
        pooled = encoder.encode(_TEXTS).pooled

        assert pooled.shape == (len(_TEXTS), encoder.card.dim)
        assert pooled.dtype == torch.float32
        assert pooled.isfinite().all()

    def test_no_text_at_all_is_an_empty_table(self, encoder: TextEncoder) -> None:
        assert encoder.encode(()).pooled.shape == (0, encoder.card.dim)

    def test_different_texts_have_different_features_and_equal_ones_equal(
        self, encoder: TextEncoder
    ) -> None:
        pooled = encoder.encode(_TEXTS).pooled

        assert torch.equal(pooled[0], pooled[4])
        assert torch.unique(pooled, dim=0).shape[0] == len(set(_TEXTS))

    def test_a_text_does_not_feel_its_company(self, encoder: TextEncoder) -> None:
        together = encoder.encode(_TEXTS).pooled
        alone = torch.cat([encoder.encode((text,)).pooled for text in _TEXTS])
        engine = encode_texts(encoder, _TEXTS, batch=2)

        assert torch.equal(together, alone)
        assert torch.equal(together.cpu(), engine)

    def test_words_are_as_wide_as_the_card_says_and_pool_to_the_same_vector(
        self, encoder: TextEncoder
    ) -> None:
        if not isinstance(encoder, FrozenTexts) or not encoder.card.token_dim:
            return
        for text in _TEXTS:
            found = encoder.encode_words(text)
            assert found.tokens is not None
            assert found.tokens.shape == (1, len(encoder.tokenise(text)), encoder.card.token_dim)
            assert torch.equal(found.pooled, encoder.encode((text,)).pooled)

    def test_a_long_text_is_cut_without_a_word(self, encoder: TextEncoder) -> None:
        most = encoder.card.max_tokens
        words = "effusion " * (most or 600)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            pooled = encoder.encode((words, words + "and no pneumothorax")).pooled

        assert pooled.isfinite().all()
        assert torch.equal(pooled[0], pooled[1]) == (most > 0)

    def test_no_gradient_comes_out_and_training_with_the_features_is_possible(
        self, encoder: TextEncoder
    ) -> None:
        pooled = encoder.encode(_TEXTS).pooled
        assert not pooled.requires_grad

        weight = torch.ones(encoder.card.dim, device=pooled.device, requires_grad=True)
        (gradient,) = torch.autograd.grad((pooled @ weight).sum(), weight)  # not in inference mode
        assert torch.allclose(gradient, pooled.sum(dim=0))

    def test_encoding_draws_from_nobodys_generator(self, encoder: TextEncoder) -> None:
        state = torch.random.get_rng_state()
        encoder.encode(_TEXTS)

        assert torch.equal(torch.random.get_rng_state(), state)


def _images(encoder: ImageEncoder, count: int) -> list[Float[np.ndarray, "channels rows cols"]]:
    """Prepared images of smooth noise, each another."""
    spec = encoder.card.preprocess
    assert spec is not None, "an image encoder's card has a preprocess"
    random = generator(0, "encoder contract")
    return [prepare(random.random((24, 20)), spec) for _ in range(count)]


def _stack(encoder: ImageEncoder, count: int) -> Float[torch.Tensor, "items channels rows cols"]:
    return torch.from_numpy(np.stack(_images(encoder, count)))


def _pooled(found: Iterator[Encoded]) -> Float[torch.Tensor, "items dim"]:
    return torch.cat([batch.pooled for batch in found])

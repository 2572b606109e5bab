"""The cross-modal Adaptor: its authors' numbers, its size, and that nothing leaks into an embedding."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from carina.adaptors import (
    AllPairs,
    CrossModal,
    CrossModalAdaptor,
    CrossModalConfig,
    CrossModalModule,
    Embeds,
    Projections,
    Reads,
    Sequences,
    ValueOnly,
    without_dead_weights,
)
from carina.core import ConfigError, InvalidValue

FORMS = (
    CrossModal(heads=3, width=24, hidden=16),
    CrossModal(reads=Reads.VECTORS, heads=3, width=24, hidden=16),
    ValueOnly(width=24, hidden=16),
    AllPairs(towers=CrossModal(heads=3, width=24, hidden=16)),
    Projections(width=24),
)


def built(config: CrossModalConfig) -> CrossModalModule:
    module = config.build(image_dim=5, text_dim=7, generator=torch.Generator().manual_seed(0))
    return module.eval()


def drawn(items: int, tokens: int, dim: int, *, seed: int = 0) -> Sequences:
    """Items whose lengths run from 1 to all tokens and round again."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(items, tokens, dim, generator=generator)
    lengths = torch.arange(items) % tokens + 1
    return Sequences(values=values, there=torch.arange(tokens) < lengths[:, None])


def read_by(config: CrossModalConfig, items: Sequences) -> Sequences:
    return items if config.reads is Reads.TOKENS else Sequences.of_vectors(items.mean)


@pytest.fixture(scope="module")
def published(shared: Path) -> tuple[CrossModalAdaptor, dict[str, Tensor]]:
    """The authors' small instance, and what their code computes with it."""
    folder = shared / "reference" / "authors-adaptors"
    config = CrossModal(reads=Reads.VECTORS, width=48)
    module = config.build(image_dim=20, text_dim=24, generator=torch.Generator()).eval()
    module.load_state_dict(load_file(folder / "cross-modal-small.safetensors"))
    return module, load_file(folder / "cross-modal-small.golden.safetensors")


def close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def as_authors_pair(
    module: CrossModalAdaptor, image: Tensor, text: Tensor
) -> tuple[Tensor, Tensor]:
    """Their pair path to the letter: the image asks with the text, then the text with the image."""
    x = F.normalize(module.projection["visual_projection"](image), dim=-1)[:, None]
    y = F.normalize(module.projection["text_projection"](text), dim=-1)[:, None]
    one = torch.ones(len(x), 1, dtype=torch.bool)
    for layer in module.adaptor_module["encoder"].children():
        x = layer(x, query=y, keys=x, there=one)
        y = layer(y, query=x, keys=y, there=one)
    return F.normalize(x[:, 0], dim=-1), F.normalize(y[:, 0], dim=-1)


@torch.no_grad()
def test_one_vector_a_side_gives_the_authors_pair_path(
    published: tuple[CrossModalAdaptor, dict[str, Tensor]],
) -> None:
    module, golden = published
    images = Sequences.of_vectors(golden["image_features"])
    texts = Sequences.of_vectors(golden["text_features"])
    similar = module.compare(module.represent_images(images), module.represent_texts(texts))

    close(module.embed_images(images), golden["pair_image"])
    close(module.embed_texts(texts), golden["pair_text"])
    close(module.logit_scale.exp() * similar, golden["logits_per_text"])
    for ours, theirs in zip(
        as_authors_pair(module, golden["image_features"], golden["text_features"]),
        (golden["pair_image"], golden["pair_text"]),
        strict=True,
    ):
        close(ours, theirs)


@torch.no_grad()
def test_images_alone_are_the_authors_image_only_path_sample_by_sample(
    published: tuple[CrossModalAdaptor, dict[str, Tensor]],
) -> None:
    module, golden = published
    vectors = Sequences.of_vectors(golden["image_features"])
    every = torch.ones(golden["image_tokens"].shape[:2], dtype=torch.bool)
    patches = Sequences(values=golden["image_tokens"], there=every)

    close(module.embed_images(vectors), golden["image_only_per_sample"])
    close(module.image_tokens(patches), golden["image_only_tokens"])


@torch.no_grad()
def test_the_path_that_mixes_a_batch_is_the_authors_and_depends_on_company(
    published: tuple[CrossModalAdaptor, dict[str, Tensor]],
) -> None:
    module, golden = published
    features = golden["image_features"]
    mixed = module.embed_images_mixing_the_batch(features)
    alone = module.embed_images_mixing_the_batch(features[:1])

    close(mixed, golden["image_only_batch_mixed"])
    assert (mixed[0] - alone[0]).abs().max() > 1e-3


@torch.no_grad()
def test_without_its_dead_weights_it_says_the_same(
    published: tuple[CrossModalAdaptor, dict[str, Tensor]],
) -> None:
    module, golden = published
    lean = without_dead_weights(module)

    close(lean.embed_images(Sequences.of_vectors(golden["image_features"])), golden["pair_image"])
    close(lean.embed_texts(Sequences.of_vectors(golden["text_features"])), golden["pair_text"])


@pytest.mark.parametrize(
    ("image_dim", "numbers"), [(384, 11_912_705), (768, 12_207_617), (512, 12_011_009)]
)
def test_it_learns_as_many_numbers_as_the_authors(image_dim: int, numbers: int) -> None:
    def learned(config: CrossModalConfig) -> int:
        module = config.build(image_dim=image_dim, text_dim=768, generator=torch.Generator())
        return sum(weight.numel() for weight in module.parameters())

    assert learned(CrossModal()) == numbers
    assert learned(ValueOnly()) == numbers - 2_362_368


def test_queries_and_keys_are_dead_with_vectors_and_live_with_tokens() -> None:
    def moves(tokens: int) -> bool:
        module = FORMS[0].build(image_dim=5, text_dim=7, generator=torch.Generator())
        torch.autograd.backward(module.embed_images(drawn(6, tokens, 5)).square()[:, 0].sum())
        weights = dict(module.named_parameters())
        gradient = weights["adaptor_module.encoder.0.attn.in_proj_weight"].grad
        assert gradient is not None
        return bool((gradient[: 2 * 24].abs() > 1e-9).any())

    assert not moves(1)
    assert moves(4)


@pytest.mark.parametrize("config", FORMS, ids=str)
def test_an_image_s_embedding_does_not_move_with_any_text(config: CrossModalConfig) -> None:
    module = built(config)
    images, texts = drawn(4, 3, 5), drawn(4, 6, 7)
    images.values.requires_grad_()
    texts.values.requires_grad_()
    image = module.represent_images(read_by(config, images)).values
    text = module.represent_texts(read_by(config, texts)).values
    by_text = torch.autograd.grad(
        image.sum(), texts.values, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    by_image = torch.autograd.grad(
        text.sum(), images.values, allow_unused=True, materialize_grads=True
    )

    assert not by_text[0].any()
    assert not by_image[0].any()


@pytest.mark.parametrize("config", FORMS, ids=str)
def test_an_embedding_does_not_move_with_another_item(config: CrossModalConfig) -> None:
    module = built(config)
    images = drawn(4, 3, 5)
    images.values.requires_grad_()
    found = module.represent_images(read_by(config, images)).values
    (gradient,) = torch.autograd.grad(found[1, 0].sum() + found[1, 0, 0], images.values)

    assert gradient[1].any()
    assert not gradient[[0, 2, 3]].any()


@pytest.mark.parametrize("config", FORMS, ids=str)
@torch.no_grad()
def test_what_stands_behind_an_item_and_how_much_of_it_changes_nothing(
    config: CrossModalConfig,
) -> None:
    module = built(config)
    texts = drawn(4, 6, 7)
    spoilt = texts.padded(9)
    values = spoilt.values.masked_fill(~spoilt.there[..., None], 1e6)
    spoilt = Sequences(values=values, there=spoilt.there)
    images = module.represent_images(read_by(config, drawn(3, 4, 5)))

    def compared(some: Sequences) -> Tensor:
        return module.compare(images, module.represent_texts(read_by(config, some)))

    whole = compared(texts)
    alone = compared(texts.take(torch.tensor([1])))
    torch.testing.assert_close(compared(spoilt), whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(alone, whole[1:2], atol=1e-6, rtol=0)


@pytest.mark.parametrize("config", FORMS, ids=str)
def test_the_same_generator_builds_the_same_and_the_global_one_is_left_alone(
    config: CrossModalConfig,
) -> None:
    before = torch.get_rng_state()
    first, second = built(config).state_dict(), built(config).state_dict()

    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert isinstance(built(config), CrossModalModule)
    assert isinstance(built(config), Embeds) == (not isinstance(config, AllPairs))


@torch.no_grad()
def test_words_look_at_the_patches_of_every_image_and_at_nothing_else() -> None:
    """Against attention written out for one word, one text and one image at a time."""
    module = built(FORMS[3])
    images, texts = drawn(3, 4, 5), drawn(2, 6, 7, seed=1)
    left, right = module.represent_images(images), module.represent_texts(texts)
    by_hand = torch.zeros(2, 3)
    for text in range(2):
        for image in range(3):
            patches = left.values[image, left.there[image]]
            cosines = []
            for word in right.values[text, right.there[text]]:
                gathered = (9 * patches @ word).softmax(dim=0) @ patches
                cosines.append(F.cosine_similarity(word, gathered, dim=0))
            by_hand[text, image] = torch.stack(cosines).mean()

    torch.testing.assert_close(module.compare(left, right), by_hand)


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="heads divide"):
        CrossModal(width=10, heads=3)
    with pytest.raises(ConfigError, match="sizes of 1 or more"):
        ValueOnly(layers=0)
    with pytest.raises(ConfigError, match="towers that read tokens"):
        AllPairs(towers=CrossModal(reads=Reads.VECTORS))


def test_an_item_without_a_token_is_refused() -> None:
    with pytest.raises(InvalidValue, match="1 of 2 items have no token"):
        Sequences(values=torch.zeros(2, 3, 4), there=torch.tensor([[True] * 3, [False] * 3]))


def test_items_joined_and_taken_apart_are_the_same_items() -> None:
    short, long = drawn(2, 2, 5), drawn(3, 4, 5, seed=1)
    joined = Sequences.joined([short, long])
    again = joined.take(torch.tensor([0, 1]))

    assert torch.equal(again.values, short.values)
    assert torch.equal(again.there, short.there)
    torch.testing.assert_close(joined.mean, torch.cat([short.mean, long.mean]))
    with pytest.raises(InvalidValue, match="nothing to join"):
        Sequences.joined([])

import torch

from carina.encoders import load_image_encoder, load_text_encoder


def test_the_two_share_a_space_and_a_width() -> None:
    image, text = load_image_encoder("toy-image").card, load_text_encoder("toy-text").card

    assert image.space == text.space == "toy"
    assert image.dim == text.dim


def test_words_count_and_their_order_and_case_do_not() -> None:
    encoder = load_text_encoder("toy-text")
    one, same, other = encoder.encode(("Small effusion.", "effusion small", "no effusion")).pooled

    torch.testing.assert_close(one, same)
    assert not torch.allclose(one, other)


def test_the_empty_text_is_not_zero() -> None:
    assert load_text_encoder("toy-text").encode(("",)).pooled.norm() > 0


def test_image_features_are_linear_in_the_image() -> None:
    encoder = load_image_encoder("toy-image")
    a, b = torch.randn(2, 1, 1, 16, 16, generator=torch.Generator().manual_seed(0))

    together = encoder.encode(2 * a + b).pooled

    torch.testing.assert_close(
        together, 2 * encoder.encode(a).pooled + encoder.encode(b).pooled, atol=1e-5, rtol=1e-5
    )


def test_tokens_are_the_patches_row_by_row() -> None:
    encoder = load_image_encoder("toy-image")
    image = torch.zeros(1, 1, 16, 16)
    image[0, 0, 4:8, 8:12] = 1.0  # second row of patches, third column

    tokens = encoder.encode(image, tokens=True).tokens

    assert tokens is not None
    assert tokens[0].norm(dim=1).nonzero().flatten().tolist() == [1 * 4 + 2]

"""Ridge alignment: scikit-learn's solution, chosen on held-out patients."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import Ridge
from torch import Tensor

from carina.adaptors import RidgeAlignment, fit_alignment
from carina.core import InvalidValue, Mismatch


def numbers(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def fitted(
    image: Tensor,
    text: Tensor,
    *,
    patients: Tensor | None = None,
    penalties: tuple[float, ...] = (1e-6, 1e-4, 1e-2, 1.0),
) -> RidgeAlignment:
    return fit_alignment(
        image,
        text,
        patients=torch.arange(len(image)) if patients is None else patients,
        image_encoder="image",
        text_encoder="text",
        penalties=penalties,
    )


def related(pairs: int = 120, noise: float = 0.3) -> tuple[Tensor, Tensor]:
    image = numbers(0, pairs, 10)
    return image, F.normalize(image, dim=1) @ numbers(1, 10, 6) + noise * numbers(2, pairs, 6)


@pytest.mark.parametrize("pairs", [120, 8])
def test_the_fit_is_scikit_learns_ridge(pairs: int) -> None:
    image, text = related(pairs)
    alignment = fitted(image, text, penalties=(0.01,))
    x, y = F.normalize(image.double(), dim=1).numpy(), F.normalize(text.double(), dim=1).numpy()
    reference = Ridge(alpha=0.01 * pairs, solver="svd").fit(x, y)

    np.testing.assert_allclose(alignment(image).numpy(), reference.predict(x), atol=1e-5)


def test_what_is_related_is_explained_and_what_is_not_is_not() -> None:
    image, text = related()

    assert fitted(image, text).explained > 0.5
    assert fitted(image, numbers(9, len(image), 6)).explained < 0.05


def test_a_little_noise_asks_for_a_smaller_penalty_than_much() -> None:
    chosen = [fitted(*related(noise=noise)).penalty for noise in (0.01, 0.5, 8.0)]

    assert all(less <= more for less, more in pairwise(chosen))
    assert chosen[0] < chosen[-1]


def test_a_patients_other_films_do_not_help_to_choose() -> None:
    patients = torch.arange(120) // 2
    image = F.one_hot(patients).float() + 0.01 * numbers(0, 120, 60)
    text = numbers(1, 60, 6)[patients]

    assert fitted(image, text).explained > 0.5
    assert fitted(image, text, patients=patients).explained < 0.1


def test_ties_go_to_the_larger_penalty() -> None:
    image = torch.zeros(40, 5)
    image[:, 0] = 1.0

    assert fitted(image, numbers(0, 40, 3), penalties=(0.01, 10.0, 1.0)).penalty == 10.0


def test_reports_that_are_all_alike_are_not_explained() -> None:
    text = torch.zeros(40, 3)
    text[:, 1] = 2.0

    assert fitted(numbers(0, 40, 5), text).explained == 0.0


def test_pulled_back_directions_order_images_as_their_aligned_vectors_do() -> None:
    image, text = related()
    alignment = fitted(image, text)
    directions = numbers(3, 4, 6).double()
    here = F.normalize(image.double(), dim=1) @ alignment.pulled_back(directions).T
    there = alignment(image).double() @ directions.T

    torch.testing.assert_close(here - here[0], there - there[0], atol=1e-5, rtol=1e-4)


def test_how_long_a_feature_is_does_not_matter() -> None:
    image, text = related()
    alignment = fitted(image, text)

    torch.testing.assert_close(alignment(3 * image), alignment(image))


def test_the_fingerprint_follows_what_fitted_it() -> None:
    image, text = related()
    alignment = fitted(image, text)
    changed = [
        replace(alignment, image_encoder="other"),
        replace(alignment, text_encoder="other"),
        replace(alignment, data="other"),
        replace(alignment, penalty=0.5),
        replace(alignment, weight=alignment.weight + 1),
        fitted(image, text + 1),
        fitted(image, text, patients=torch.arange(120) // 2),
    ]

    assert len({other.fingerprint for other in [alignment, *changed]}) == len(changed) + 1
    assert fitted(image, text).fingerprint == alignment.fingerprint


def test_counts_are_kept() -> None:
    image, text = related()
    alignment = fitted(image, text, patients=torch.arange(120) // 3)

    assert (alignment.pairs, alignment.patients) == (120, 40)
    assert (alignment.image_dim, alignment.text_dim) == (10, 6)


def test_too_few_patients_are_refused() -> None:
    with pytest.raises(InvalidValue, match="more patients"):
        fitted(numbers(0, 9, 4), numbers(1, 9, 4), patients=torch.zeros(9, dtype=torch.int64))


@pytest.mark.parametrize("penalties", [(), (0.0, 1.0), (-1.0,)])
def test_a_penalty_that_is_none_is_refused(penalties: tuple[float, ...]) -> None:
    with pytest.raises(InvalidValue, match="above 0"):
        fitted(*related(), penalties=penalties)


def test_features_of_another_width_are_refused() -> None:
    with pytest.raises(Mismatch, match="another image encoder"):
        fitted(*related())(numbers(0, 2, 11))

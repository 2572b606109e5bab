"""Canonical correlations against numpy, and on pairs whose common part is known."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from carina.adaptors import Sequences
from carina.core import ConfigError, InvalidValue
from carina.learning import Canonical, CanonicalFitted, CanonicalTried, Pairs, fit_canonical

NEARLY_NONE = Canonical(image_penalties=(1e-12,), text_penalties=(1e-12,))


def paired(image: np.ndarray, text: np.ndarray, order: np.ndarray | None = None) -> Pairs:
    rows = np.arange(len(image))
    return Pairs(
        image=rows,
        text=rows if order is None else order,
        images=lambda some: Sequences.of_vectors(torch.from_numpy(image[some]).float()),
        texts=lambda some: Sequences.of_vectors(torch.from_numpy(text[some]).float()),
    )


def drawn(count: int, *, seed: int, shared: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Two sides of which so many numbers are common, seen through fixed maps and noise."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(0)
    common = rng.normal(size=(count, shared))
    image = common @ fixed.normal(size=(shared, 20)) + 0.5 * rng.normal(size=(count, 20))
    text = common @ fixed.normal(size=(shared, 12)) + 0.5 * rng.normal(size=(count, 12))
    return 3 * image + 5, text - 2


def fitted(events: Iterator[CanonicalTried | CanonicalFitted]) -> CanonicalFitted:
    *_, last = events
    assert isinstance(last, CanonicalFitted)
    return last


def similar(found: CanonicalFitted, image: np.ndarray, text: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        images = found.module.embed_images(Sequences.of_vectors(torch.from_numpy(image).float()))
        texts = found.module.embed_texts(Sequences.of_vectors(torch.from_numpy(text).float()))
    return (texts @ images.T).numpy()


def hits(similarities: np.ndarray) -> float:
    return float((similarities.argmax(axis=1) == np.arange(len(similarities))).mean())


def test_without_a_ridge_they_are_the_classical_ones() -> None:
    image, text = drawn(300, seed=1)
    left, right = (np.linalg.qr(side - side.mean(axis=0))[0] for side in (image, text))
    classical = np.linalg.svd(left.T @ right, compute_uv=False)
    found = fitted(fit_canonical(NEARLY_NONE, paired(image, text), paired(image, text)))

    kept = len(found.correlations)
    np.testing.assert_allclose(found.correlations, classical[:kept], atol=1e-6)
    assert (classical[kept:] <= 2 / np.sqrt(300)).all()


def test_directions_that_held_out_pairs_do_not_confirm_are_left_out() -> None:
    image, text = drawn(400, seed=1)
    found = fitted(fit_canonical(Canonical(), paired(image, text), paired(*drawn(200, seed=2))))

    assert 3 <= len(found.correlations) <= 4  # one of nine may pass by luck
    assert found.config.width == len(found.correlations)
    assert hits(similar(found, *drawn(100, seed=3))) > 0.5


def test_on_permuted_pairs_nothing_is_found_on_others() -> None:
    image, text = drawn(400, seed=1)
    order = np.random.default_rng(5).permutation(400)
    found = fitted(
        fit_canonical(Canonical(), paired(image, text, order), paired(*drawn(200, seed=2)))
    )

    assert hits(similar(found, *drawn(200, seed=3))) < 0.05


def test_more_numbers_than_pairs_give_what_fewer_give() -> None:
    image, text = drawn(60, seed=1)
    held = drawn(60, seed=2)
    wide = [np.pad(side, ((0, 0), (0, 100)), constant_values=7.0) for side in (image, held[0])]
    few = fitted(fit_canonical(Canonical(), paired(image, text), paired(*held)))
    many = fitted(fit_canonical(Canonical(), paired(wide[0], text), paired(wide[1], held[1])))

    np.testing.assert_allclose(many.correlations, few.correlations, atol=1e-8)
    np.testing.assert_allclose(similar(many, wide[1], held[1]), similar(few, *held), atol=1e-4)


def test_units_of_the_encoders_do_not_matter() -> None:
    (image, text), held = drawn(100, seed=1), drawn(60, seed=2)
    scaled = [side * np.linspace(1, 50, side.shape[1]) - 9 for side in (image, held[0])]
    plain = fitted(fit_canonical(Canonical(), paired(image, text), paired(*held)))
    other = fitted(fit_canonical(Canonical(), paired(scaled[0], text), paired(scaled[1], held[1])))

    np.testing.assert_allclose(similar(other, scaled[1], held[1]), similar(plain, *held), atol=1e-3)


def test_every_choice_is_told_and_the_most_telling_taken() -> None:
    (image, text), held = drawn(60, seed=1), drawn(60, seed=2)
    config = Canonical(image_penalties=(1e-3, 1e3), text_penalties=(1e-3,))
    *told, last = fit_canonical(config, paired(image, text), paired(*held))
    assert isinstance(last, CanonicalFitted)

    tried = [each for each in told if isinstance(each, CanonicalTried)]
    assert [each.index for each in tried] == [0, 1]
    best = max(each.information for each in tried)
    assert best == pytest.approx(
        -sum(np.log(1 - each**2) for each in last.correlations) / 2, abs=1e-9
    )


def test_what_cannot_be_is_refused() -> None:
    image, text = drawn(6, seed=1)
    with pytest.raises(InvalidValue, match=r"take 8 pairs .* got 6 and 6"):
        next(fit_canonical(Canonical(), paired(image, text), paired(image, text)))
    (image, text), held = drawn(60, seed=1), drawn(60, seed=2)
    same = np.ones_like(text)
    with pytest.raises(InvalidValue, match=r"60 texts .* one and the same vector"):
        next(fit_canonical(Canonical(), paired(image, same), paired(held[0], same)))
    with pytest.raises(ConfigError, match="above 0"):
        Canonical(image_penalties=(0.0,))
    with pytest.raises(ConfigError, match="above 0"):
        Canonical(text_penalties=())
    with pytest.raises(ConfigError, match="1 or more"):
        Canonical(width=0)

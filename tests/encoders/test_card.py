import json
from dataclasses import replace
from typing import Any

import pytest

from carina.core import InvalidValue, load, to_json
from carina.encoders import EncoderCard, Exposure, Preprocess, listing

CARD = EncoderCard(
    name="some",
    modality="image",
    revision="1",
    recipe_version=1,
    weights="digest",
    dim=8,
    preprocess=Preprocess(size=16),
)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"revision": "2"},
        {"recipe_version": 2},
        {"weights": "other"},
        {"preprocess": Preprocess(size=16, mean=(0.5,))},
        {"preprocess": Preprocess(size=16, interpolation="bicubic")},
        {"preprocess": Preprocess(size=16, stretch=True)},
        {"max_tokens": 7},
        {"dtype": "bfloat16"},
        {"engine": "onnx"},
    ],
)
def test_the_fingerprint_changes_with_what_can_change_a_number(change: dict[str, Any]) -> None:
    assert replace(CARD, **change).fingerprint != CARD.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"licence": "MIT"},
        {"citation": "Somebody, 2020"},
        {"exposed_to": (Exposure(source="nih", what="all of it"),)},
    ],
)
def test_the_fingerprint_does_not_change_with_words(change: dict[str, Any]) -> None:
    assert replace(CARD, **change).fingerprint == CARD.fingerprint


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"size": 0}, "size is at least 1"),
        ({"fit": "crpo"}, "Did you mean 'crop'"),
        ({"interpolation": "cubic"}, "Did you mean 'bicubic'"),
        ({"resize": 32}, "fit='crop'"),
        ({"fit": "crop", "resize": 8}, "at least size"),
        ({"channels": 2}, "channels is 1 or 3"),
        ({"mean": (0.1, 0.2)}, "mean has one value"),
        ({"deviation": ()}, "deviation has one value"),
        ({"deviation": (0.0,)}, "above 0"),
        ({"scale": float("nan")}, "above 0"),
    ],
)
def test_no_impossible_preparation_exists(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        replace(Preprocess(size=16), **change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"modality": "images"}, "Did you mean 'image'"),
        ({"preprocess": None}, "have a preprocess"),
        ({"modality": "text"}, "have a preprocess"),
        ({"dim": 0}, "at least 1"),
        ({"batch": 0}, "at least 1"),
    ],
)
def test_no_card_contradicts_itself(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        replace(CARD, **change)


def test_a_card_is_written_and_read_without_loss() -> None:
    for info in listing():
        assert load(json.loads(to_json(info.card)), EncoderCard) == info.card


def test_stores_made_before_a_step_came_are_found_by_recipes_that_do_not_take_it() -> None:
    """A fingerprint of the first release, kept: whoever encoded with it encodes nothing anew."""
    assert CARD.fingerprint == "517ac58769b5ee6815e3"

"""Other numbers than where carina was measured are told, not used."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from carina.core import Mismatch
from carina.encoders import (
    FrozenImages,
    FrozenTexts,
    ImageEncoder,
    TextEncoder,
    load_encoder,
    load_image_encoder,
    self_checked,
)
from carina.encoders.family import ENCODERS
from carina.encoders.self_check import drawn_film, require_same

Carina = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("name", ["efficientnet-lite0", "toy-image", "toy-text"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_comes_with_carina_gives_its_golden_numbers(name: str, dtype: str) -> None:
    found = self_checked(load_encoder(name, dtype=dtype))

    assert found.status == "passed"
    assert found.worst is not None
    assert found.worst < found.tolerance
    assert found.worst < 1e-4 or dtype != "float32"


def test_the_others_that_carina_knows_have_goldens_too(
    minilm: TextEncoder, mobilenet: ImageEncoder
) -> None:
    assert self_checked(minilm).status == self_checked(mobilenet).status == "passed"


def test_weights_nobody_has_measured_are_not_judged() -> None:
    toy = load_image_encoder("toy-image")
    assert isinstance(toy, FrozenImages)
    own = replace(toy, card=replace(toy.card, weights="own"))

    assert self_checked(own).status == "no golden"
    require_same(own)


@pytest.mark.parametrize("name", ["toy-image", "toy-text"])
@pytest.mark.parametrize(("change", "told"), [(0.01, "standard dev"), (float("nan"), "not finite")])
def test_an_encoder_whose_numbers_moved_does_not_load(
    name: str, change: float, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = ENCODERS[name]

    def built(*_: object) -> FrozenImages | FrozenTexts:
        right = family.build(family.card, None)
        assert isinstance(right, FrozenImages | FrozenTexts)
        module = deepcopy(right.module)
        with torch.no_grad():
            next(module.parameters()).add_(change)
        return replace(right, module=module)

    monkeypatch.setitem(ENCODERS._things, name, replace(family, build=built))
    with pytest.raises(Mismatch, match=rf"{name} gives other numbers .* {told}.*carina doctor"):
        load_encoder(name)


def test_a_permutation_of_the_outputs_is_noticed() -> None:
    toy = load_image_encoder("toy-image")
    assert isinstance(toy, FrozenImages)
    module = deepcopy(toy.module)
    with torch.no_grad():
        whole = module.get_parameter("whole.weight")
        whole.copy_(whole.roll(1, dims=0))

    assert self_checked(replace(toy, module=module)).status == "failed"


def test_the_film_is_a_film() -> None:
    film = drawn_film()

    assert film.shape == (192, 192)
    assert 0 <= film.min() < 0.1
    assert 0.8 < film.max() <= 1


def test_the_doctor_and_the_store_tell_it(carina: Carina, tmp_path: Path) -> None:
    status, out, _ = carina("doctor")
    line = next(line for line in out.splitlines() if "encoder toy-image" in line)

    assert status == 0
    assert "golden" in line
    assert "e-" in line

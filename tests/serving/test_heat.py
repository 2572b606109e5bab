"""Heat maps of a reader, and their pictures."""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from carina.adaptors import upsampled
from carina.bundles import Bundle
from carina.core import Mismatch, UnknownName
from carina.encoders import (
    Encoded,
    EncoderCard,
    ImageEncoder,
    encode_images,
    load_image_encoder,
    prepare,
)
from carina.serving import Predictor, heat_picture
from carina.studies import read_image

Film = Callable[..., Path]


def test_a_reader_says_where_it_sees_each_finding_asked_for(bundle: Bundle, film: Film) -> None:
    reader = Predictor(bundle=bundle, encoders=(load_image_encoder("toy-image"),))
    mass, edema = reader.heat(film("a.png"), ("Mass", "Edema"))

    assert (mass.finding, edema.finding) == ("Mass", "Edema")
    assert mass.heat.shape == mass.film.shape == (16, 16)
    assert 0 <= mass.film.min() <= mass.film.max() <= 1
    assert not np.allclose(mass.heat, edema.heat)
    assert np.isfinite(mass.heat).all()
    with pytest.raises(UnknownName, match="Did you mean 'Mass'"):
        reader.heat(film("a.png"), ("Mas",))


def test_over_an_adaptor_each_cell_is_read_as_if_it_were_a_film(
    adapted: Bundle, film: Film
) -> None:
    """The Adaptor is as wide as the cells, so cells that never passed it would be read too."""
    toy = load_image_encoder("toy-image")
    spec, mass = toy.card.preprocess, adapted.labels.index("Mass")
    assert spec is not None
    (found,) = encode_images(toy, [prepare(read_image(film("a.png")).pixels, spec)], tokens=True)
    assert found.tokens is not None
    each = adapted.answer(found.tokens[0]).difference[:, mass]
    (heat,) = Predictor(bundle=adapted, encoders=(toy,)).heat(film("a.png"), ("Mass",))

    np.testing.assert_allclose(
        heat.heat, upsampled(each[None], toy.card.grid, spec.size)[0], atol=1e-6
    )


def test_cells_of_another_width_than_the_adaptor_takes_are_refused(
    adapted: Bundle, film: Film
) -> None:
    toy = load_image_encoder("toy-image")
    reader = Predictor(bundle=adapted, encoders=(Narrow(of=toy),))

    with pytest.raises(Mismatch, match="cells are 31 wide and the bundle's Adaptor takes 32"):
        reader.heat(film("a.png"), ("Mass",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrow:
    """An encoder under its card whose cells lack a number."""

    of: ImageEncoder

    @property
    def card(self) -> EncoderCard:
        return self.of.card

    def to(self, device: torch.device) -> "Narrow":
        return self

    def encode(self, images: Tensor, *, tokens: bool = False, stages: bool = False) -> Encoded:
        found = self.of.encode(images, tokens=tokens)
        assert found.tokens is not None
        return replace(found, tokens=found.tokens[..., :31])


def test_over_two_encoders_it_is_refused_with_the_next_step(two_blocks: Bundle, film: Film) -> None:
    toy = load_image_encoder("toy-image")
    reader = Predictor.__new__(Predictor)
    for name, value in (("bundle", two_blocks), ("encoders", (toy, toy)), ("check_input", False)):
        object.__setattr__(reader, name, value)

    with pytest.raises(Mismatch, match=r"toy-image \+ toy-image\. Bundle a run over one encoder"):
        reader.heat(film("a.png"), ("Mass",))


def test_a_picture_is_orange_where_heat_is_and_grey_elsewhere() -> None:
    film = np.full((4, 4), 0.5, dtype=np.float32)
    heat = np.full((4, 4), -2.0, dtype=np.float32)
    heat[1, 2] = 3.0
    with Image.open(io.BytesIO(heat_picture(film, heat))) as picture:
        pixels = np.asarray(picture)
        assert picture.info == {}  # no word beside the pixels

    assert (pixels[0, 0] == 128).all()
    assert pixels[1, 2, 0] > pixels[1, 2, 1] > pixels[1, 2, 2]


def test_where_nothing_speaks_for_it_the_film_stays_grey() -> None:
    film = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    with Image.open(io.BytesIO(heat_picture(film, -np.ones_like(film)))) as picture:
        pixels = np.asarray(picture)

    assert np.array_equal(pixels[..., 0], np.round(film * 255).astype(np.uint8))
    assert (pixels[..., 0] == pixels[..., 2]).all()

"""Heat maps of a reader, and their pictures."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carina.bundles import Bundle
from carina.core import Mismatch, UnknownName
from carina.encoders import load_image_encoder
from carina.serving import Predictor, heat_picture

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

"""The picture of a drawn mask's outline over the true one's."""

import io

import numpy as np
from PIL import Image

from carina.cards import outline_picture


def test_edges_are_coloured_and_the_film_stays_grey() -> None:
    film = np.full((12, 12), 0.5, dtype=np.float32)
    drawn, true = np.zeros((2, 12, 12), dtype=bool)
    drawn[2:6, 2:6] = True
    true[2:8, 0:12] = True  # reaches both borders, which are no edge
    with Image.open(io.BytesIO(outline_picture(film, drawn, true))) as picture:
        pixels = np.asarray(picture)
        assert picture.info == {}  # no word beside the pixels

    grey = (pixels == 128).all(axis=2)
    orange = pixels[..., 0] > pixels[..., 2]
    blue = pixels[..., 2] > pixels[..., 0]
    assert orange.sum() == 12
    assert blue.sum() == 24 - 4  # two rows, less what the drawn edge covers
    assert grey.sum() == 144 - 12 - 20


def test_a_mask_without_a_pixel_has_no_edge() -> None:
    nothing = np.zeros((4, 4), dtype=bool)
    with Image.open(io.BytesIO(outline_picture(np.zeros((4, 4)), nothing, nothing))) as picture:
        assert not np.asarray(picture).any()

"""An experience is valid at birth."""

import numpy as np
import pytest

from carina.core import InvalidValue
from carina.streams import Experience

GOOD = {
    "name": "step",
    "rows": np.array([0, 2, 4]),
    "visible": ("Edema", "Hernia"),
    "validation": np.array([1]),
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"visible": ()}, "one or more findings"),
        ({"visible": ("Edema", "Edema")}, "each once"),
        ({"rows": np.array([0, 1])}, "validates on rows it learns from"),
        ({"rows": np.array([0, 2, 2])}, "a row twice"),
        ({"validation": np.array([1, 1])}, "a row twice"),
        ({"cells": np.ones((3, 1), dtype=np.bool_)}, "3 rows and 2 findings"),
        ({"validation_cells": np.ones((1, 1), dtype=np.bool_)}, "1 rows and 2 findings"),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        Experience(**{**GOOD, **changes})  # type: ignore[arg-type]


def test_what_does_not_is_taken() -> None:
    assert Experience(**GOOD).cells is None  # type: ignore[arg-type]

"""What the values of a DICOM radiograph stand for: modality and VOI, by tables, windows and functions.

PS3.3 sections C.11.1 and C.11.2. Look-up tables are applied here: pydicom 3.0 wraps indices above
255 in tables with 8-bit entries.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from carina.core import UnreadableFile
from carina.studies.picture import Flag

__all__ = ["modality_of", "voi_of"]


def modality_of(dataset: Any) -> Callable[[np.ndarray], np.ndarray]:
    """From stored values to new ones in float64, which the next step may write over."""
    if tables := dataset.get("ModalityLUTSequence", None):
        looked_up, _ = _table(tables[0], dataset)
        return looked_up
    slope = dataset.get("RescaleSlope", None)
    intercept = dataset.get("RescaleIntercept", None)
    if slope is None or intercept is None:
        return lambda stored: stored.astype(np.float64)
    factor, added = float(slope), float(intercept)

    def rescaled(stored: np.ndarray) -> np.ndarray:
        values: np.ndarray = stored.astype(np.float64)
        values *= factor
        values += added
        return values

    return rescaled


def voi_of(dataset: Any) -> tuple[Callable[[np.ndarray], np.ndarray] | None, list[Flag]]:
    """From values to what the file wants shown, in [0, 1]; None where it does not say."""
    if tables := dataset.get("VOILUTSequence", None):
        looked_up, bits = _table(tables[0], dataset)
        return lambda values: looked_up(values) / (2**bits - 1), [Flag.WINDOWED]
    centre, width = _first(dataset, "WindowCenter"), _first(dataset, "WindowWidth")
    if centre is None and width is None:
        return None, []
    function = str(dataset.get("VOILUTFunction", None) or "LINEAR").strip()
    least = 1.0 if function == "LINEAR" else 0.0
    sound = centre is not None and width is not None and (width > least or width == least == 1)
    if centre is None or width is None or not sound or function not in _FUNCTIONS:
        return None, [Flag.WINDOW_IGNORED]
    return partial(_FUNCTIONS[function], centre=centre, width=width), [Flag.WINDOWED]


def _first(dataset: Any, keyword: str) -> float | None:
    value = dataset.get(keyword, None)
    if value is None or value == "":
        return None
    number = float(value if isinstance(value, str | int | float) else value[0])
    return number if np.isfinite(number) else None


def _linear(
    values: Float[np.ndarray, " values"], centre: float, width: float
) -> Float[np.ndarray, " values"]:
    """PS3.3 C.11.2.1.2.1: the window ends half a value inside its width."""
    if width == 1:
        return (values > centre - 0.5).astype(np.float64)
    values -= centre - 0.5
    values /= width - 1
    values += 0.5
    return np.clip(values, 0, 1, out=values)


def _linear_exact(
    values: Float[np.ndarray, " values"], centre: float, width: float
) -> Float[np.ndarray, " values"]:
    """PS3.3 C.11.2.1.3.2."""
    values -= centre
    values /= width
    values += 0.5
    return np.clip(values, 0, 1, out=values)


def _sigmoid(
    values: Float[np.ndarray, " values"], centre: float, width: float
) -> Float[np.ndarray, " values"]:
    """PS3.3 C.11.2.1.3.1, as a hyperbolic tangent, which cannot overflow."""
    values -= centre
    values *= 2 / width
    np.tanh(values, out=values)
    values *= 0.5
    values += 0.5
    return values


# The functions write over the values they are given: films are large, and nobody reads them again.
_FUNCTIONS = {"LINEAR": _linear, "LINEAR_EXACT": _linear_exact, "SIGMOID": _sigmoid}


def _table(table: Any, dataset: Any) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
    """What gives values through the table of a sequence item, and the bits of its entries.

    Below its first value and above its last a table goes on as it begins and ends (PS3.3 C.11.1.1).
    """
    entries, first, bits = (int(number) for number in table.LUTDescriptor)
    entries = entries % 65536 or 65536
    raw = table.LUTData
    if isinstance(raw, bytes):
        order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
        wide = len(raw) >= 2 * entries
        data = np.frombuffer(raw, dtype=f"{order}u2" if wide else "u1").astype(np.float64)
    else:
        data = np.atleast_1d(np.asarray(raw, dtype=np.float64))
    if len(data) < entries:
        raise UnreadableFile("Truncated look-up table: it has fewer entries than it declares.")
    data = data[:entries]

    def looked_up(values: np.ndarray) -> np.ndarray:
        index = np.clip(np.rint(values).astype(np.int64) - first, 0, entries - 1)
        found: np.ndarray = data[index]
        return found

    return looked_up, max(bits, int(data.max()).bit_length(), 1)

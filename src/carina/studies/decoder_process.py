"""The other end of `carina.studies.apart`: decodes what comes in, in a process that may die of it.

Each question is a DICOM file, its length in front. Each answer is a line of JSON, empty where the
decoder refused and otherwise type and shape of the stored values, and then their bytes.
"""

import io
import json
import os
import struct
import sys
import warnings
from typing import BinaryIO

import numpy as np
from pydicom import dcmread
from pydicom.pixels.utils import pixel_array

__all__ = ["answer"]


def answer(questions: BinaryIO, answers: BinaryIO) -> None:
    """Decode one file after another until there are no more."""
    while head := questions.read(8):
        data = questions.read(struct.unpack(">Q", head)[0])
        try:
            stored = pixel_array(
                dcmread(io.BytesIO(data), force=True), raw=True, decoding_plugin="gdcm"
            )
        except Exception:  # noqa: BLE001  whatever it is, the answer is that there is none
            answers.write(b"\n")
        else:
            said = {"dtype": stored.dtype.str, "shape": stored.shape}
            answers.write(json.dumps(said).encode() + b"\n")
            answers.write(np.ascontiguousarray(stored).tobytes())
        answers.flush()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    # The decoder prints; what it prints must not come between the answers.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        answer(sys.stdin.buffer, answers)

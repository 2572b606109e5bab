"""Fixed maps of rows to other features, one a file: drawn from a seed, never learned, never stored.

A lift maps each row by itself and is drawn before any film, so sums over lifted rows add up as sums
over rows do; nothing in it is of a patient.
"""

from carina.adaptors.lifts.beside import Beside as Beside
from carina.adaptors.lifts.beside import BesideLift as BesideLift
from carina.adaptors.lifts.landmarks import LandmarkLift as LandmarkLift
from carina.adaptors.lifts.landmarks import Landmarks as Landmarks
from carina.adaptors.lifts.random_fourier import FourierLift as FourierLift
from carina.adaptors.lifts.random_fourier import RandomFourier as RandomFourier
from carina.adaptors.lifts.random_relu import RandomReLU as RandomReLU
from carina.adaptors.lifts.random_relu import ReLULift as ReLULift

LiftConfig = RandomReLU | RandomFourier | Landmarks | Beside
"""Every built-in lift; its class name is its ``kind`` in JSON and TOML."""

Lift = ReLULift | FourierLift | LandmarkLift | BesideLift
"""A lift drawn for rows of one width: it has `config`, `dim`, `out`, `digest`, and maps rows."""

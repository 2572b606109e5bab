"""Contracts that plugins subclass, one module for each kind of plugin."""

from carina.testing.adaptors import AdaptorContract as AdaptorContract
from carina.testing.encoders import ImageEncoderContract as ImageEncoderContract
from carina.testing.encoders import TextEncoderContract as TextEncoderContract
from carina.testing.lifts import LiftContract as LiftContract
from carina.testing.strategies import StrategyContract as StrategyContract
from carina.testing.strategies import drawn_view as drawn_view
from carina.testing.strategies import part_of as part_of

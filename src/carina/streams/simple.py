"""The plans that stand on their own, and that other plans may be of."""

from carina.streams.by_class import ByClass
from carina.streams.by_data import ByData
from carina.streams.by_label import ByLabel
from carina.streams.by_site import BySite
from carina.streams.by_time import ByTime
from carina.streams.corrected import Corrected
from carina.streams.joint import AllAtOnce
from carina.streams.new_from_text import NewFromText
from carina.streams.new_instances import NewInstancesAndClasses
from carina.streams.planned import Planned

__all__ = ["Simple"]

Simple = (
    ByClass
    | ByLabel
    | ByData
    | BySite
    | ByTime
    | NewInstancesAndClasses
    | Corrected
    | NewFromText
    | AllAtOnce
    | Planned
)
"""Of one of these a stream can be matched in cells, confounded, or left by patients."""

"""Names that appear in JSON or on the command line, and what they stand for."""

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from carina.core.errors import InvalidValue, unknown

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Generic[T]):
    """Name to thing; duplicates are refused, plugins are loaded when first named.

    Args:
        kind: What is registered, in the singular, for messages ("encoder").
        group: Entry-point group through which other packages add to it.
    """

    def __init__(self, kind: str, *, group: str) -> None:
        self.kind = kind
        self.group = group
        self._things: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """A decorator that registers what it decorates under a name."""

        def keep(thing: T) -> T:
            if name in self._things:
                raise InvalidValue(f"Two of kind {self.kind} claim the name {name!r}.")
            self._things[name] = thing
            return thing

        return keep

    def __getitem__(self, name: str) -> T:
        if name not in self._things:
            for plugin in entry_points(group=self.group, name=name):
                self._things[name] = plugin.load()
        if name not in self._things:
            raise unknown(self.kind, name, self)
        return self._things[name]

    def __iter__(self) -> Iterator[str]:
        """Every name, plugins included, without loading them."""
        return iter(sorted({*self._things, *(p.name for p in entry_points(group=self.group))}))

    def __len__(self) -> int:
        return sum(1 for _ in self)

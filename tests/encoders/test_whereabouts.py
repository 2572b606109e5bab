from pathlib import Path
from typing import Any

import pytest

from carina.core import InvalidValue, MissingFile
from carina.encoders import load_encoder
from carina.encoders.whereabouts import located

REVISION = "0123456789abcdef0123456789abcdef01234567"


def test_a_path_and_nothing_stay_what_they_are(tmp_path: Path) -> None:
    assert located("x", tmp_path / "a.pt") == tmp_path / "a.pt"
    assert located("x", None) is None


def test_a_pinned_revision_is_fetched_without_any_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {}

    def fetched(repository: str, **how: Any) -> str:
        asked.update(how, repository=repository)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetched)

    assert located("x", Path(f"hub:some-one/a.model@{REVISION}")) == tmp_path
    assert asked["repository"] == "some-one/a.model"
    assert asked["revision"] == REVISION
    suffixes = {pattern.removeprefix("*") for pattern in asked["allow_patterns"]}
    assert {".safetensors", ".bin", ".json", ".txt", ".model"} <= suffixes
    assert not suffixes & {"", ".py", ".pkl", ".so", ".sh"}


@pytest.mark.parametrize(
    "reference",
    [
        "hub:some-one/model",
        "hub:some-one/model@main",
        f"hub:some-one/model@{REVISION[:-1]}",
        f"hub:some-one/model@{REVISION.upper()}",
        f"hub:model@{REVISION}",
        f"hub:some-one/model/deeper@{REVISION}",
        f"hub:https://else.where/model@{REVISION}",
    ],
)
def test_a_revision_that_may_move_and_another_place_are_refused_unasked(
    reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> str:
        pytest.fail("the hub was asked")

    monkeypatch.setattr("huggingface_hub.snapshot_download", never)

    with pytest.raises(InvalidValue, match=r"pinned: hub:ORGANISATION/NAME@REVISION"):
        located("some-encoder", Path(reference))


def test_without_a_network_the_way_round_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any, **__: Any) -> str:
        raise ConnectionError("no route to a host whose name is nobody's business")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)

    with pytest.raises(MissingFile) as caught:
        load_encoder("rad-dino", weights=Path(f"hub:microsoft/rad-dino@{REVISION}"))

    said = str(caught.value)
    assert "The weights of rad-dino could not be fetched (ConnectionError)" in said
    assert "microsoft/rad-dino on a machine with a network" in said
    assert "no route" not in said


def test_a_fetched_folder_is_read_as_any_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(tmp_path))

    with pytest.raises(MissingFile, match=r"config\.json"):
        load_encoder("pubmedbert", weights=Path(f"hub:some-one/model@{REVISION}"))

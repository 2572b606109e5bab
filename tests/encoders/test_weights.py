import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from carina.core import Mismatch, MissingFile, UnreadableFile
from carina.encoders.weights import Migration, fill, migrated, package_folder, read_tensors


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def tensors() -> dict[str, Tensor]:
    return {
        name: torch.arange(value.numel()).reshape(value.shape).to(value.dtype)
        for name, value in network().state_dict().items()
    }


def test_safetensors_and_a_torch_file_of_equal_tensors_have_equal_digests(tmp_path: Path) -> None:
    given = tensors()
    save_file(given, tmp_path / "a.safetensors")
    torch.save(given, tmp_path / "a.pth")

    one, other = (
        fill(network(), read_tensors(tmp_path / name), who="x")
        for name in ("a.pth", "a.safetensors")
    )

    assert one == other


def test_the_digest_changes_with_one_value_and_with_what_lies_beside() -> None:
    given = tensors()
    digest = fill(network(), given, who="x")
    given["0.weight"][0, 0] += 1e-3

    assert fill(network(), given, who="x") != digest
    assert fill(network(), tensors(), who="x", beside={"vocabulary": b"a"}) != digest
    assert fill(network(), tensors(), who="x") == digest


def test_half_precision_weights_are_digested_as_what_is_computed_with() -> None:
    given = {name: value.half() for name, value in tensors().items()}
    widened = {name: value.float() for name, value in given.items()}

    assert fill(network(), given, who="x") == fill(network(), widened, who="x")


def test_weights_end_up_in_the_module() -> None:
    module, given = network(), tensors()
    fill(module, given, who="x")

    assert torch.equal(module.state_dict()["0.weight"], given["0.weight"])
    assert torch.equal(module.state_dict()["1.running_var"], given["1.running_var"])


def test_every_wrong_name_is_told_at_once() -> None:
    given = tensors()
    del given["0.bias"]
    given["0.biass"] = torch.zeros(2)
    given["0.weight"] = torch.zeros(2, 4)

    with pytest.raises(Mismatch) as caught:
        fill(network(), given, who="some-encoder")

    said = str(caught.value)
    assert "not for some-encoder" in said
    assert "1 missing (0.bias)" in said
    assert "1 not known to this encoder (0.biass)" in said
    assert "0.weight (2, 4) instead of (2, 3)" in said


def test_many_wrong_names_are_counted_and_a_few_shown() -> None:
    with pytest.raises(Mismatch, match=r"9 not known to this encoder \(a0, .*a4 and 4 more\)"):
        fill(network(), tensors() | {f"a{i}": torch.zeros(1) for i in range(9)}, who="x")


def test_a_head_named_as_unused_is_let_go() -> None:
    assert fill(
        network(), tensors() | {"head.weight": torch.ones(1)}, who="x", unused=("head.",)
    ) == fill(network(), tensors(), who="x")


class Malicious:
    """A pickle that would leave a trace if it ran."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.trace,)


def test_a_checkpoint_that_runs_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    torch.save({"a": Malicious(trace)}, tmp_path / "zip.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"a": Malicious(trace)}))

    for name in ("zip.pth", "plain.pth"):
        with pytest.raises(UnreadableFile, match="damaged or carries more than tensors"):
            read_tensors(tmp_path / name)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth"])
@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x80\x02}q\x00.", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableFile, match=name):
        read_tensors(tmp_path / name)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    save_file(tensors(), tmp_path / "a.safetensors")
    torch.save(tensors(), tmp_path / "a.pth")
    for name in ("a.safetensors", "a.pth"):
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
        with pytest.raises(UnreadableFile, match=name):
            read_tensors(tmp_path / name)


@pytest.mark.parametrize("under", ["state_dict", "model_state_dict", "model"])
def test_a_checkpoint_of_a_trainer_is_opened_as_far_as_its_tensors(
    tmp_path: Path, under: str
) -> None:
    torch.save({under: tensors(), "epoch": 3}, tmp_path / "a.pth")

    found = read_tensors(tmp_path / "a.pth")

    assert found.keys() == tensors().keys()


def test_a_checkpoint_with_tensors_further_in_says_what_to_save(tmp_path: Path) -> None:
    torch.save({"ema": tensors(), "epoch": 3}, tmp_path / "a.pth")

    with pytest.raises(UnreadableFile, match="state_dict itself"):
        read_tensors(tmp_path / "a.pth")


def test_old_names_become_those_of_today() -> None:
    old = {"module.norm.gamma": torch.ones(2), "module.position_ids": torch.arange(3)}

    found = migrated(old, Migration(rename=((r"\.gamma$", ".weight"),)))

    assert list(found) == ["norm.weight"]


def test_two_old_names_of_one_tensor_are_an_error() -> None:
    old = {"norm.gamma": torch.ones(2), "norm.weight": torch.ones(2)}

    with pytest.raises(Mismatch, match=r"norm\.weight"):
        migrated(old, Migration(rename=((r"\.gamma$", ".weight"),)))


def test_a_missing_file_is_named_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingFile) as caught:
        read_tensors(tmp_path / "a.pth")

    assert "a.pth" in str(caught.value)
    assert tmp_path.name not in str(caught.value)


def test_a_package_that_is_not_there_is_named_with_the_way_to_get_it() -> None:
    with pytest.raises(MissingFile, match="pip install no-such-package"):
        package_folder("no_such_package")

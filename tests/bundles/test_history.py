"""A reader's history: what it refuses, and that a kill leaves the old reader or the new one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from carina.bundles import (
    AnswerRule,
    Bundle,
    RolledBack,
    Taught,
    Updated,
    UpdateState,
    begin_history,
    check_no_history,
    commit,
    history_folder,
    open_history,
    read_bundle,
    write_bundle,
)
from carina.bundles.files import digest_of_files
from carina.core import InvalidValue, Mismatch, MissingFile, UnreadableFile

Make = Callable[..., Bundle]
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only: locks, signals and fork")


def codes(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


TAUGHT = Taught(
    labels=("Edema", "Mass"),
    patients=codes(1, 1, 2),
    images=codes(11, 12, 13),
    times=np.array([[1, 1], [1, 0], [1, 1]], dtype=np.uint8),
    cells=codes(21, 22, 23),
)


STATE = UpdateState(tensors={}, fewest_patients=None, single_patients=False)


@pytest.fixture
def reader(tmp_path: Path, make: Make) -> Path:
    """A bundle with a history that knows what taught it."""
    write_bundle(tmp_path / "reader", make(), state=STATE)
    begin_history(tmp_path / "reader", TAUGHT)
    return tmp_path / "reader"


def other(make: Make) -> Bundle:
    return make(
        rules=(AnswerRule(label="Edema", slope=1.0, intercept=0.0, threshold=0.7, rule="best F1"),)
    )


def update(reader: Path, bundle: Bundle, *, version: int, parent: int = 1) -> None:
    with open_history(reader) as history:
        digests = history.stage_version(version, bundle, STATE, taught=None)
        event = Updated(
            update=history.lineage.updates + 1,
            outcome="passed",
            parent=parent,
            version=version,
            digests=digests,
            data="data",
            films=20,
            patients=12,
            dossier="dossier",
        )
        commit(history, event, serve=version)


def test_it_begins_with_the_bundle_as_version_one_and_what_taught_it(reader: Path) -> None:
    with open_history(reader) as history:
        (known,) = history.taught(1)

        history.check_serving()
        assert digest_of_files(history.version(1)) == digest_of_files(reader)
        assert known.labels == TAUGHT.labels
        assert known.patients.tolist() == history.codes(codes(1, 1, 2)).tolist()
        assert known.images.tolist() == history.codes(codes(11, 12, 13)).tolist()
    assert "3 films of 2 patients" in (history_folder(reader) / "history.md").read_text()


def test_the_bundle_folder_stays_just_its_files(reader: Path) -> None:
    before = digest_of_files(reader)
    with open_history(reader):
        pass

    assert digest_of_files(reader) == before
    assert {path.name for path in reader.iterdir()} == {
        "bundle.json",
        "adaptor.safetensors",
        "state.safetensors",
        "card.md",
    }


def test_two_histories_of_one_bundle_have_no_code_in_common(tmp_path: Path, make: Make) -> None:
    found = []
    for name in ("one", "two"):
        write_bundle(tmp_path / name, make())
        begin_history(tmp_path / name, TAUGHT)
        with open_history(tmp_path / name) as history:
            found.append(set(history.taught(1)[0].patients.tolist()))

    assert not found[0] & found[1]


def test_an_update_is_put_in_service_and_rolled_back_to_the_bit(reader: Path, make: Make) -> None:
    first = digest_of_files(reader)
    update(reader, other(make), version=2)
    second = digest_of_files(reader)
    with open_history(reader) as history:
        assert history.lineage.serving == 2
        commit(history, RolledBack(version=1), serve=1)

    assert second != first == digest_of_files(reader)
    with open_history(reader) as history:
        history.check_serving()
        assert sorted(history.lineage.versions) == [1, 2]
        assert not history.staged.exists()


def test_what_stays_at_home_of_a_version_lies_beside_what_may_leave(
    reader: Path, make: Make
) -> None:
    begin_history(reader, TAUGHT, home=(other(make), STATE))
    with open_history(reader) as history:
        assert digest_of_files(history.version(1)) == digest_of_files(reader)
        assert read_bundle(history.home(1)).fingerprint == other(make).fingerprint
    (history_folder(reader) / "versions" / "001" / "home" / "card.md").write_text("edited")
    with open_history(reader) as history, pytest.raises(UnreadableFile):
        history.home(1)


def test_a_reader_in_service_is_not_bundled_over(reader: Path, make: Make) -> None:
    check_no_history(reader)
    begin_history(reader, None)
    update(reader, other(make), version=2)
    with pytest.raises(InvalidValue, match="reader in service"):
        check_no_history(reader)


def test_without_a_history_the_next_step_is_told(tmp_path: Path, make: Make) -> None:
    write_bundle(tmp_path / "reader", make())
    with (
        pytest.raises(MissingFile, match="carina bundle RUN --out B --updatable"),
        open_history(tmp_path / "reader"),
    ):
        pass


def test_a_history_of_another_bundle_is_told(reader: Path, make: Make) -> None:
    write_bundle(reader, other(make))
    with open_history(reader) as history, pytest.raises(Mismatch, match="of another bundle"):
        history.check_serving()


def test_an_old_version_put_there_by_hand_is_named(reader: Path, make: Make) -> None:
    update(reader, other(make), version=2)
    write_bundle(reader, make(), state=STATE)
    with open_history(reader) as history, pytest.raises(Mismatch, match=r"is version 1, .*--to 2"):
        history.check_serving()


def test_a_bundle_that_is_gone_can_be_put_back(reader: Path) -> None:
    shutil.rmtree(reader)
    with open_history(reader) as history:
        with pytest.raises(MissingFile, match=r"rollback .* --to 1"):
            history.check_serving()
        commit(history, RolledBack(version=1), serve=1)
        history.check_serving()


def test_a_version_nobody_made_is_told(reader: Path) -> None:
    with (
        open_history(reader) as history,
        pytest.raises(InvalidValue, match=r"no version 7\. Kept: 1"),
    ):
        history.version(7)


def test_an_edited_version_is_told(reader: Path) -> None:
    card = history_folder(reader) / "versions" / "001" / "bundle" / "card.md"
    card.write_text(card.read_text() + "!")
    with open_history(reader) as history, pytest.raises(UnreadableFile, match="damaged or was"):
        history.version(1)


def test_an_edited_lineage_is_told(reader: Path) -> None:
    path = history_folder(reader) / "lineage.jsonl"
    path.write_text(path.read_text().replace('"films":3', '"films":2'))
    with pytest.raises(UnreadableFile, match="Line 1 of the lineage"), open_history(reader):
        pass


def test_what_a_killed_writer_left_is_cleared_away(reader: Path) -> None:
    left = [
        history_folder(reader) / ".partial-00-lineage.jsonl",
        reader.parent / ".partial-00-reader.history",
    ]
    left[0].write_text("{")
    left[1].mkdir()
    with open_history(reader):
        pass
    begin_history(reader, None)

    assert not any(path.exists() for path in left)


@posix
def test_two_processes_do_not_change_a_reader_at_once(reader: Path) -> None:
    with (
        open_history(reader),
        pytest.raises(UnreadableFile, match="Another process is changing"),
        open_history(reader),
    ):
        pass
    with open_history(reader):
        pass


def test_where_nothing_may_be_written_it_is_told_before_any_work(
    reader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UnreadableFile, match="may not be written"), open_history(reader):
        pass


def test_who_reads_while_a_bundle_is_replaced_reads_one_bundle(
    reader: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {make().fingerprint, other(make).fingerprint}
    read_bytes, waiting = Path.read_bytes, [other(make)]

    def replaced_meanwhile(path: Path) -> bytes:
        if path.name == "adaptor.safetensors" and waiting:
            write_bundle(reader, waiting.pop())
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", replaced_meanwhile)

    assert read_bundle(reader).fingerprint in wanted


@posix
def test_a_kill_at_any_file_operation_leaves_the_old_reader_or_the_new_one(
    reader: Path, make: Make
) -> None:
    work = reader.parent / "work"
    (work / "start").mkdir(parents=True)
    write_bundle(work / "fresh", other(make), state=STATE)
    shutil.copytree(reader, work / "start" / "reader")
    shutil.copytree(history_folder(reader), work / "start" / "reader.history")
    old, new = digest_of_files(reader), digest_of_files(work / "fresh")
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("history_victim.py"), work],
        capture_output=True,
        text=True,
        check=True,
    )
    ended = dict(line.split() for line in done.stdout.splitlines())
    found = set()
    for name in ended:
        here = work / name / "reader"
        if name.startswith("swap"):  # elsewhere it may be missing until the history is opened
            found.add(digest_of_files(here))
        with open_history(here) as history:
            history.check_serving()
            serving = history.lineage.serving
        assert digest_of_files(here) == {1: old, 2: new}[serving]
        assert not (history_folder(here) / "change.json").exists()
        assert not history.staged.exists()

    assert found == {old, new}
    assert sorted(set(ended.values())) == ["-9", "0"]
    assert list(ended.values()).count("0") == 2
    assert len(ended) > 40

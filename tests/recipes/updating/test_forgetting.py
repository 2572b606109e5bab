"""A patient leaves a reader and every version of it, and no way back brings them in again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from carina.adaptors import LinearReadout
from carina.bundles import (
    digest_of_files,
    history_folder,
    open_history,
    read_bundle,
    read_state,
    write_bundle,
)
from carina.core import InvalidValue, Mismatch, UnknownName
from carina.encoders import load_image_encoder
from carina.features import Store, encode, forget
from carina.learning import Heads, Ridge, sums_in
from carina.recipes import (
    Dossier,
    Undecided,
    UpdateProtocol,
    restored,
    roll_back,
    take_out,
)
from carina.studies import Manifest

Draw = Callable[..., Manifest]
Learn = Callable[..., Dossier]
LAX = UpdateProtocol(margin=0.4, margin_of_answers=0.4, undecided=Undecided.REPLACE, learn_from=1)
FINDINGS = ("Cardiomegaly", "Edema", "Pneumothorax")


def version(reader: Path, number: int) -> Path:
    return history_folder(reader) / "versions" / f"{number:03}" / "bundle"


def weights(folder: Path) -> torch.Tensor:
    readout = read_bundle(folder).readout
    assert isinstance(readout, LinearReadout)
    return torch.cat([readout.weight, readout.bias[:, None]], dim=1)


def rows(folder: Path) -> int:
    back = restored(read_bundle(folder), read_state(folder))
    return sums_in(back.learner).findings["Edema"].rows


def without(data: Manifest, patient: str) -> Manifest:
    return data.take(np.flatnonzero([name != patient for name in data.patient]))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """The one that `learn` uses."""
    return Store(tmp_path / "store")


def test_every_version_that_held_the_patient_is_as_if_they_had_never_been_there(
    reader: Path, drawn: Draw, learn: Learn, store: Store
) -> None:
    may, june = drawn("may", range(300, 360)), drawn("june", range(360, 400))
    assert all(learn(reader, data, protocol=LAX).replaced for data in (may, june))
    first = digest_of_files(version(reader, 1))
    held = [rows(version(reader, number)) for number in (2, 3)]
    out = take_out(reader, "Plantagenet-310", may, store)

    assert (out.freed, out.removed, out.films) == ((2, 3), (), 1)
    assert [rows(version(reader, number)) for number in (2, 3)] == [n - 1 for n in held]
    assert digest_of_files(version(reader, 1)) == first
    freed = {number: weights(version(reader, number)) for number in (2, 3)}
    assert torch.equal(weights(reader), freed[3])

    roll_back(reader, to=1)
    rest = [without(may, "Plantagenet-310"), june]
    for number, data in zip((2, 3), rest, strict=True):
        assert learn(reader, data, protocol=LAX).replaced
        assert torch.allclose(weights(reader), freed[number], atol=1e-9)


def test_going_back_brings_nobody_in_again(
    reader: Path, drawn: Draw, learn: Learn, store: Store
) -> None:
    may, june = drawn("may", range(300, 360)), drawn("june", range(360, 400))
    learn(reader, may, protocol=LAX)
    learn(reader, june, protocol=LAX)
    before = digest_of_files(version(reader, 2))
    take_out(reader, "Plantagenet-310", may, store)
    roll_back(reader)

    assert digest_of_files(reader) == digest_of_files(version(reader, 2)) != before
    assert rows(reader) == rows(version(reader, 1)) + 59
    with open_history(reader) as history:
        history.check_serving()
        (code,) = history.lineage.forgotten
        assert all(int(code, 16) not in lesson.patients for lesson in history.taught(2))


def test_a_patient_who_left_teaches_no_more(
    reader: Path, drawn: Draw, learn: Learn, store: Store
) -> None:
    may = drawn("may", range(300, 360))
    learn(reader, may, protocol=LAX)
    take_out(reader, "Plantagenet-310", may, store)
    dossier = learn(reader, drawn("more", range(300, 400)), protocol=LAX)

    assert dossier.data.set_aside == {"of a patient who was taken out": 1}
    assert dossier.data.learned_films == 40
    assert take_out(reader, "Plantagenet-310", may, store).before


def test_a_patient_of_the_run_leaves_the_first_version_too(
    reader: Path, hospital_data: Manifest, taught: Callable[..., Path], store: Store
) -> None:
    held = rows(reader)
    encoded = Store(taught(Ridge()).parents[1] / "store")
    out = take_out(reader, "Plantagenet-0", hospital_data, encoded)

    assert (out.freed, out.first_unknown) == ((1,), False)
    assert rows(reader) == rows(version(reader, 1)) == held - 1
    with pytest.raises(UnknownName, match="Nothing in the history says"):
        take_out(reader, "Plantagenet-4", hospital_data, encoded)  # held back for testing


def test_labels_that_changed_since_are_refused_and_nothing_is_done(
    reader: Path, drawn: Draw, learn: Learn, store: Store
) -> None:
    may = drawn("may", range(300, 360))
    learn(reader, may, protocol=LAX)
    before = digest_of_files(reader)
    other = replace(may, labels=1 - may.labels)
    nobody = without(may, "Plantagenet-310")
    for data in (other, replace(nobody, patient=("Plantagenet-310",) * len(nobody))):
        with pytest.raises(Mismatch, match="as they were"):
            take_out(reader, "Plantagenet-310", data, store)

    assert digest_of_files(reader) == before
    with open_history(reader) as history:
        assert history.lineage.forgotten == frozenset()


def test_features_that_are_gone_must_be_encoded_once_more(
    reader: Path, drawn: Draw, learn: Learn, store: Store, tmp_path: Path
) -> None:
    may = drawn("may", range(300, 360))
    learn(reader, may, protocol=LAX)
    forget(store, "Plantagenet-310")
    with pytest.raises(InvalidValue, match="No film is left"):
        take_out(reader, "Plantagenet-310", may, store)
    again = Store(tmp_path / "again")
    for _ in encode(may, load_image_encoder("toy-image"), again):
        pass

    assert take_out(reader, "Plantagenet-310", may, again).freed == (2,)


def test_what_cannot_be_taken_back_is_removed_but_never_from_service(
    served: Callable[..., Path], drawn: Draw, learn: Learn, store: Store
) -> None:
    reader = served(Heads())
    may, locked = drawn("may", range(300, 400)), drawn("locked", range(600, 700))
    assert learn(reader, may, locked=locked, protocol=LAX).replaced
    before = digest_of_files(reader)
    with pytest.raises(InvalidValue, match=r"Version 1 never met .*rollback reader --to 1"):
        take_out(reader, "Plantagenet-310", may, store)
    assert digest_of_files(reader) == before

    roll_back(reader, to=1)
    out = take_out(reader, "Plantagenet-310", may, store)

    assert (out.freed, out.removed) == ((), (2,))
    assert not version(reader, 2).exists()
    with pytest.raises(InvalidValue, match="Version 2 held a patient who was taken out"):
        roll_back(reader, to=2)
    assert learn(reader, may, locked=locked, protocol=LAX).version == 3


def test_two_versions_of_one_reader_are_told_apart_by_what_is_left(
    reader: Path, drawn: Draw, learn: Learn, store: Store
) -> None:
    may = drawn("may", range(300, 360))
    learn(reader, may, protocol=LAX)
    bundle, state = read_bundle(reader), read_state(reader)
    take_out(reader, "Plantagenet-310", may, store)
    write_bundle(reader, bundle, state=state)  # a copy from elsewhere is put back by hand

    with open_history(reader) as history, pytest.raises(Mismatch, match="of another bundle"):
        history.check_serving()

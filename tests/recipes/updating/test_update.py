"""A reader in service learns on: new films, new labels, a new finding; harm stays outside."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from carina.adaptors import Linear, Sides
from carina.bundles import digest_of_files, history_folder, open_history, read_bundle, read_state
from carina.core import InvalidValue, Mismatch, MissingFile, UnknownName, UnreadableFile
from carina.learning import Heads, RETune, Ridge
from carina.recipes import ALL, Dossier, Ground, Outcome, Undecided, UpdateProtocol, roll_back
from carina.studies import Manifest

Draw = Callable[..., Manifest]
Learn = Callable[..., Dossier]
QUICK = RETune(sides=Sides(adaptor=Linear(out=8)), rate=1e-2, batch=32, steps=5, epochs=None)
FINDINGS = ("Cardiomegaly", "Edema", "Pneumothorax")


def whole(dossier: Dossier) -> dict[str, tuple[Ground, Outcome]]:
    """Ground and worst outcome of each finding's checks on all films."""
    found: dict[str, tuple[Ground, Outcome]] = {}
    for check in dossier.gate.checks:
        worst = found.get(check.finding)
        if check.group == ALL and (worst is None or worst[1] is Outcome.PASSED):
            found[check.finding] = (check.ground, check.outcome)
    return found


def head(folder: Path, finding: str) -> torch.Tensor:
    readout = read_bundle(folder).readout
    weight: torch.Tensor = readout.weight[readout.labels.index(finding)]  # type: ignore[union-attr]
    return weight


def test_new_films_of_known_findings_are_learned(reader: Path, drawn: Draw, learn: Learn) -> None:
    before = {name: head(reader, name) for name in FINDINGS}
    dossier = learn(reader, drawn("new", range(300, 400)))
    bundle, state = read_bundle(reader), read_state(reader)

    assert (dossier.outcome, dossier.version) == (Outcome.PASSED, 2)
    assert set(whole(dossier).values()) == {(Ground.NEW, Outcome.PASSED)}
    assert not any(torch.equal(head(reader, name), before[name]) for name in FINDINGS)
    assert (dossier.data.films, dossier.data.learned_films) == (100, 100)
    assert (dossier.before, dossier.after) == (dossier.before, bundle.fingerprint)
    assert state is not None
    assert bundle.lineage[-1].experiences == ("update 1",)
    assert all("on new films" in bundle.auroc[name].method for name in FINDINGS)


def test_a_new_finding_on_films_met_before_leaves_the_others_to_the_bit(
    reader: Path, drawn: Draw, learn: Learn
) -> None:
    learn(reader, drawn("first", range(300, 400)))
    before = {name: head(reader, name) for name in FINDINGS}
    labels = (*FINDINGS, "Nodule")
    dossier = learn(reader, drawn("labels", range(300, 400), findings=labels))

    assert (dossier.outcome, dossier.version) == (Outcome.PASSED, 3)
    assert dossier.data.passed_over == 300
    assert read_bundle(reader).labels == labels
    assert all(torch.equal(head(reader, name), before[name]) for name in FINDINGS)
    assert whole(dossier) == {
        **dict.fromkeys(FINDINGS, (Ground.BYTES, Outcome.PASSED)),
        "Nodule": (Ground.NEW, Outcome.PASSED),
    }
    assert [one.finding for one in dossier.findings if one.how == "added"] == ["Nodule"]


def test_learning_on_is_learning_at_once(
    served: Callable[..., Path], drawn: Draw, learn: Learn
) -> None:
    reader = served(Ridge())
    lax = UpdateProtocol(learn_from=1, undecided=Undecided.REPLACE, margin=0.4)
    one, two = drawn("one", range(300, 360)), drawn("two", range(360, 400))
    assert all(learn(reader, part, protocol=lax).replaced for part in (one, two))
    steps = {name: head(reader, name) for name in FINDINGS}
    roll_back(reader, to=1)
    assert learn(reader, drawn("both", range(300, 400)), protocol=lax).replaced

    assert all(torch.allclose(head(reader, name), steps[name], atol=1e-9) for name in FINDINGS)


def test_wrong_labels_fail_on_the_locked_set_and_the_reader_stays(
    reader: Path, drawn: Draw, learn: Learn
) -> None:
    before = digest_of_files(reader)
    locked = drawn("locked", range(600, 800))
    new = drawn("wrong", range(300, 500), wrong=("Edema",))
    dossier = learn(reader, new, locked=locked)

    assert (dossier.outcome, dossier.replaced) == (Outcome.FAILED, False)
    assert whole(dossier)["Edema"] == (Ground.LOCKED, Outcome.FAILED)
    assert digest_of_files(reader) == before
    with open_history(reader) as history:
        assert history.lineage.serving == 1
        assert list(history.lineage.versions) == [1]


def test_wrong_labels_fail_on_new_films_alone(reader: Path, drawn: Draw, learn: Learn) -> None:
    before = digest_of_files(reader)
    dossier = learn(reader, drawn("wrong", range(300, 400), wrong=("Edema",)))
    (edema,) = (
        check
        for check in dossier.gate.checks
        if check.finding == "Edema" and check.group == ALL and check.outcome == Outcome.FAILED
    )

    assert dossier.outcome is Outcome.FAILED
    assert edema.ground is Ground.NEW
    assert "where the card states" in edema.why
    assert digest_of_files(reader) == before


def test_too_few_films_to_tell_keep_the_reader_but_for_another_policy(
    reader: Path, drawn: Draw, learn: Learn
) -> None:
    before = digest_of_files(reader)
    locked, new = drawn("locked", range(600, 615)), drawn("new", range(300, 330))
    few = UpdateProtocol(learn_from=5, test_from=12)
    dossier = learn(reader, new, locked=locked, protocol=few)
    undecided = [c for c in dossier.gate.checks if c.outcome is Outcome.UNDECIDED]

    assert (dossier.outcome, dossier.replaced) == (Outcome.UNDECIDED, False)
    assert digest_of_files(reader) == before
    assert undecided
    assert all(check.further_positives for check in undecided)

    dossier = learn(reader, new, locked=locked, protocol=replace(few, undecided=Undecided.REPLACE))

    assert (dossier.outcome, dossier.replaced) == (Outcome.UNDECIDED, True)
    assert dossier.protocol_before == few
    assert digest_of_files(reader) != before


def test_a_finding_of_too_few_new_patients_waits_and_teaches_nothing(
    reader: Path, drawn: Draw, learn: Learn
) -> None:
    before = digest_of_files(reader)
    few = learn(reader, drawn("few", range(300, 312)))

    assert few.outcome is Outcome.PENDING
    assert digest_of_files(reader) == before
    assert set(few.waiting) == set(FINDINGS)
    assert few.after is None
    assert few.data.learned_films == 0

    more = learn(reader, drawn("more", range(300, 400)))

    assert more.outcome is Outcome.PASSED
    assert more.data.passed_over == 0


def test_every_opening_of_the_locked_set_is_counted_and_its_patients_never_teach(
    reader: Path, drawn: Draw, learn: Learn
) -> None:
    locked = drawn("locked", range(600, 700))
    first = learn(reader, drawn("new", range(300, 400)), locked=locked)
    second = learn(reader, drawn("newer", range(500, 640)), locked=locked)

    assert first.locked is not None
    assert second.locked is not None
    assert (first.locked.uses, second.locked.uses) == (1, 2)
    assert second.data.set_aside["of a patient of the locked test set"] == 40
    assert second.data.learned_films == 100


def test_a_locked_set_is_the_same_each_time_or_a_reason_is_given(
    reader: Path, drawn: Draw, learn: Learn
) -> None:
    learn(reader, drawn("new", range(300, 400)), locked=drawn("locked", range(600, 700)))
    newer, other = drawn("newer", range(400, 500)), drawn("other", range(600, 701))
    with pytest.raises(InvalidValue, match="--locked FOLDER"):
        learn(reader, newer)
    with pytest.raises(Mismatch, match="not the locked set of this reader"):
        learn(reader, newer, locked=other)
    why = UpdateProtocol(another_locked_set="one film more")
    dossier = learn(reader, newer, locked=other, protocol=why)

    assert dossier.locked is not None
    assert (dossier.locked.films, dossier.locked.uses) == (101, 1)
    assert "one film more" in (history_folder(reader) / "history.md").read_text()


@pytest.mark.parametrize("patients", [range(100, 300), range(300, 420)])
def test_a_locked_set_with_patients_who_taught_is_refused(
    patients: range, reader: Path, drawn: Draw, learn: Learn
) -> None:
    learn(reader, drawn("new", range(300, 400)))
    before = digest_of_files(reader)
    with pytest.raises(InvalidValue, match="tested on what it learned"):
        learn(reader, drawn("newer", range(500, 600)), locked=drawn("locked", patients))

    assert digest_of_files(reader) == before


def test_films_the_data_hold_back_are_scored_and_never_learned(
    reader: Path, drawn: Draw, learn: Learn
) -> None:
    dossier = learn(reader, drawn("new", range(300, 400), split="mixed"))

    assert dossier.data.learned_films == 80
    assert dossier.data.held_back == 20
    assert all(
        check.new is not None and check.new.n == 100
        for check in dossier.gate.checks
        if check.group == ALL
    )
    few = UpdateProtocol(learn_from=3)
    assert learn(reader, drawn("again", range(300, 400)), protocol=few).data.learned_films == 20


def test_labels_that_changed_since_they_taught_are_told(
    reader: Path, drawn: Draw, learn: Learn
) -> None:
    learn(reader, drawn("new", range(300, 400)))
    changed = drawn("changed", range(300, 500), wrong=("Edema",))
    dossier = learn(reader, changed)

    assert dossier.data.passed_over == 300
    assert 20 < dossier.data.corrected < 80


@pytest.mark.parametrize("strategy", [Heads(), QUICK], ids=["Heads", "RETune"])
def test_other_strategies_learn_on_too(
    strategy: Heads | RETune, served: Callable[..., Path], drawn: Draw, learn: Learn
) -> None:
    reader = served(strategy, text="toy-text")
    before = read_bundle(reader)
    locked = drawn("locked", range(600, 800))
    new = drawn("new", range(300, 400), shown=("Edema",))
    dossier = learn(reader, new, locked=locked, protocol=UpdateProtocol(margin=0.49))
    how = {one.finding: str(one.how) for one in dossier.findings}
    shares = isinstance(strategy, RETune)

    assert dossier.outcome is not Outcome.PENDING
    assert how["Edema"] == "learned"
    assert how["Edema"] != how["Cardiomegaly"] == ("moved" if shares else "unchanged")
    ground = Ground.LOCKED if shares else Ground.BYTES
    assert whole(dossier)["Cardiomegaly"][0] is ground
    assert read_bundle(reader).labels == before.labels


def test_without_a_locked_set_nobody_can_tell_of_findings_that_moved_along(
    served: Callable[..., Path], drawn: Draw, learn: Learn
) -> None:
    reader = served(QUICK, text="toy-text")
    before = digest_of_files(reader)
    dossier = learn(reader, drawn("new", range(300, 400), shown=("Edema",)))

    assert dossier.outcome is not Outcome.PASSED
    assert whole(dossier)["Cardiomegaly"] == (Ground.NONE, Outcome.UNDECIDED)
    assert digest_of_files(reader) == before


def test_a_threshold_takes_twenty_positive_films(reader: Path, drawn: Draw, learn: Learn) -> None:
    old = {rule.label: rule.threshold for rule in read_bundle(reader).rules}
    new = drawn("new", range(300, 345))
    positives = (new.labels == 1).sum(axis=0)
    lax = UpdateProtocol(test_from=5, undecided=Undecided.REPLACE)
    dossier = learn(reader, new, protocol=lax)
    now = {rule.label: rule.threshold for rule in read_bundle(reader).rules}

    assert dossier.replaced
    assert positives.min() < 20
    for column, name in enumerate(new.space.names):
        stayed = now[name] == old[name]
        assert stayed == (positives[column] < 20)
        (change,) = (one for one in dossier.findings if one.finding == name)
        assert (change.threshold == "as before") == stayed
        assert change.calibration == "from the sums"


def test_a_reader_without_a_history_begins_one_that_says_what_it_does_not_know(
    reader: Path, drawn: Draw, learn: Learn
) -> None:
    shutil.rmtree(history_folder(reader))
    dossier = learn(reader, drawn("new", range(300, 400)), locked=drawn("locked", range(600, 700)))

    assert dossier.replaced
    assert dossier.locked is not None
    assert dossier.locked.patients_unknown
    assert "not known" in (history_folder(reader) / "history.md").read_text()
    with pytest.raises(MissingFile):
        roll_back(reader.parent / "other")


def test_what_is_nothing_new_is_told(reader: Path, drawn: Draw, learn: Learn) -> None:
    learn(reader, drawn("new", range(300, 400)))
    with pytest.raises(InvalidValue, match=r"nothing to learn.*300 label\(s\) taught it before"):
        learn(reader, drawn("again", range(300, 400)))
    with pytest.raises(InvalidValue, match="no label to learn from"):
        learn(reader, drawn("blank", range(400, 420), shown=()))
    misspelt = UpdateProtocol(findings=("Edmea",))
    other = drawn("other", range(400, 440))
    with pytest.raises(UnknownName, match="Did you mean 'Edema'"):
        learn(reader, other, protocol=misspelt)


def test_what_taught_the_run_is_not_learned_again(reader: Path, drawn: Draw, learn: Learn) -> None:
    with pytest.raises(InvalidValue, match="576 label"):
        learn(reader, drawn("same", range(240), split="mixed"))


def test_a_history_of_another_bundle_is_refused(
    reader: Path, drawn: Draw, learn: Learn, served: Callable[..., Path]
) -> None:
    shutil.rmtree(reader)
    kept = history_folder(reader).rename(reader.parent / "kept")
    served(Heads())
    shutil.rmtree(history_folder(reader))
    kept.rename(history_folder(reader))
    with pytest.raises(Mismatch, match="of another bundle"):
        learn(reader, drawn("new", range(300, 400)))
    with pytest.raises(Mismatch, match="of another bundle"):
        roll_back(reader)


def test_nothing_put_down_of_an_update_names_a_patient_or_a_film(
    reader: Path, drawn: Draw, learn: Learn
) -> None:
    learn(reader, drawn("new", range(300, 400)), locked=drawn("locked", range(600, 700)))
    inside = b"".join(
        path.read_bytes() for path in history_folder(reader).rglob("*") if path.is_file()
    )

    assert b"Plantagenet" not in inside
    assert b"film-" not in inside
    assert str(reader.parent).encode() not in inside


def test_the_same_update_twice_makes_the_same_reader(
    reader: Path, drawn: Draw, learn: Learn
) -> None:
    first = learn(reader, drawn("new", range(300, 400)))
    roll_back(reader, to=1)
    second = learn(reader, drawn("again", range(300, 400)))

    assert first.gate == second.gate
    one, two = (
        read_bundle(history_folder(reader) / "versions" / f"{v:03}" / "bundle") for v in (2, 3)
    )
    assert torch.equal(
        torch.as_tensor(one.readout.weight),  # type: ignore[union-attr]
        torch.as_tensor(two.readout.weight),  # type: ignore[union-attr]
    )
    assert [rule.threshold for rule in one.rules] == [rule.threshold for rule in two.rules]


def test_without_a_store_no_feature_is_left_anywhere(
    reader: Path, drawn: Draw, learn: Learn, tmp_path: Path
) -> None:
    dossier = learn(reader, drawn("new", range(300, 400)), kept=None)

    assert dossier.replaced
    assert not (tmp_path / "store").exists()
    assert not list(tmp_path.rglob("*.npy"))


def test_a_damaged_reader_is_put_back(reader: Path, drawn: Draw, learn: Learn) -> None:
    learn(reader, drawn("new", range(300, 400)))
    right = digest_of_files(reader)
    (reader / "adaptor.safetensors").write_bytes(b"")
    with pytest.raises(UnreadableFile):
        learn(reader, drawn("newer", range(400, 500)))
    assert roll_back(reader, to=2) == 2
    assert digest_of_files(reader) == right

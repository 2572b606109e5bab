"""Two versions of a bundle do not give away whom the later one learned from."""

from collections.abc import Callable
from pathlib import Path

import torch

from carina.bundles import UpdateState, history_folder, open_history, read_bundle, read_state
from carina.learning import Ridge, sums_in
from carina.recipes import Dossier, Undecided, UpdateProtocol, roll_back
from carina.recipes.updating.restoring import at_home
from carina.studies import Manifest

Draw = Callable[..., Manifest]
Learn = Callable[..., Dossier]
FEW = UpdateProtocol(
    margin=0.4, margin_of_answers=0.4, undecided=Undecided.REPLACE, learn_from=1, test_from=5
)


def state(folder: Path) -> UpdateState:
    found = read_state(folder)
    assert found is not None
    return found


def sums(folder: Path) -> dict[str, torch.Tensor]:
    """Every sum that lies in a bundle, but for who came since, which is not a sum over films."""
    return {
        name: tensor[:4] if "/counts/" in name else tensor
        for name, tensor in state(folder).tensors.items()
    }


def rows_at_home(reader: Path, finding: str) -> int:
    with open_history(reader) as history:
        learner = at_home(history, history.lineage.serving).learner
    return sums_in(learner).findings[finding].rows


def test_what_few_patients_taught_stays_at_home_until_enough_came(
    reader: Path, drawn: Draw, learn: Learn
) -> None:
    before, held = sums(reader), rows_at_home(reader, "Edema")
    old = read_bundle(reader)
    first = learn(reader, drawn("few", range(300, 306)), protocol=FEW)
    now = read_bundle(reader)

    assert first.replaced
    assert set(first.stays) == set(old.labels)
    assert "came since" in first.stays["Edema"]
    assert {one.how for one in first.findings} == {"unchanged"}
    assert torch.equal(now.readout.weight, old.readout.weight)  # type: ignore[union-attr]
    assert now.rules == old.rules
    after = sums(reader)
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert rows_at_home(reader, "Edema") == held + 6

    more = learn(reader, drawn("more", range(306, 400)), protocol=FEW)

    assert more.stays == {}
    assert rows_at_home(reader, "Edema") == held + 100
    counts = state(reader).tensors["sums/counts/Edema"][:2] - before["sums/counts/Edema"][:2]
    assert (counts.sum(dim=1) >= 10).all()


def test_what_stayed_at_home_is_tested_when_it_leaves(
    reader: Path, drawn: Draw, learn: Learn
) -> None:
    learn(reader, drawn("few", range(300, 306)), protocol=FEW)
    few = read_bundle(reader)
    dossier = learn(reader, drawn("more", range(306, 400)), protocol=FEW)
    checked = {check.finding for check in dossier.gate.checks if check.difference is not None}

    assert checked == set(few.labels)


def test_going_back_goes_back_at_home_too(reader: Path, drawn: Draw, learn: Learn) -> None:
    held = rows_at_home(reader, "Edema")
    learn(reader, drawn("few", range(300, 306)), protocol=FEW)
    roll_back(reader)

    assert rows_at_home(reader, "Edema") == held


def test_a_finding_of_few_patients_is_in_service_once_it_may_leave(
    served: Callable[..., Path], drawn: Draw, learn: Learn
) -> None:
    reader = served(Ridge())
    first = learn(reader, drawn("six", range(300, 310), findings=("Nodule",)), protocol=FEW)

    assert "Nodule" not in read_bundle(reader).labels
    assert set(first.withheld) == {"Nodule"}
    home = history_folder(reader) / "versions" / "002" / "home"
    assert "Nodule" in read_bundle(home).labels

    second = learn(reader, drawn("many", range(310, 400), findings=("Nodule",)), protocol=FEW)

    assert "Nodule" in read_bundle(reader).labels
    assert [one.finding for one in second.findings if one.how == "added"] == ["Nodule"]
    assert rows_at_home(reader, "Nodule") == 100

"""The dossier says what changed, how it was tested, what it may affect, what is kept, who signs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from carina.bundles import history_folder, open_history
from carina.core import UnreadableFile, read_json
from carina.recipes import (
    Dossier,
    Gate,
    Outcome,
    UpdateProtocol,
    dossier_page,
)
from carina.recipes.updating.answering import Flips
from carina.recipes.updating.dossier import LockedTold
from carina.recipes.updating.gate import Untested
from carina.recipes.updating.new_cells import Waiting
from carina.studies import Manifest

Draw = Callable[..., Manifest]


@pytest.fixture
def dossier(reader: Path, drawn: Draw, learn: Callable[..., Dossier]) -> Dossier:
    """Of an update that passed on new films."""
    return learn(reader, drawn("new", range(300, 400)))


def test_what_is_written_is_what_was_said(dossier: Dossier, reader: Path) -> None:
    place = history_folder(reader) / "updates" / "001"

    assert read_json(place / "dossier.json", Dossier) == dossier
    assert (place / "dossier.md").read_text() == dossier_page(dossier)


def test_an_edited_dossier_is_told(dossier: Dossier, reader: Path) -> None:
    path = history_folder(reader) / "updates" / "001" / "dossier.json"
    path.write_text(path.read_text().replace('"margin": 0.03', '"margin": 0.30'))

    with (
        open_history(reader) as history,
        pytest.raises(UnreadableFile, match="dossier of update 1"),
    ):
        history.dossier(1)


def test_the_page_has_the_parts_of_a_change_control_plan_and_the_digest(dossier: Dossier) -> None:
    page = dossier_page(dossier)
    parts = ["Description of the modification", "Modification protocol", "Impact assessment"]

    assert all(f"## {part}\n" in page for part in [*parts, "What is kept", "For the study team"])
    assert dossier.lineage in page
    assert "Research use only" in page
    assert "| Edema | learned |" in page
    assert "| Edema | all films | AUROC | new films |" in page
    assert "There is no locked test set." in page


def test_what_only_some_updates_have_is_said_where_it_is(dossier: Dossier) -> None:
    plain = dossier_page(dossier)
    locked = LockedTold(digest="d1", films=30, patients=25, uses=11, patients_unknown=True)
    told = {
        "protocol is not that of": replace(dossier, protocol_before=UpdateProtocol(margin=0.01)),
        "margin 0.01 to 0.03": replace(dossier, protocol_before=UpdateProtocol(margin=0.01)),
        "opened 11 time(s), this one included. **A set that is used often": replace(
            dossier, locked=locked
        ),
        "nobody checked": replace(dossier, locked=locked),
        "Mass waits: its new labels come from 3 patient(s) with it and 9 without": replace(
            dossier, waiting={"Mass": Waiting(positives=3, negatives=9, wanted=10)}
        ),
        "**7 film(s) have other labels": replace(dossier, data=replace(dossier.data, corrected=7)),
        "4 label(s) had taught the reader before": replace(
            dossier, data=replace(dossier.data, passed_over=4)
        ),
        "Left out: 2 probably inverted.": replace(
            dossier, data=replace(dossier.data, set_aside={"probably inverted": 2})
        ),
        "| 5 (4 known to be without it) | 2 (1 known to have it) |": replace(
            dossier,
            flips=(
                Flips(
                    finding="Edema",
                    films=90,
                    to_yes=5,
                    to_no=2,
                    to_yes_absent=4,
                    to_no_present=1,
                ),
            ),
        ),
        "| Edema | site east | 3 | 20 |": replace(
            dossier,
            gate=Gate(
                untested=(Untested(finding="Edema", group="site east", positives=3, negatives=20),)
            ),
        ),
        "in service by policy": replace(dossier, outcome=Outcome.UNDECIDED),
        "keep it like the films": replace(dossier, single_patients=True),
        "Nothing of the data is kept": replace(dossier, replaced=False),
    }
    for words, other in told.items():
        assert words not in plain, words
        assert words in dossier_page(other), words


def test_a_name_with_a_bar_does_not_break_a_table(dossier: Dossier) -> None:
    first, *rest = dossier.findings
    odd = replace(dossier, findings=(replace(first, finding="a|b"), *rest))
    lines = [line for line in dossier_page(odd).splitlines() if line.startswith("|")]
    header, row = lines[0], next(line for line in lines if "a/b" in line)

    assert row.count("|") == header.count("|")

"""A run on a published split that leaks says so with every number."""

from dataclasses import replace
from pathlib import Path

import pytest

from carina.cards import overview_tables, write_overview, write_run_card
from carina.cli.results import show_results
from carina.features import Store
from carina.recipes import Continual, Finished, prepare, run
from carina.studies import Manifest

WHY = "rows were drawn, not patients"


@pytest.fixture(scope="module")
def done(
    recipe: Continual, manifest: Manifest, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    """A run on a split that somebody published and that leaks."""
    prepared = prepare(recipe, replace(manifest, leaks=WHY), store)
    *_, last = run(recipe, prepared, tmp_path_factory.mktemp("leaking"))
    assert isinstance(last, Finished)
    return last


def test_its_results_tell_why(done: Finished) -> None:
    assert done.results.leaks == WHY


def test_its_card_tells_why_before_the_numbers(done: Finished) -> None:
    write_run_card(done.folder)
    card = (done.folder / "card.md").read_text()

    assert card.index(WHY) < card.index("## Step by step")
    assert card.count("‡") >= 6


def test_the_terminal_tells_why(done: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    show_results(done.results)
    said = capsys.readouterr()

    assert said.out.count("‡") == 2
    assert WHY in said.err


def test_an_overview_tells_why(done: Finished, tmp_path: Path) -> None:
    write_overview([done.folder], tmp_path)

    assert WHY in (tmp_path / "card.md").read_text()
    assert overview_tables([done.folder])


def test_a_split_of_patients_is_not_marked(
    recipe: Continual, manifest: Manifest, store: Store
) -> None:
    assert prepare(recipe, manifest, store).leaks == ""

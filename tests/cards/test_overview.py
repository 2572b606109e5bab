"""Runs beside each other, and never two plans in one table."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from carina.cards import finding_rows, macro_rows, overview_tables, write_overview, write_run_card
from carina.core import InvalidValue, MissingFile
from carina.evaluation import METRICS, read_results


@pytest.fixture(scope="module")
def folders(make_run: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs of one plan and one of another, of a single step."""
    runs = tmp_path_factory.mktemp("overview") / "runs"
    first = make_run(runs / "aa", recipe="by-class-ridge")
    second = make_run(
        runs / "bb", recipe="by-class-heads", seed=5, exposed="40 films", zero_shot=False
    )
    third = make_run(runs / "cc", recipe="joint-ridge", steps=("all",), plan_id="plan-two")
    write_run_card(first)
    return [first, third, second]


@pytest.fixture(scope="module")
def overview(folders: list[Path]) -> Path:
    return write_overview(folders, folders[0].parents[1] / "out", title="Small <runs>")


def test_runs_of_different_plans_never_share_a_table(folders: list[Path]) -> None:
    tables = overview_tables(folders)

    assert [[row[0] for row in rows] for _, _, rows in tables] == [
        ["by-class-ridge", "by-class-heads"],
        ["joint-ridge"],
    ]
    assert ["plan-one" in title for title, _, _ in tables] == [True, False]
    assert all(len(row) == len(header) for _, header, rows in tables for row in rows)


def test_every_number_of_the_overview_stands_in_its_runs_results(
    overview: Path,
    folders: list[Path],
    read_page: Callable[..., Any],
    look_up: Callable[..., Any],
    as_read: Callable[..., set[str]],
) -> None:
    by_name = {folder.name: folder for folder in folders}
    told = read_page(overview).told
    wrong = []
    for given, text in told:
        value = look_up(by_name[given["data-run"]], given["data-path"])
        wanted = as_read(value, given.get("data-form", ""))
        if " ".join(text.split()) not in wanted and not (
            wanted == {"undefined"} and text.startswith("undefined")
        ):
            wrong.append((given, text, wanted))

    assert wrong == []
    # all columns but the encoders, and the unseen films of the run that has seen some
    assert len(told) == 3 * 11 + 1


def test_links_lead_to_cards_that_are_there(
    overview: Path, folders: list[Path], read_page: Callable[..., Any]
) -> None:
    links = [given["href"] for tag, given in read_page(overview).elements if tag == "a"]

    assert links == ["../runs/aa/card.html"]
    assert (overview.parent / links[0]).resolve() == (folders[0] / "card.html").resolve()
    assert "](../runs/aa/card.html)" in overview.with_suffix(".md").read_text()


def test_rows_of_exposed_encoders_carry_a_dagger_and_its_meaning(overview: Path) -> None:
    for text in (overview.read_text(), overview.with_suffix(".md").read_text()):
        assert text.count("toy-image †") == 1
        assert "† An encoder has, or may have, seen films of this data set" in text


def test_films_surely_unseen_stand_beside_in_the_tables_that_need_them(
    folders: list[Path],
) -> None:
    (_, header, rows), (_, clean, _) = overview_tables(folders)
    unseen = read_results(folders[2] / "results.json").unseen
    at = header.index("AUROC, surely unseen")

    assert unseen is not None
    assert "AUROC, surely unseen" not in clean
    assert [row[at] for row in rows] == [
        "undefined: every test film is surely unseen",
        str(unseen.summary["auroc"]["2 findings"]),
    ]


def test_runs_without_zero_shot_are_named_with_the_reason(overview: Path) -> None:
    for text in (overview.read_text(), overview.with_suffix(".md").read_text()):
        assert "No zero-shot in by-class-heads: image and text share no space." in text


def test_the_overview_stands_alone(overview: Path) -> None:
    html = overview.read_text()

    assert "//" not in html
    assert "<script" not in html
    assert set(re.findall(r"url\((.)", html)) <= {"#"}
    assert "Small &lt;runs&gt;" in html
    assert html.count('class="plot"') == 1  # one step makes no curve
    assert "Research use only. Not for diagnosis." in html


def test_the_same_runs_give_the_same_bytes(overview: Path, folders: list[Path]) -> None:
    before = overview.read_bytes()

    assert write_overview(folders, overview.parent, title="Small <runs>").read_bytes() == before


def test_an_overview_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="one run or more"):
        write_overview([], tmp_path)
    with pytest.raises(MissingFile):
        overview_tables([tmp_path])


def test_runs_of_two_seeds_are_told_apart(make_run: Callable[..., Path], tmp_path: Path) -> None:
    run = make_run(tmp_path / "one")
    other = make_run(tmp_path / "two")
    text = (other / "results.json").read_text()
    (other / "results.json").write_text(text.replace('"seed": 27', '"seed": 28'))
    rows = overview_tables([run, other])[0][2]

    assert [row[0] for row in rows] == ["small-by-class (seed 27)", "small-by-class (seed 28)"]


def test_terminal_rows_are_the_numbers_of_the_results(
    finished: Path, look_up: Callable[..., Any], as_read: Callable[..., set[str]]
) -> None:
    results = read_results(finished / "results.json")
    header, rows = finding_rows(results)
    steps_header, steps = macro_rows(results)

    assert header[2:] == steps_header[2:-2]
    told = [metric for metric in METRICS if metric != "f1_at_zero"]
    for column, metric in enumerate(told, start=2):
        for row, name in zip(rows, results.labels, strict=True):
            value = look_up(finished, f"/scores/{metric}/2/{name}")
            assert row[column] in as_read(value, "estimate") or row[column].startswith("undefined")
        for step, line in enumerate(steps):
            value = look_up(finished, f"/macro/{metric}/2 findings/{step}")
            assert line[column] in as_read(value, "estimate")
    assert [line[0] for line in steps] == list(results.labels)
    assert [line[1] for line in steps] == ["2 of 2"] * 3

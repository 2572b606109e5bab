"""Tables for people: words begin where their column begins, numbers end where it ends."""

from collections.abc import Callable

import pytest

from carina.cli.terminal import print_table

Carina = Callable[..., tuple[int, str, str]]


def rows(out: str) -> list[list[str]]:
    """Cells as they stand, blanks and all, without title, head and rule."""
    return [line.split("│") for line in out.splitlines() if "│" in line]


def test_columns_of_words_stand_left_and_numbers_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(
        "encoders",
        ["name", "what it is", "width"],
        [["toy", "small", "8"], ["efficient", "larger than that", "1280"]],
        words=(1,),
    )

    assert rows(capsys.readouterr().out) == [
        ["toy       ", " small            ", "     8"],
        ["efficient ", " larger than that ", "  1280"],
    ]


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        (("recipes",), (0, 1)),
        (("prompts",), (0, 3, 4)),
        (("prompts", "retune-4", "--finding", "Edema"), (0, 1, 2)),
        (("encoders",), (0, 1, 3, 4, 6, 7)),
        (("encoders", "toy-image"), (0, 1)),
        (("doctor",), (0, 1)),
    ],
    ids=lambda given: " ".join(map(str, given)),
)
def test_what_verbs_say_in_words_begins_at_the_left(
    line: tuple[str, ...], columns: tuple[int, ...], carina: Carina
) -> None:
    status, out, _ = carina(*line)
    said = rows(out)

    assert status == 0
    assert said
    for cells in said:
        for column in columns:
            cell = cells[column].removeprefix(" ")
            assert not cell.strip() or cell[0] != " "

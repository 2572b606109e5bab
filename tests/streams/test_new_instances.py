"""New instances and new classes: just the rows and labels of a task."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from carina.core import ConfigError, InvalidValue, LabelSpaceError, UnknownName
from carina.streams import (
    Ground,
    Labelled,
    NewInstancesAndClasses,
    Task,
    TaskRows,
    lay_out,
    view,
)

Draw = Callable[[int], tuple[Labelled, Ground]]
TASKS = (
    Task(findings=("Atelectasis", "Edema"), site="north"),
    Task(findings=("Edema",)),
)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("rows", TaskRows)
def test_a_task_has_the_films_of_its_site_and_rule_and_its_own_labels_alone(
    drawn: Draw, seed: int, rows: TaskRows
) -> None:
    labelled, ground = drawn(seed)
    stream = lay_out(NewInstancesAndClasses(tasks=TASKS, variant=rows), ground)

    assert [one.name for one in stream.experiences] == ["task 1, north", "task 2"]
    for task, experience in zip(TASKS, stream.experiences, strict=True):
        columns = ground.space.indices(task.findings)
        cells = ground.target if rows is TaskRows.SHOWING else ground.known
        for some, every in (
            (experience.rows, ground.rows),
            (experience.validation, ground.validation),
        ):
            assert some.tolist() == [
                row
                for row in every
                if cells[row, columns].any() and task.site in ("", ground.sites[row])
            ]
        assert view(experience, labelled).labels == task.findings


def test_by_the_published_rule_no_film_lacks_every_finding(drawn: Draw) -> None:
    labelled, ground = drawn(0)
    published, sound = (
        lay_out(NewInstancesAndClasses(tasks=TASKS, variant=rows), ground).experiences[0]
        for rows in (TaskRows.SHOWING, TaskRows.ALL_OF_SITE)
    )

    assert view(published, labelled).target.any(dim=1).all()
    assert not view(sound, labelled).target.any(dim=1).all()
    assert (
        "Edema without negatives"
        in lay_out(NewInstancesAndClasses(tasks=TASKS), ground).experiences[1].marks
    )


def test_a_task_without_films_is_named(drawn: Draw) -> None:
    _, ground = drawn(0)
    nowhere = replace(ground, target=ground.target & False)

    with pytest.raises(InvalidValue, match=r"Task 1 \(Atelectasis, Edema at north\) has no film"):
        lay_out(NewInstancesAndClasses(tasks=TASKS), nowhere)


def test_findings_and_sites_there_are_not_are_told(drawn: Draw) -> None:
    _, ground = drawn(0)
    for task, match in (
        (Task(findings=("Edemma",)), "Did you mean 'Edema'"),
        (Task(findings=("Edema",), site="nort"), "Did you mean 'north'"),
    ):
        with pytest.raises(UnknownName, match=match):
            lay_out(NewInstancesAndClasses(tasks=(task,)), ground)
    with pytest.raises(ConfigError, match="one task or more"):
        NewInstancesAndClasses(tasks=())
    with pytest.raises(ConfigError, match="one finding or more"):
        NewInstancesAndClasses(tasks=(Task(findings=()),))
    with pytest.raises(LabelSpaceError):
        NewInstancesAndClasses(tasks=(Task(findings=("Edema", "Edema")),))

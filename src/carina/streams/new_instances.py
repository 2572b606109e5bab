"""New instances and new classes: tasks that bring other findings, other sites, or both."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from carina.core import ConfigError, InvalidValue, unknown
from carina.streams.by_site import at_site, sites_of
from carina.streams.experience import Experience
from carina.streams.stream import Ground, laid
from carina.studies import LabelSpace

__all__ = ["NewInstancesAndClasses", "Task", "TaskRows"]


class TaskRows(StrEnum):
    """Which rows of its site a task has."""

    SHOWING = "showing"
    """Those on which one of its findings is present: the published rule. A negative of one finding
    is then always a positive of another, and no film is without any of them."""
    ALL_OF_SITE = "all-of-site"
    """Those on which one of its findings is known, present or absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Some findings at one site.

    Attributes:
        findings: What is labelled.
        site: Where; "" for all sites together.
    """

    findings: tuple[str, ...]
    site: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstancesAndClasses:
    """One task after another, each with the labels of its own findings at its own site alone.

    The NIC scenario of Ceccon et al. (Multi-Label Continual Learning for the Medical Domain, WACV
    2025, arXiv 2404.06859). A film may stand in several tasks.

    Attributes:
        tasks: In order.
        variant: Which rows of its site a task has.
    """

    kind: ClassVar[str] = "new-instances-and-classes"

    tasks: tuple[Task, ...]
    variant: TaskRows = TaskRows.SHOWING

    def __post_init__(self) -> None:
        if not self.tasks or not all(task.findings for task in self.tasks):
            raise ConfigError("There is one task or more, and each has one finding or more.")
        for task in self.tasks:
            LabelSpace(names=task.findings)

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """One a task.

        Raises:
            UnknownName: for a finding or a site there is not.
            InvalidValue: where a task has no row.
        """
        there = sites_of(ground)
        experiences = []
        for place, task in enumerate(self.tasks, start=1):
            if task.site and task.site not in there:
                raise unknown("site", task.site, there)
            rows = self._rows(ground, ground.rows, task)
            if not len(rows):
                raise InvalidValue(
                    f"Task {place} ({', '.join(task.findings)} at {task.site or 'any site'}) has no "
                    f"film: none {'shows' if self.variant is TaskRows.SHOWING else 'is labelled for'} "
                    "one of its findings. Leave the task out, or give more films."
                )
            experiences.append(
                laid(
                    ground,
                    name=f"task {place}{', ' if task.site else ''}{task.site}",
                    visible=task.findings,
                    rows=rows,
                    validation=self._rows(ground, ground.validation, task),
                )
            )
        return tuple(experiences)

    def _rows(
        self, ground: Ground, rows: Int[np.ndarray, " _"], task: Task
    ) -> Int[np.ndarray, " _"]:
        columns = ground.space.indices(task.findings)
        rows = at_site(ground, rows, task.site) if task.site else rows
        cells = ground.target if self.variant is TaskRows.SHOWING else ground.known
        kept: np.ndarray = rows[cells[rows][:, columns].any(axis=1)]
        return kept

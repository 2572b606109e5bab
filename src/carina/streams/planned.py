"""A stream as a file: laid once, it runs elsewhere on the same films, cell for cell.

``plan.json`` names films by the salted code of their image (see `Labelled.images`), which says who
has the film that it was used and says nothing to anybody else; no patient, no file and no label is
in it. A cell that was told wrong is marked as such, without what it says.
"""

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from carina.core import (
    CarinaError,
    Estimate,
    InvalidValue,
    Mismatch,
    UnreadableFile,
    digest_arrays,
    load,
    read_json,
)
from carina.streams.experience import Experience
from carina.streams.stream import SCHEMA_VERSION, Ground, Stream

__all__ = ["Planned", "labels_digest", "written"]

_LAY_ANEW = "or let the recipe that made the plan lay a new one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a plan was laid on.

    Attributes:
        manifest: Digest of the manifest.
        space: The findings, in the order of the label columns.
        labels: Digest of what the labels of all films count as, under the recipe's policy.
    """

    manifest: str
    space: tuple[str, ...]
    labels: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One experience of a plan's file; see `Experience`.

    Attributes:
        rows: How many films it shows.
        validation: How many are held back.
        films: Their places in the list of films, from 0, neighbours as first and last: "0-9 12".
        held: The same of films held back.
        cells: Bits of (films, visible), packed, in base64; None shows all.
        flipped: The same of cells told wrong; None where none is.
        held_cells: The same of films held back.
    """

    name: str
    visible: tuple[str, ...]
    rows: int
    validation: int
    retracts: bool
    text_only: bool
    picked: bool
    confounding: dict[str, Estimate]
    marks: tuple[str, ...]
    films: str
    held: str
    cells: str | None
    flipped: str | None
    held_cells: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """The whole of ``plan.json``.

    Attributes:
        kind: The scenario.
        variant: Which form of it.
        plan_id: Of all that follows and the inputs.
        plan: The plan that laid it, as plain values.
        findings: Every finding shown, in the order of meeting.
        taught: The step, from 1, that first shows each.
        inputs: What it was laid on.
        films: Names of all films to learn from and held back, in the order of the manifest.
        experiences: In order.
    """

    schema_version: int
    kind: str
    variant: str
    plan_id: str
    plan: dict[str, Any]
    findings: tuple[str, ...]
    taught: tuple[int, ...]
    inputs: Inputs
    films: tuple[str, ...]
    experiences: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The stream of a plan's file, on the films it was laid on and no others.

    Attributes:
        file: A run's ``plan.json``; in a recipe's file, relative to that file.
    """

    file: str

    @property
    def kind(self) -> str:
        """The scenario of the plan that was laid; "planned" where its file cannot be read."""
        try:
            return self.read().kind
        except CarinaError:  # `experiences` tells; whoever asks what kind of plan it is need not
            return "planned"

    @property
    def variant(self) -> str:
        """Which form of it; likewise."""
        try:
            return self.read().variant
        except CarinaError:
            return "planned"

    def read(self) -> PlanFile:
        """What the file holds.

        Raises:
            MissingFile, UnreadableFile, ConfigError: where it is not there or of another form.
            Mismatch: where another carina wrote it.
        """
        path = Path(self.file)
        plain: Any = read_json(path, Any)
        form = plain.get("schema_version") if isinstance(plain, dict) else None
        if form != SCHEMA_VERSION:
            raise Mismatch(
                f"{path.name} is no plan of form {SCHEMA_VERSION}, which this carina reads; its "
                f"schema_version is {form!r}. Run its recipe again."
            )
        return load(plain, PlanFile, what=path.name)

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """Those of the file.

        Raises:
            Mismatch: where it shows a label before its turn, or manifest, findings, films or labels
                are not those it was laid on, saying which and what to do.
        """
        plan = self.read()
        _refuse_early(plan)
        rows = _matched(plan, ground)
        return tuple(_experience(step, rows) for step in plan.experiences)


def written(stream: Stream, ground: Ground) -> dict[str, object]:
    """What ``plan.json`` holds: counts and marks for people, films and cells for `Planned`.

    Raises:
        InvalidValue: where the ground has no codes of images to name films by.
    """
    used = _used(ground)
    place = {int(row): at for at, row in enumerate(used)}
    described = stream.described()
    heads: Any = described["experiences"]
    return {
        **described,
        "taught": [stream.taught[finding] for finding in stream.findings],
        "inputs": Inputs(
            manifest=ground.digest, space=ground.space.names, labels=labels_digest(ground)
        ),
        "films": _names(ground, used),
        "experiences": [
            {
                **head,
                "films": _runs([place[int(row)] for row in one.rows]),
                "held": _runs([place[int(row)] for row in one.validation]),
                "cells": _packed(one.cells),
                "flipped": _packed(one.flipped),
                "held_cells": _packed(one.validation_cells),
            }
            for head, one in zip(heads, stream.experiences, strict=True)
        ],
    }


def labels_digest(ground: Ground) -> str:
    """Of what the labels of the rows to learn from and held back count as."""
    used = _used(ground)
    read = {"target": ground.target[used], "known": ground.known[used]}
    if ground.soft is not None:
        read["soft"] = ground.soft[used]
    return digest_arrays(read)


def _refuse_early(plan: PlanFile) -> None:
    turn = dict(zip(plan.findings, plan.taught, strict=False))
    for step, one in enumerate(plan.experiences, start=1):
        for finding in one.visible:
            if turn.get(finding, len(plan.experiences) + 1) > step:
                raise Mismatch(
                    f"Step {step} of the plan ({one.name}) would show {finding} before its turn, "
                    f"which is step {turn.get(finding, 'none')}: the file was changed. Take it as "
                    f"it was written, {_LAY_ANEW}."
                )


def _matched(plan: PlanFile, ground: Ground) -> Int[np.ndarray, " films"]:
    """The row of each film of the plan."""
    if plan.inputs.manifest != ground.digest:
        raise Mismatch(
            f"The plan was laid on the manifest {plan.inputs.manifest}, and this is "
            f"{ground.digest}: other films, labels or splits. Read the data as they were read for "
            f"the plan, {_LAY_ANEW}."
        )
    if plan.inputs.space != ground.space.names:
        raise Mismatch(
            f"The plan is of the findings {', '.join(plan.inputs.space)}, and the recipe learns "
            f"{', '.join(ground.space.names)}. Set `findings` to the plan's, {_LAY_ANEW}."
        )
    used = _used(ground)
    row_of = dict(zip(_names(ground, used), used.tolist(), strict=True))
    if missing := [name for name in plan.films if name not in row_of]:
        raise Mismatch(
            f"{len(missing)} of the {len(plan.films)} films of the plan are not here: their files "
            "are others, cannot be read, or the recipe has another `salt`. Copy them anew and "
            f"encode again, or set the salt, {_LAY_ANEW}."
        )
    if more := len(row_of) - len(plan.films):
        raise Mismatch(
            f"{more} film(s) here are not in the plan: where it was laid they could not be read. "
            f"Take them out of the table there and here, {_LAY_ANEW}."
        )
    if plan.inputs.labels != (now := labels_digest(ground)):
        raise Mismatch(
            f"The plan was laid on labels read as {plan.inputs.labels}, and they are read as {now}. "
            f"Set the recipe's `policy` to the plan's, {_LAY_ANEW}."
        )
    return np.array([row_of[name] for name in plan.films], dtype=np.int64)


def _experience(step: Step, rows: Int[np.ndarray, " films"]) -> Experience:
    films, held = _unrun(step.films, len(rows)), _unrun(step.held, len(rows))
    return Experience(
        name=step.name,
        visible=step.visible,
        rows=rows[films],
        cells=_unpacked(step.cells, len(films), len(step.visible)),
        flipped=_unpacked(step.flipped, len(films), len(step.visible)),
        validation=rows[held],
        validation_cells=_unpacked(step.held_cells, len(held), len(step.visible)),
        retracts=step.retracts,
        text_only=step.text_only,
        picked=step.picked,
        marks=step.marks,
    )


def _used(ground: Ground) -> Int[np.ndarray, " used"]:
    return np.sort(np.concatenate([ground.rows, ground.validation]))


def _names(ground: Ground, rows: Int[np.ndarray, " used"]) -> list[str]:
    """Each row's film; a film that stands in several rows is numbered from its second on."""
    if ground.images is None:
        raise InvalidValue("A plan's file names films by the codes of their images; got none.")
    seen: dict[int, int] = {}
    names = []
    for code in ground.images[rows].tolist():
        seen[code] = seen.get(code, 0) + 1
        names.append(f"{code:016x}" + (f".{seen[code]}" if seen[code] > 1 else ""))
    return names


def _runs(places: Sequence[int]) -> str:
    """Places in order, neighbours as first and last.

    >>> _runs([3, 4, 5, 9, 1])
    '3-5 9 1'
    """
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][1] + 1:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    return " ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs)


def _unrun(text: str, films: int) -> Int[np.ndarray, " places"]:
    runs = [np.array([], dtype=np.int64)]
    for run in text.split():
        first, _, last = run.partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()):
            raise UnreadableFile("A plan lists places that name no films; the file was changed.")
        if int(last or first) >= films:
            raise UnreadableFile(
                f"The plan names films beyond the {films} it lists; it was changed."
            )
        runs.append(np.arange(int(first), int(last or first) + 1))
    return np.concatenate(runs)


def _packed(cells: Bool[np.ndarray, "rows visible"] | None) -> str | None:
    return None if cells is None else b64encode(np.packbits(cells).tobytes()).decode()


def _unpacked(text: str | None, rows: int, visible: int) -> Bool[np.ndarray, "rows visible"] | None:
    if text is None:
        return None
    try:
        bits = np.unpackbits(np.frombuffer(b64decode(text, validate=True), dtype=np.uint8))
    except (Error, ValueError):
        bits = np.array([], dtype=np.uint8)
    if len(bits) != -(-rows * visible // 8) * 8:
        raise UnreadableFile("The cells of a plan do not fit its films; the file was changed.")
    return bits[: rows * visible].reshape(rows, visible).astype(bool)

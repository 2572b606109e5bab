"""A plan's file lays the same stream on the same films, and on nothing else."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carina.core import CarinaError, Mismatch, MissingFile, UnreadableFile, to_json
from carina.streams import (
    ByClass,
    ByLabel,
    CellMatched,
    Corrected,
    Deletion,
    Ground,
    Labelled,
    LabelRows,
    Planned,
    StreamPlan,
    found_from,
    identity,
    lay_out,
    names_a_file,
    view,
    written,
)
from carina.studies import LabelSpace

Draw = Callable[[int], tuple[Labelled, Ground]]
GROWING = ByLabel(variant=LabelRows.SAME_FILMS)


def put(path: Path, plan: StreamPlan, ground: Ground) -> Planned:
    """A plan's file, and the plan of it."""
    path.write_text(to_json(written(lay_out(plan, ground), ground)))
    return Planned(file=str(path))


def changed(planned: Planned, change: Callable[[dict[str, Any]], object]) -> Planned:
    """The plan with its file tampered with."""
    plain = json.loads(Path(planned.file).read_text())
    change(plain)
    Path(planned.file).write_text(json.dumps(plain))
    return planned


def test_it_lays_the_same_stream_cell_for_cell(
    full: tuple[Labelled, Ground], every: StreamPlan, tmp_path: Path
) -> None:
    labelled, ground = full
    stream = lay_out(every, ground)
    again = lay_out(put(tmp_path / "plan.json", every, ground), ground)

    assert (again.plan_id, again.kind, again.variant) == (
        stream.plan_id,
        stream.kind,
        stream.variant,
    )
    assert again.plan == stream.plan
    for one, other in zip(stream.experiences, again.experiences, strict=True):
        seen, twin = view(one, labelled), view(other, labelled)
        for name in ("features", "target", "known", "patients", "images"):
            assert getattr(seen, name).equal(getattr(twin, name))
        assert (seen.name, seen.labels, seen.retracts, seen.text_only) == (
            twin.name,
            twin.labels,
            twin.retracts,
            twin.text_only,
        )
        assert (one.marks, one.picked, one.confounding) == (
            other.marks,
            other.picked,
            other.confounding,
        )
        assert np.array_equal(one.validation, other.validation)


def test_written_again_it_is_the_same_file(drawn: Draw, every: StreamPlan, tmp_path: Path) -> None:
    _, ground = drawn(0)
    planned = put(tmp_path / "plan.json", every, ground)
    again = put(tmp_path / "again.json", planned, ground)

    assert Path(again.file).read_bytes() == Path(planned.file).read_bytes()


def test_a_film_that_stands_in_two_rows_is_told_apart(drawn: Draw, tmp_path: Path) -> None:
    _, ground = drawn(0)
    assert ground.images is not None
    images = ground.images.copy()
    images[ground.rows[4]] = images[ground.rows[1]]
    twice = replace(ground, images=images)
    planned = put(tmp_path / "plan.json", ByClass(), twice)
    films = json.loads(Path(planned.file).read_text())["films"]

    assert sum(name.endswith(".2") for name in films) == 1
    assert lay_out(planned, twice).plan_id == lay_out(ByClass(), twice).plan_id


def test_neither_a_patient_nor_a_label_is_in_the_file(drawn: Draw, tmp_path: Path) -> None:
    """Of two tables that differ in labels alone, films and cells are written alike."""
    _, ground = drawn(0)
    other = replace(ground, target=ground.known & ~ground.target)
    plans = []
    for at, one in enumerate((ground, other)):
        planned = put(tmp_path / f"{at}.json", Deletion(of=GROWING, share=0.3), one)
        plain = json.loads(Path(planned.file).read_text())
        text = Path(planned.file).read_text()
        for code in one.patients.tolist():
            assert str(code) not in text
            assert f"{code:x}" not in text
        for step in plain["experiences"]:
            del step["marks"], step["confounding"]
        plain["inputs"].pop("labels")
        plain.pop("plan_id")
        plans.append(plain)

    assert plans[0] == plans[1]


def test_a_label_shown_before_its_turn_is_refused_by_name(drawn: Draw, tmp_path: Path) -> None:
    _, ground = drawn(0)
    planned = put(tmp_path / "plan.json", GROWING, ground)

    def show_early(plain: dict[str, Any]) -> None:
        plain["experiences"][0]["visible"].append("Edema")

    with pytest.raises(
        Mismatch, match=r"^Step 1 of the plan \(Atelectasis\) would show Edema before its turn, .*2"
    ):
        lay_out(changed(planned, show_early), ground)


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain["experiences"][0].update(films="0-3"),
        lambda plain: plain["experiences"][1].update(retracts=True),
        lambda plain: plain["experiences"][0].update(name="another"),
        lambda plain: plain["experiences"].pop(),
        lambda plain: plain["experiences"][1]["visible"].reverse(),
        lambda plain: plain["plan"].update(variant="new-films"),
        lambda plain: plain.update(variant="new-films"),
        lambda plain: plain.update(plan_id="0" * 20),
        lambda plain: plain["films"].reverse(),
    ],
)
def test_a_file_that_was_changed_is_refused(
    drawn: Draw, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    _, ground = drawn(0)
    planned = put(tmp_path / "plan.json", GROWING, ground)

    with pytest.raises(Mismatch, match="the file was changed"):
        lay_out(changed(planned, change), ground)


def other_digest(ground: Ground) -> Ground:
    return replace(ground, digest="1" * 20)


def fewer_findings(ground: Ground) -> Ground:
    return replace(
        ground,
        space=LabelSpace(names=ground.space.names[:2]),
        target=ground.target[:, :2],
        known=ground.known[:, :2],
    )


def other_policy(ground: Ground) -> Ground:
    return replace(ground, target=ground.known & ~ground.target)


def other_salt(ground: Ground) -> Ground:
    assert ground.images is not None
    return replace(ground, images=ground.images ^ np.int64(1))


def film_gone(ground: Ground) -> Ground:
    return replace(ground, rows=ground.rows[1:])


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (other_digest, r"laid on the manifest 0{20}, and this is 1{20}: .*Read the data as"),
        (fewer_findings, r"of the findings Atelectasis, .*the recipe learns .*Set `findings`"),
        (other_policy, r"labels read as [0-9a-f]{40}, and they are read as .*`policy`"),
        (other_salt, r"^(\d+) of the \1 films of the plan are not here: .*`salt`"),
        (film_gone, r"^1 of the \d+ films of the plan are not here"),
    ],
)
def test_other_inputs_are_refused_with_which_and_what_to_do(
    drawn: Draw, tmp_path: Path, other: Callable[[Ground], Ground], says: str
) -> None:
    _, ground = drawn(0)
    planned = put(tmp_path / "plan.json", ByClass(), ground)

    with pytest.raises(Mismatch, match=says) as caught:
        lay_out(planned, other(ground))
    assert "\n" not in str(caught.value)


def test_a_film_more_than_the_plan_knows_is_refused(drawn: Draw, tmp_path: Path) -> None:
    _, ground = drawn(0)
    planned = put(tmp_path / "plan.json", ByClass(), film_gone(ground))

    with pytest.raises(Mismatch, match=r"^1 film\(s\) here are not in the plan"):
        lay_out(planned, ground)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda plain: plain["experiences"][0].update(films="0-99999999999999"), "films beyond"),
        (lambda plain: plain["experiences"][0].update(films="0-x"), "name no films"),
        (lambda plain: plain["experiences"][0].update(films="-3"), "name no films"),
        (lambda plain: plain["experiences"][0].update(cells="AAAA"), "do not fit"),
        (lambda plain: plain["experiences"][0].update(cells="no base64"), "do not fit"),
        (lambda plain: plain.update(unknown=1), "no key 'unknown'"),
        (lambda plain: plain.update(schema_version=1), "no plan of form 2"),
    ],
)
def test_a_damaged_file_is_one_clear_error(
    drawn: Draw, tmp_path: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    _, ground = drawn(0)
    planned = put(tmp_path / "plan.json", GROWING, ground)

    with pytest.raises(CarinaError, match=says):
        lay_out(changed(planned, change), ground)


def test_a_file_that_is_none_says_so(drawn: Draw, tmp_path: Path) -> None:
    _, ground = drawn(0)
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "text.json").write_text("once upon")
    for name, error in (
        ("missing.json", MissingFile),
        ("list.json", Mismatch),
        ("text.json", UnreadableFile),
    ):
        with pytest.raises(error):
            lay_out(Planned(file=str(tmp_path / name)), ground)


def test_what_a_plan_is_does_not_hang_on_where_its_file_lies(drawn: Draw, tmp_path: Path) -> None:
    _, ground = drawn(0)
    here = put(tmp_path / "here.json", ByClass(), ground)
    there = put(tmp_path / "there.json", ByClass(), ground)
    other = put(tmp_path / "other.json", GROWING, ground)

    assert identity(here) == identity(there) != identity(other)
    assert identity(CellMatched(of=here)) == identity(CellMatched(of=there))
    assert str(tmp_path) not in json.dumps(identity(CellMatched(of=here)))
    assert lay_out(CellMatched(of=here), ground).plan == {
        "kind": "CellMatched",
        "of": dict(lay_out(ByClass(), ground).plan),
    }


def test_files_are_looked_for_from_a_folder(tmp_path: Path) -> None:
    inside = Deletion(of=Planned(file="plan.json"))
    moved = found_from(CellMatched(of=inside), tmp_path)

    assert names_a_file(moved)
    assert not names_a_file(CellMatched(of=Corrected()))
    assert isinstance(moved.of, Deletion)
    assert moved.of.of == Planned(file=str(tmp_path / "plan.json"))
    assert found_from(ByClass(), tmp_path) == ByClass()


def test_a_list_of_films_is_short_where_they_are_neighbours(drawn: Draw, tmp_path: Path) -> None:
    _, ground = drawn(0)
    planned = put(tmp_path / "plan.json", ByClass(), ground)
    steps = json.loads(Path(planned.file).read_text())["experiences"]

    assert all(re.fullmatch(r"[0-9 -]+", step["films"]) for step in steps)
    assert len({step["films"] for step in steps}) == 1

"""Prompt banks on the command line: listed, looked over and tried."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from carina.adaptors import bank_names, load_bank
from carina.phantoms import write_phantoms

Carina = Callable[..., tuple[int, str, str]]
SIGNS = {
    "positive": ["Dots.", "Branches."],
    "negative": ["Clear airways.", "Normal vessels."],
    "uncertain": ["Dots, possibly vessels.", "Branches that may be vessels."],
}


def folder(path: Path, **changes: object) -> Path:
    """Findings of one's own, as a folder."""
    path.mkdir()
    plain = {"finding": "Tree In Bud", "names": ["tree-in-bud dots"], "signs": SIGNS, **changes}
    (path / "tree-in-bud.json").write_text(json.dumps(plain))
    return path


def whole(path: Path, *negative: str) -> Path:
    """A bank of one's own, as a folder of one finding."""
    folder(path).joinpath("findings").mkdir()
    (path / "tree-in-bud.json").rename(path / "findings" / "tree-in-bud.json")
    style = {
        "name": "note",
        "positive": ["{finding} seen", "Picture of {finding}"],
        "negative": list(negative) or ["No {finding}", "Picture without {finding}"],
        "uncertain": ["Possible {finding}", "Questionable {finding}"],
    }
    head = {"name": "house", "version": 1, "source": "a test", "signs": 0, "styles": [style]}
    (path / "bank.json").write_text(json.dumps(head))
    return path


def test_banks_are_listed_and_prompts_of_a_finding_shown_with_their_style(carina: Carina) -> None:
    _, listed, _ = carina("prompts")
    _, shown, _ = carina("prompts", "carina-14", "--finding", "Effusion")

    assert all(load_bank(name).fingerprint in listed for name in bank_names())
    assert "Large bilateral pleural fluid collections" in shown
    assert all(word in shown for word in ("present", "absent", "uncertain", "impression", "sign"))


def test_a_folder_of_ones_own_is_named_by_its_path(carina: Carina, tmp_path: Path) -> None:
    path = f"{folder(tmp_path / 'mine')}/"
    status, shown, _ = carina("prompts", path, "--finding", "Tree In Bud")

    assert status == 0
    assert "No radiographic evidence of tree-in-bud dots." in shown


def test_lint_ends_with_0_where_it_only_warns(carina: Carina) -> None:
    status, out, _ = carina("prompts", "lint", "retune-1")

    assert status == 0
    assert "0 error(s)" in out
    assert "and 56 more" in out


def test_lint_ends_with_1_where_a_negative_does_not_deny(carina: Carina, tmp_path: Path) -> None:
    sound, faulty = (
        whole(tmp_path / "sound"),
        whole(tmp_path / "faulty", "No {finding}", "{finding}"),
    )
    status, out, _ = carina("prompts", "lint", faulty)

    assert carina("prompts", "lint", sound)[0] == 0
    assert status == 1
    assert "no-negation" in out


def test_lint_with_an_encoder_says_what_is_near_and_speaks_json(
    carina: Carina, tmp_path: Path
) -> None:
    status, out, said = carina(
        *("prompts", "lint", whole(tmp_path / "house"), "--encoder", "toy-text", "--json")
    )
    remarks = json.loads(out)

    assert status == 0
    assert "toy-text reads 4 prompts of 1 findings" in said
    assert {remark["severity"] for remark in remarks} <= {"warning", "note"}
    assert all(set(one) == {"severity", "topic", "finding", "text", "prompts"} for one in remarks)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("lint", "retune4"), "Did you mean 'retune-4'?"),
        (("lint", "retune-4", "--encoder", "minilm"), "minilm-l6"),
        (("test", "retune-4"), "--encoder"),
        (("test", "retune-4", "--encoder", "toy-text", "--store", "s"), "all three"),
    ],
)
def test_bad_words_are_one_clear_line(carina: Carina, words: tuple[str, ...], hint: str) -> None:
    status, _, said = carina("prompts", *words)

    assert status == 2
    assert hint in said
    assert len(said.strip().splitlines()) == 1


def test_faults_of_a_file_are_bad_input(carina: Carina, tmp_path: Path) -> None:
    status, _, said = carina("prompts", "lint", folder(tmp_path / "mine", nmaes=[], names=[]))

    assert status == 2
    assert "Did you mean 'names'?" in said
    assert "Traceback" not in said


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, carina: Carina) -> Path:
    """Phantoms with reports, and their toy features."""
    work = tmp_path_factory.mktemp("films")
    for _ in write_phantoms(work / "data", patients=60, seed=2, size=64):
        pass
    carina("encode", work / "data", "--encoder", "toy-image", "--store", work / "store")
    return work


def test_a_trial_scores_styles_and_negation_and_films(carina: Carina, films: Path) -> None:
    data = ("--data", films / "data", "--store", films / "store", "--image-encoder", "toy-image")
    status, out, _ = carina("prompts", "test", "retune-4", "--encoder", "toy-text", *data, "--json")
    trial = json.loads(out)

    assert status == 0
    assert [one["style"] for one in trial["negation"]] == ["1", "2", "3", "4", "all"]
    assert len(trial["agreement"]) == 6
    assert [one["style"] for one in trial["films"]["styles"]] == ["1", "2", "3", "4", "all"]
    assert trial["films"]["spread"]["patients"] > 20
    assert trial["doubt"] is None


def test_a_trial_for_people_has_a_table_for_each_question(carina: Carina, tmp_path: Path) -> None:
    status, out, said = carina(
        "prompts", "test", whole(tmp_path / "house"), "--encoder", "toy-text"
    )

    assert status == 0
    assert all(word in out for word in ("styles:", "negation:", "uncertain prompts"))
    assert "films" not in out
    assert "toy-text reads" in said

"""A bank of a file a finding: complete, read as meant, and added to by a file."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from carina.adaptors import FindingBank, encode_bank, lint_prompts, load_bank
from carina.adaptors.finding_bank import Style
from carina.core import ConfigError, InvalidValue, MissingFile, UnknownName
from carina.encoders import load_text_encoder
from carina.studies import FINDINGS, LABELLED, LabelSpace, label_report

SHIPPED = "carina-14"
TREE = {
    "finding": "Tree In Bud",
    "names": ["a tree-in-bud pattern", "tree-in-bud nodularity"],
    "severities": ["subtle", "extensive"],
    "locations": ["{name} in the right lower lobe"],
    "signs": {
        "positive": ["Branching dots end at the pleura.", "Clustered centrilobular dots."],
        "negative": ["Small airways are clear.", "Peripheral vessels branch normally."],
        "uncertain": ["Dots that may be vessels.", "Branching dots, possibly end-on vessels."],
    },
}
HEAD = {
    "name": "house",
    "version": 3,
    "source": "a test",
    "signs": 1,
    "styles": [
        {
            "name": "note",
            "positive": ["{finding} seen"],
            "negative": ["no {finding}"],
            "uncertain": ["possible {finding}"],
        }
    ],
}


@cache
def shipped() -> FindingBank:
    bank = load_bank(SHIPPED)
    assert isinstance(bank, FindingBank)
    return bank


def written(folder: Path, name: str, plain: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(plain))
    return folder


def test_the_shipped_bank_has_every_finding_of_the_registry_and_nothing_to_be_remarked() -> None:
    assert set(shipped().findings) == {finding.name for finding in FINDINGS}
    assert lint_prompts(shipped()) == ()


def test_the_shipped_bank_speaks_in_five_styles_fourteen_prompts_a_side() -> None:
    assert shipped().style_names == ("report", "label", "impression", "caption", "sign")
    assert shipped().a_side == 14
    assert shipped().texts("Edema").styles == (
        *(style for style in ("report", "label", "impression", "caption") for _ in range(3)),
        *("sign", "sign"),
    )


def test_texts_are_as_they_would_be_dictated() -> None:
    texts = shipped().texts("effusion")

    assert texts.positive[1] == "The frontal view reveals a small right pleural fluid collection."
    assert texts.positive[3] == "Large bilateral pleural fluid collections"
    assert texts.negative[8] == "No radiographic evidence of a pleural effusion."
    assert texts.uncertain[6] == "Conclusion: bilateral pleural effusions cannot be excluded."
    assert texts.negative[12] == "Both costophrenic angles keep their normal acute shape."


def test_no_text_has_a_blank_left_or_a_slip_of_grammar() -> None:
    slips = re.compile(
        r"[{}]|  | ,|\ba (?=[aeiou](?!ni))|\ban (?=[^aeiouAEIOUxS])|(\b\w+\b) \1\b|sss"
    )
    for finding in shipped().findings:
        texts = shipped().texts(finding)
        for text in (*texts.positive, *texts.negative, *texts.uncertain):
            assert not slips.search(text), text
            assert text[0] == text[0].upper()


def test_the_report_labeller_reads_the_prompts_as_they_are_meant() -> None:
    """Sentences of the styles report and impression: 388 of 396."""
    right = []
    for finding in set(LABELLED) - {"No Finding"}:
        texts = shipped().texts(finding)
        sides = {
            "PRESENT": texts.positive,
            "ABSENT": texts.negative,
            "UNCERTAIN": texts.uncertain,
        }
        right += [
            label_report(text)[finding].name == wanted
            for wanted, side in sides.items()
            for style, text in zip(texts.styles, side, strict=True)
            if style in ("report", "impression")
        ]

    assert len(right) == 396
    assert sum(right) >= 388


def test_a_normal_chest_is_opposed_to_disease_and_not_denied() -> None:
    texts = shipped().texts("No_Finding")

    assert texts.opposed
    assert texts.positive[0] == "The chest radiograph demonstrates a normal chest."
    assert texts.negative[0] == "The chest radiograph demonstrates an abnormality."


def test_styles_alone_say_the_same_of_a_finding() -> None:
    said = {
        style: [text.lower() for text in shipped().only(style).texts("Hernia").positive]
        for style in ("report", "label", "impression", "caption")
    }
    phrases = ("hernia", "small retrocardiac herniation of abdominal contents")

    assert all(phrase in texts[at] for texts in said.values() for at, phrase in enumerate(phrases))


def test_sides_of_a_plain_bank_differ_in_what_they_say_alone() -> None:
    plain = shipped().plain().texts("Edema")

    assert (plain.positive[4], plain.negative[4]) == (
        "Pulmonary edema: present",
        "Pulmonary edema: absent",
    )
    for places in zip(plain.positive[:12], plain.negative[:12], plain.uncertain[:12], strict=True):
        assert len({"lung" in text.lower() for text in places}) == 1


def test_a_finding_is_added_by_adding_a_file(tmp_path: Path) -> None:
    mine = load_bank(str(written(tmp_path / "mine", "tree-in-bud.json", TREE)))
    texts = mine.texts("tree_in_bud")

    assert mine.name == "mine"
    assert texts.positive[0] == "The chest radiograph demonstrates a tree-in-bud pattern."
    assert mine.texts("Edema") == shipped().texts("Edema")
    assert mine.fingerprint != shipped().fingerprint
    vectors = encode_bank(
        mine, LabelSpace(names=("Edema", "Tree In Bud")), load_text_encoder("toy-text")
    )
    assert vectors.positive.shape == (2, 14, 32)


def test_a_file_of_a_known_finding_takes_its_place(tmp_path: Path) -> None:
    own = {**TREE, "finding": "Effusion", "names": ["water in the chest"]}
    mine = load_bank(str(written(tmp_path / "mine", "pleural-effusion.json", own)))

    assert len(mine.findings) == len(shipped().findings)
    assert "water in the chest" in mine.texts("Pleural Effusion").positive[0]


def house(folder: Path, **changes: Any) -> FindingBank:
    written(folder, "bank.json", HEAD)
    written(folder / "findings", "tree-in-bud.json", {**TREE, **changes})
    bank = load_bank(str(folder))
    assert isinstance(bank, FindingBank)
    return bank


def test_the_place_of_a_folder_is_not_in_its_fingerprint_and_its_texts_are(tmp_path: Path) -> None:
    first, other = house(tmp_path / "a"), house(tmp_path / "b")
    told = house(tmp_path / "c", names=["tree-in-bud dots"])

    assert first.fingerprint == other.fingerprint != told.fingerprint


def test_a_whole_bank_of_ones_own_has_its_own_styles(tmp_path: Path) -> None:
    mine = house(tmp_path)

    assert (mine.name, mine.version, mine.a_side) == ("house", 3, 2)
    assert mine.findings == ("Tree In Bud",)
    assert mine.texts("Tree In Bud").negative == (
        "No tree-in-bud pattern",
        "Small airways are clear.",
    )


def test_a_finding_without_words_says_how_to_give_it_some() -> None:
    with pytest.raises(UnknownName, match=r"'Hernya'\. Did you mean 'Hernia'.*hernya\.json"):
        shipped().texts("Hernya")


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    folder = written(tmp_path / "mine", "tree-in-bud.json", {**TREE, "name": [], "severities": "x"})
    written(folder, "other.json", {**TREE, "finding": "Honeycombing"})
    written(folder, "empty.json", {**TREE, "names": []})
    (folder / "broken.json").write_text("{")

    with pytest.raises(ConfigError) as refused:
        load_bank(str(folder))
    said = str(refused.value)
    assert "no key 'name'. Did you mean 'names'?" in said
    assert "severities: wanted a list" in said
    assert "other.json is of 'Honeycombing': name it honeycombing.json" in said
    assert "names in prompts" in said
    assert "broken.json is no JSON" in said


@pytest.mark.parametrize(
    ("head", "finding", "message"),
    [
        ({"signs": 3}, {}, "takes 3 signs a side; Tree In Bud has 2"),
        ({"signs": 0, "styles": []}, {}, "styles, each named once, or signs"),
        ({"styles": [HEAD["styles"][0]] * 2}, {}, "each named once"),  # type: ignore[index]
        ({}, {"signs": {"positive": [], "negative": [], "uncertain": []}}, "Tree In Bud has 0"),
    ],
)
def test_a_bank_whose_parts_do_not_fit_is_refused(
    head: dict[str, Any], finding: dict[str, Any], message: str, tmp_path: Path
) -> None:
    folder = written(tmp_path / "house", "bank.json", {**HEAD, **head})
    written(folder / "findings", "tree-in-bud.json", {**TREE, **finding})

    with pytest.raises(ConfigError, match=message):
        load_bank(str(folder))


def test_a_folder_without_a_finding_is_no_bank(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(ConfigError, match="no file of a finding"):
        load_bank(str(tmp_path / "mine"))
    with pytest.raises(ConfigError, match="no file of a finding lies in the folder 'findings'"):
        load_bank(str(written(tmp_path / "mine", "bank.json", HEAD)))
    with pytest.raises(MissingFile):
        load_bank(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "sign"}, "files of findings"),
        ({"negative": ()}, "templates"),
        ({"negative": ("none",)}, "has {finding}"),
        ({"positive": ("{finding} or {a finding}",)}, "once"),
    ],
)
def test_a_style_that_cannot_be_filled_is_refused(changes: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = {
        "name": "note",
        "positive": ("{finding}",),
        "negative": ("no {finding}",),
        "uncertain": ("possible {finding}",),
    }
    with pytest.raises(InvalidValue, match=message):
        Style(**{**fields, **changes})

"""Trials: an encoder that reads negation passes, one that does not fails, and style is told apart."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from carina.adaptors import FindingBank, PromptBank, PromptTrial, Shown, load_bank, try_prompts
from carina.adaptors.prompt_trials import _negation
from carina.encoders import Encoded, EncoderCard, load_text_encoder
from carina.features import PromptVectors
from carina.studies import LabelSpace

SPACE = LabelSpace(names=("Edema", "Pneumothorax", "Mass"))
NAMES = ("edema", "pneumothorax|air collection", "mass")
DENIES = r"\bno\b|\bnot\b|without|absent"
DOUBTS = r"possibl|question|suspect|equivocal|excluded|may "
CAPTION = r"patient|frontal chest|image"
STYLES = ("report", "label", "impression", "caption")


class Reader:
    """A text encoder of five numbers: a name each, then denial (half for doubt).

    Where it sees style, captions have their denial in the fifth number instead of the fourth.
    """

    def __init__(self, *, negation: float = 1.0, style: bool = False) -> None:
        self.inner = load_text_encoder("toy-text")
        self.negation, self.style = negation, style

    @property
    def card(self) -> EncoderCard:
        return replace(self.inner.card, dim=5)

    def to(self, device: torch.device) -> "Reader":
        return self

    def encode(self, texts: tuple[str, ...]) -> Encoded:
        rows = [self._row(text.casefold()) for text in texts]
        return Encoded(pooled=torch.tensor(rows).reshape(len(rows), 5))

    def _row(self, text: str) -> list[float]:
        names = [float(bool(re.search(name, text))) for name in NAMES]
        denied = 0.5 if re.search(DOUBTS, text) else float(bool(re.search(DENIES, text)))
        away = self.negation * (1.0 - 2.0 * denied)
        return [*names, *([0.0, away] if self.style and re.search(CAPTION, text) else [away, 0.0])]


@cache
def templates() -> FindingBank:
    """Three findings of the shipped bank, without their signs, which name nothing."""
    bank = load_bank("carina-14")
    assert isinstance(bank, FindingBank)
    words = tuple(each for each in bank.words if each.finding in SPACE.names)
    return replace(bank, signs=0, words=words)


def tried(reader: Reader, bank: PromptBank | None = None, **changes: object) -> PromptTrial:
    rng = np.random.default_rng(0)
    return try_prompts(bank or templates(), reader, SPACE, rng=rng, **changes)  # type: ignore[arg-type]


def test_an_encoder_that_reads_negation_passes_in_every_style() -> None:
    trial = tried(Reader())

    assert [one.style for one in trial.negation] == [*STYLES, "all"]
    for one in trial.negation:
        assert (one.read.value, one.read.n, one.read.positives, one.unread) == (1.0, 3, 3, ())
        assert one.paraphrase == pytest.approx(1.0)
        assert one.denial == pytest.approx(0.0, abs=1e-6)


def test_an_encoder_that_does_not_read_negation_fails_in_every_finding() -> None:
    for one in tried(Reader(negation=0.0)).negation:
        assert (one.read.value, one.unread) == (0.0, SPACE.names)
        assert one.paraphrase == pytest.approx(one.denial)


def test_a_positive_is_held_against_the_denial_of_another_not_its_own() -> None:
    """A denial beside its own positive, as of an encoder that sees the template, is not counted."""
    e = torch.eye(4)
    vectors = PromptVectors(
        space=LabelSpace(names=("Edema",)),
        positive=torch.stack([e[0], e[1]])[None],
        negative=torch.stack([e[0], e[1] + 0.1 * e[0]])[None],
        bank="bank",
        encoder="encoder",
    )
    read = _negation("style", vectors)

    assert read.paraphrase == 0.0
    assert read.denial == pytest.approx(0.05, abs=1e-3)
    assert read.unread == ("Edema",)
    assert read.common is None


def test_directions_of_findings_are_as_common_as_they_are() -> None:
    """Where only the word that denies moves a text, all differences point the same way."""
    (whole,) = (one for one in tried(Reader()).negation if one.style == "all")

    assert whole.common == pytest.approx(1.0)


def test_styles_that_an_encoder_does_not_see_agree() -> None:
    trial = tried(Reader())

    assert len(trial.agreement) == 6
    assert all(one.cosine == pytest.approx(1.0, abs=1e-6) for one in trial.agreement)


def test_the_style_an_encoder_sees_turns_its_direction() -> None:
    for one in tried(Reader(style=True)).agreement:
        apart = "caption" in (one.first, one.second)

        assert one.cosine == pytest.approx(0.0 if apart else 1.0, abs=1e-6)
        assert one.lowest == pytest.approx(one.cosine, abs=1e-6)
        assert one.finding in SPACE.names


def test_uncertain_prompts_lie_where_the_encoder_puts_doubt() -> None:
    doubt = tried(Reader()).doubt

    assert doubt is not None
    assert doubt.lowest <= doubt.place <= doubt.highest
    assert doubt.place == pytest.approx(0.5, abs=0.1)
    assert tried(Reader(), load_bank("retune-4")).doubt is None


def test_one_prompt_a_side_has_no_paraphrase_and_one_style_no_other() -> None:
    trial = tried(Reader(), load_bank("retune-1"))

    assert trial.agreement == ()
    assert {one.read.why_undefined for one in trial.negation} == {
        "one prompt a side has no paraphrase"
    }


def films(patients: int = 60) -> Shown:
    """Films as the reader's own vectors: the names of what they show."""
    rng = np.random.default_rng(1)
    target = rng.random((patients, 3)) < 0.4
    features = np.concatenate([target, np.ones((patients, 1)), np.zeros((patients, 1))], axis=1)
    noise = rng.normal(0, 0.05, features.shape)
    return Shown(
        features=torch.from_numpy(features + noise).float(),
        target=target,
        known=np.ones_like(target),
        patients=np.arange(patients),
    )


def test_films_are_scored_in_every_style_as_a_readout_would() -> None:
    scored = tried(Reader(), films=films()).films

    assert scored is not None
    assert [each.style for each in scored.styles] == [*STYLES, "all"]
    for each in scored.styles:
        assert each.positive.value is not None
        assert each.positive.value > 0.9
        assert each.difference.patients == 60
    assert {scored.best, scored.worst} <= set(STYLES)
    assert scored.spread.value is not None
    assert scored.spread.value >= 0


def test_the_spread_is_that_of_the_best_and_the_worst_by_difference() -> None:
    scored = tried(Reader(style=True), films=films()).films

    assert scored is not None
    values = {e.style: e.difference.value for e in scored.styles if e.style != "all"}
    assert scored.spread.value == pytest.approx(values[scored.best] - values[scored.worst])  # type: ignore[operator]
    assert values[scored.best] == max(values.values())  # type: ignore[type-var]
    assert values[scored.worst] == min(values.values())  # type: ignore[type-var]


def reports(count: int = 15) -> list[str]:
    """As many reports that affirm as that deny, each in words of its own."""
    affirm = [f"FINDINGS: Edema of grade {n}. A mass of {n} cm." for n in range(count)]
    deny = [f"FINDINGS: No edema on film {n}. No mass on film {n}." for n in range(count)]
    hearts = [f"FINDINGS: Cardiomegaly of grade {n}." for n in range(count)]
    hearts += [f"FINDINGS: Heart size is normal on film {n}." for n in range(count)]
    return [*affirm, *deny, *hearts]


def test_an_encoder_that_reads_negation_tells_sentences_apart_and_another_does_not() -> None:
    reads, blind = (
        tried(Reader(negation=negation), reports=reports()).denied for negation in (1.0, 0.0)
    )

    assert reads is not None
    assert blind is not None
    assert {each.difference.value for each in reads.styles} == {1.0}
    assert all(each.difference.value == pytest.approx(0.5, abs=0.05) for each in blind.styles)
    assert "2 of 3" in reads.styles[0].difference.method


def test_without_reports_or_films_nothing_is_scored() -> None:
    trial = tried(Reader())

    assert (trial.denied, trial.ordinary, trial.films) == (None, None, None)


def test_the_same_generator_gives_the_same_trial() -> None:
    first, second = (tried(Reader(style=True), reports=reports(), films=films()) for _ in range(2))

    assert first == second


def test_a_direction_is_what_a_difference_of_cosines_is_a_product_with() -> None:
    """The trial's direction is the readout's: unit positives less unit negatives."""
    reader, bank = Reader(style=True), load_bank("retune-1")
    scored = tried(reader, bank, films=films()).films
    assert scored is not None
    shown = films()
    sides = [bank.texts(name) for name in SPACE.names]
    way = F.normalize(reader.encode(tuple(s.positive[0] for s in sides)).pooled, dim=1)
    way = way - F.normalize(reader.encode(tuple(s.negative[0] for s in sides)).pooled, dim=1)
    rows = F.normalize(shown.features, dim=1) @ way.T
    above = [
        np.mean([p > n for p in rows[shown.target[:, c], c] for n in rows[~shown.target[:, c], c]])
        for c in range(3)
    ]

    assert scored.styles[0].difference.value == pytest.approx(np.mean(above), abs=1e-3)

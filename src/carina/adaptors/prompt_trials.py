"""What an encoder makes of a prompt bank: how far style matters, and whether it reads "no".

An encoder that tells what a text is about, and not what it says of it, puts "no edema" beside
"edema"; then the difference of positive and negative prompts points nowhere in particular.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from carina.adaptors.alignment import Alignment
from carina.adaptors.answer_blocks import answer_in_blocks
from carina.adaptors.identity import Identity
from carina.adaptors.prompts import encode_bank
from carina.adaptors.readout import PromptReadout
from carina.adaptors.report_sentences import ReportSentences, report_sentences
from carina.adaptors.sides import Sides
from carina.adaptors.wording import PromptBank
from carina.core import Estimate
from carina.encoders import TextEncoder, encode_texts
from carina.features import PromptVectors
from carina.measures import difference, macro, resample_patients, wilson
from carina.studies import LabelSpace

__all__ = [
    "Doubt",
    "NegationRead",
    "PromptTrial",
    "Shown",
    "StyleAgreement",
    "StyleScore",
    "StyleScores",
    "try_prompts",
]

_ALL = "all"
"""The bank as it is, beside its styles one by one."""
_DRAWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleAgreement:
    """How far two styles point the same way.

    Attributes:
        first: A style.
        second: Another.
        cosine: Between their directions from negative to positive, mean over findings.
        lowest: The lowest of these.
        finding: Where it is.
    """

    first: str
    second: str
    cosine: float
    lowest: float
    finding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NegationRead:
    """Whether a positive lies nearer to another positive than to that one's denial.

    Attributes:
        style: Which, or "all".
        read: Share of findings in which it does, on average over its pairs of prompts, with its
            Wilson interval.
        paraphrase: Cosine of two positives, mean over findings; None where a side has one prompt.
        denial: Cosine of the first and the negative in the second's place.
        common: Cosine between the directions, from negative to positive, of two findings: near 1
            they say that something is denied, whatever it is.
        unread: Findings in which the denial is nearer.
    """

    style: str
    read: Estimate
    paraphrase: float | None = None
    denial: float | None = None
    common: float | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Where uncertain prompts lie on the way from the negative (0) to the positive ones (1).

    Attributes:
        place: Mean over findings.
        lowest: The lowest.
        highest: The highest; above 1 they are more of the finding than its positives are.
    """

    place: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """Rows of which it is known what they show, by image or in words.

    Attributes:
        features: Of images or sentences.
        target: Whether a finding is there.
        known: Where that is known.
        patients: Of each row.
        alignment: From features to the space of the prompts, where they share none.
    """

    features: Float[Tensor, "rows dim"]
    target: Bool[np.ndarray, "rows labels"]
    known: Bool[np.ndarray, "rows labels"]
    patients: Int[np.ndarray, " rows"]
    alignment: Alignment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleScore:
    """Macro AUROC of one style's prompts, with nothing learned.

    Attributes:
        style: Which, or "all".
        difference: By positive less negative.
        positive: By the positive prompts alone.
    """

    style: str
    difference: Estimate
    positive: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleScores:
    """How much scores hang on style.

    Attributes:
        styles: Each, and the whole bank.
        best: The style that scores highest by difference; "" where there are not two.
        worst: The one that scores lowest.
        spread: The best's macro AUROC less the worst's, paired by patient. Both are picked on
            these very rows, so it says how much style matters, not what choosing would gain.
    """

    styles: tuple[StyleScore, ...]
    best: str
    worst: str
    spread: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTrial:
    """What came of `try_prompts`.

    Attributes:
        agreement: How far each pair of styles points the same way.
        negation: Of each style, and of the whole bank.
        doubt: Where uncertain prompts lie; None where the bank has none.
        denied: Sentences of reports that affirm a finding told from those that deny one; None
            where no reports were given.
        ordinary: The same, from those that say what is ordinary.
        films: Films with the finding told from those without; None where none were given.
    """

    agreement: tuple[StyleAgreement, ...]
    negation: tuple[NegationRead, ...]
    doubt: Doubt | None
    denied: StyleScores | None
    ordinary: StyleScores | None
    films: StyleScores | None


def try_prompts(
    bank: PromptBank,
    encoder: TextEncoder,
    space: LabelSpace,
    *,
    reports: Iterable[str] = (),
    films: Shown | None = None,
    rng: np.random.Generator,
) -> PromptTrial:
    """See how far an encoder's reading of a bank hangs on style, and whether it reads "no".

    Each style is the bank's `only` of it, so all of them say the same things; agreement, negation
    and doubt are looked for in its `plain` form, whose prompts in one place are a minimal pair.

    Args:
        bank: Whose prompts.
        encoder: Who reads them.
        space: The findings.
        reports: Texts whose sentences are told apart; see `report_sentences`.
        films: Encoded images with labels of `space`.
        rng: Draws sentences and resamples.
    """
    plain = _by_style(bank.plain(), space, encoder)
    styles = {}
    texts = tuple(reports)
    if texts or films is not None:
        styles = _by_style(bank, space, encoder)
    denied = ordinary = None
    if texts:
        said = report_sentences(texts, space, rng=rng)
        vectors = encode_texts(encoder, said.texts)
        denied, ordinary = (
            _told_apart(styles, vectors, said, others, rng=rng)
            for others in (said.denied, said.ordinary)
        )
    return PromptTrial(
        agreement=_agreement(plain),
        negation=tuple(_negation(style, vectors) for style, vectors in plain.items()),
        doubt=_doubt(bank.plain(), plain[_ALL], encoder),
        denied=denied,
        ordinary=ordinary,
        films=None if films is None else _scores(styles, films, rng=rng),
    )


def _by_style(
    bank: PromptBank, space: LabelSpace, encoder: TextEncoder
) -> dict[str, PromptVectors]:
    """Each style by itself, then the whole bank."""
    banks = {style: bank.only(style) for style in bank.style_names}
    return {
        style: encode_bank(each, space, encoder) for style, each in {**banks, _ALL: bank}.items()
    }


def _agreement(styles: Mapping[str, PromptVectors]) -> tuple[StyleAgreement, ...]:
    found = []
    for first, second in combinations((name for name in styles if name != _ALL), 2):
        one, other = _direction(styles[first]), _direction(styles[second])
        cosine = F.cosine_similarity(one, other, dim=1)
        at = int(cosine.argmin())
        found.append(
            StyleAgreement(
                first=first,
                second=second,
                cosine=float(cosine.mean()),
                lowest=float(cosine[at]),
                finding=styles[first].space.names[at],
            )
        )
    return tuple(found)


def _negation(style: str, vectors: PromptVectors) -> NegationRead:
    positive, negative = F.normalize(vectors.positive, dim=2), F.normalize(vectors.negative, dim=2)
    names = vectors.space.names
    if positive.shape[1] < 2:
        why = "one prompt a side has no paraphrase"
        undefined = Estimate.undefined(why, n=len(names))
        return NegationRead(style=style, read=undefined, common=_common(vectors))
    apart = ~torch.eye(positive.shape[1], dtype=torch.bool)
    paraphrase, denial = (
        (positive @ other.transpose(1, 2))[:, apart].mean(dim=1) for other in (positive, negative)
    )
    read = paraphrase > denial
    low, high = wilson(int(read.sum()), len(names))
    return NegationRead(
        style=style,
        read=Estimate(
            value=float(read.float().mean()),
            low=low,
            high=high,
            n=len(names),
            positives=int(read.sum()),
            method="Wilson interval over findings",
        ),
        paraphrase=float(paraphrase.mean()),
        denial=float(denial.mean()),
        common=_common(vectors),
        unread=tuple(name for name, it_is in zip(names, read.tolist(), strict=True) if not it_is),
    )


def _common(vectors: PromptVectors) -> float | None:
    count = len(vectors.space)
    if count < 2:
        return None
    direction = F.normalize(_direction(vectors), dim=1)
    return float(((direction @ direction.T).sum() - count) / (count * (count - 1)))


def _doubt(bank: PromptBank, vectors: PromptVectors, encoder: TextEncoder) -> Doubt | None:
    texts = [bank.texts(name).uncertain for name in vectors.space.names]
    if not texts or not texts[0]:
        return None
    encoded = encode_texts(encoder, [text for each in texts for text in each])
    uncertain = _middle(encoded.reshape(len(texts), -1, encoded.shape[1]))
    negative = _middle(vectors.negative)
    way = _middle(vectors.positive) - negative
    place = ((uncertain - negative) * way).sum(dim=1) / way.square().sum(dim=1)
    return Doubt(place=float(place.mean()), lowest=float(place.min()), highest=float(place.max()))


def _told_apart(
    styles: Mapping[str, PromptVectors],
    vectors: Float[Tensor, "sentences dim"],
    said: ReportSentences,
    others: Bool[np.ndarray, "sentences labels"],
    *,
    rng: np.random.Generator,
) -> StyleScores | None:
    """Sentences that affirm, against others; None where there are no others."""
    if not others.any():
        return None
    known = said.affirmed | others
    rows = known.any(axis=1)
    shown = Shown(
        features=vectors[torch.from_numpy(rows)],
        target=said.affirmed[rows],
        known=known[rows],
        patients=said.reports[rows],
    )
    return _scores(styles, shown, rng=rng)


def _scores(
    styles: Mapping[str, PromptVectors], shown: Shown, *, rng: np.random.Generator
) -> StyleScores:
    resamples = resample_patients(shown.patients, draws=_DRAWS, rng=rng)
    by = {style: _scored(vectors, shown) for style, vectors in styles.items()}
    scores = tuple(
        StyleScore(
            style=style,
            difference=macro("auroc", less, shown.target, resamples, known=shown.known),
            positive=macro("auroc", alone, shown.target, resamples, known=shown.known),
        )
        for style, (less, alone) in by.items()
    )
    values = {
        each.style: each.difference.value
        for each in scores
        if each.style != _ALL and each.difference.value is not None
    }
    best = worst = ""
    spread = Estimate.undefined("fewer than two styles have a score")
    if len(values) > 1:
        best, worst = (pick(values, key=lambda style: values[style]) for pick in (max, min))
        spread = difference(
            "auroc", by[best][0], by[worst][0], shown.target, resamples, known=shown.known
        )
    return StyleScores(styles=scores, best=best, worst=worst, spread=spread)


def _scored(
    vectors: PromptVectors, shown: Shown
) -> tuple[Float[np.ndarray, "rows labels"], Float[np.ndarray, "rows labels"]]:
    """Scores by difference and by the positive prompts alone, through no adaptor."""
    pair = Sides(adaptor=Identity()).build(
        image_dim=vectors.dim, text_dim=vectors.dim, generator=torch.Generator()
    )
    readout = PromptReadout.of(vectors, pair, alignment=shown.alignment)
    answer = answer_in_blocks(readout, shown.features)
    assert answer.positive is not None  # noqa: S101 - a readout of prompts has one
    return answer.difference.double().numpy(), answer.positive.double().numpy()


def _direction(vectors: PromptVectors) -> Float[Tensor, "labels dim"]:
    """From negative to positive: what a zero-shot score by difference is a product with."""
    return _middle(vectors.positive) - _middle(vectors.negative)


def _middle(side: Float[Tensor, "labels prompts dim"]) -> Float[Tensor, "labels dim"]:
    """One vector of length 1 for the prompts of a side, as a readout combines them by mean."""
    return F.normalize(side.mean(dim=1), dim=1)

"""From a manifest and a store to image and report pairs: to learn from, to stop by, to be judged on."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Int

from carina.adaptors import Reads, Sequences
from carina.core import InvalidValue, Mismatch, fingerprint
from carina.encoders import EncoderCard, SelfCheck
from carina.features import FeatureTable, Store, lookup, lookup_reports
from carina.learning import Pairs
from carina.recipes.pretrain import Pretrain, SharedReports
from carina.studies import Manifest, Presence, ReportText, patient_codes, reports_as

__all__ = ["Judged", "PreparedPairs", "prepare_pairs"]

_SALT = "pretrain"
_NO_REPORT = "without a report"
_NO_CAPTION = "whose report has no findings or impression of three words"
_OTHER_VIEW = "of another view than the recipe's"
_FORGOTTEN = "of a patient whom the store forgot"
_NO_FILM = "without features of the film, which was missing or unreadable when encoded"
_TWO_SPLITS = "whose film or report also stands in a split that is held back"
_NEXT = {
    _OTHER_VIEW: "name other views in the recipe",
    _NO_REPORT: "name the table's column of reports in mapping.toml",
    _NO_CAPTION: "read whole reports by reports = 'whole'",
    _FORGOTTEN: "name data with other patients",
    _NO_FILM: "mend the films and encode them again",
    _TWO_SPLITS: "where many films share their words, keep them by shared_reports = 'kept'",
}
_FEWEST = 2  # pairs that can be told from each other


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Distinct images and reports of the patients retrieval is measured on.

    Attributes:
        images: Number of each image.
        texts: Number of each report.
        belongs: Which go together.
        image_patients: Code of each image's patient.
        text_patients: Code of the first patient with each report.
        image_findings: Labels of each image; no columns where the table has none.
        text_findings: Labels of the first image with each report.
    """

    images: Int[np.ndarray, " images"]
    texts: Int[np.ndarray, " texts"]
    belongs: Bool[np.ndarray, "texts images"]
    image_patients: Int[np.ndarray, " images"]
    text_patients: Int[np.ndarray, " texts"]
    image_findings: Bool[np.ndarray, "images findings"]
    text_findings: Bool[np.ndarray, "texts findings"]


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreparedPairs:
    """Everything a pre-training reads. Close it when done.

    Attributes:
        learn: Pairs to learn from.
        stop: Pairs that tell when to stop.
        judged: What retrieval is measured on.
        cards: Image encoder, text encoder.
        checks: For each, how its numbers stood to the golden ones when it encoded; None where that was
            not put down.
        patients: Patients learned from.
        manifest_digest: Of the whole manifest.
        data: Fingerprint of the pairs to learn from.
        left_out: Rows without a pair, counted by reason.
        tables: Features of the films, and of the reports.
    """

    learn: Pairs
    stop: Pairs
    judged: Judged
    cards: tuple[EncoderCard, EncoderCard]
    checks: tuple[SelfCheck | None, SelfCheck | None]
    patients: int
    manifest_digest: str
    data: str
    left_out: Mapping[str, int]
    tables: tuple[FeatureTable, ...]

    def __enter__(self) -> "PreparedPairs":
        return self

    def __exit__(self, *_: object) -> None:
        for table in self.tables:
            table.close()


def prepare_pairs(recipe: Pretrain, manifest: Manifest, store: Store) -> PreparedPairs:
    """Read what a pre-training needs.

    A pair is a film and the report of its row. Rows without report, or without features, are left
    out and counted; so are rows whose film, or by the recipe report, also stands in a split that is
    held back.

    Raises:
        Mismatch: where films or reports were never encoded, with the command that does it, or an
            encoder reads the other side's, or gives no tokens where they are wanted.
        UnknownName: where the store has nothing by an encoder, with the command that does it.
        InvalidValue: where too few pairs are left.
    """
    outputs = ("pooled",) if recipe.training.adaptor.reads is Reads.VECTORS else ("tokens",)
    names = (recipe.image_encoder, recipe.text_encoder)
    cards = store.card(names[0], outputs=outputs), store.card(names[1], outputs=outputs)
    _must_fit(cards, outputs)
    films = lookup(manifest, store, cards[0], outputs=outputs)
    told = reports_as(manifest, recipe.reports)
    reports = lookup_reports(told, store)
    rows, left_out = _usable(recipe, manifest, told, films, reports)
    here = manifest.take(rows)
    film, report = [films[row] or "" for row in rows], [reports[row] or "" for row in rows]
    tables = (
        store.table(cards[0], tuple(dict.fromkeys(film)), outputs=outputs),
        _told(recipe, store, cards[1], tuple(dict.fromkeys(report)), outputs),
    )
    every = Pairs(
        image=_numbered(film),
        text=_numbered(report),
        images=_reader(tables[0], recipe.training.adaptor.reads),
        texts=_reader(tables[1], recipe.training.adaptor.reads),
    )
    learn, stop, judge = (here.rows(*recipe.learn), here.rows(recipe.stop), here.rows(recipe.judge))
    for what, some in (("learn from", learn), ("stop by", stop), ("be judged on", judge)):
        if len(some) < _FEWEST:
            raise InvalidValue(_too_few(recipe, manifest, what, len(some), left_out))
    patients = patient_codes(here.patient, _SALT)
    return PreparedPairs(
        learn=every.take(learn),
        stop=every.take(stop),
        judged=_judged(every.take(judge), here.take(judge), patients[judge]),
        cards=cards,
        checks=(store.check_of(cards[0]), store.check_of(cards[1])),
        patients=len(set(patients[learn].tolist())),
        manifest_digest=manifest.digest,
        data=fingerprint([[film[row], report[row]] for row in learn]),
        left_out=left_out,
        tables=tables,
    )


def _must_fit(cards: tuple[EncoderCard, EncoderCard], outputs: tuple[str, ...]) -> None:
    """Refuse encoders of the other side, and those without tokens where tokens are read."""
    image, text = cards
    if (image.modality, text.modality) != ("image", "text"):
        swap = (image.modality, text.modality) == ("text", "image")
        raise Mismatch(
            "A pre-training reads films by an image encoder and reports by a text encoder; got "
            f"{image.name}, which reads {image.modality}s, for the films and {text.name}, which "
            f"reads {text.modality}s, for the reports. "
            + (
                f"Swap them: --image-encoder {text.name} --text-encoder {image.name}."
                if swap
                else "See: carina encoders."
            )
        )
    without = [card.name for card in cards if not card.token_dim]
    if "tokens" in outputs and without:
        raise Mismatch(
            f"{' and '.join(without)} gives one vector and no tokens, and this Adaptor reads tokens. "
            "One that reads vectors stands over it: carina pretrain DATA --recipe adaptor-canonical "
            f"--image-encoder {image.name} --text-encoder {text.name} --store STORE --out OUT."
        )


def _told(
    recipe: Pretrain,
    store: Store,
    card: EncoderCard,
    digests: tuple[str, ...],
    outputs: tuple[str, ...],
) -> FeatureTable:
    """Features of the reports; who encoded another text of them hears which is wanted."""
    try:
        return store.table(card, digests, outputs=outputs)
    except Mismatch as error:
        if recipe.reports is ReportText.WHOLE:
            raise
        raise Mismatch(f"{error} The recipe reads: --reports {recipe.reports}.") from None


def _reader(table: FeatureTable, reads: Reads) -> Callable[[Int[np.ndarray, " some"]], Sequences]:
    """Reads a table's rows as an Adaptor takes them."""

    def vectors(numbers: Int[np.ndarray, " some"]) -> Sequences:
        return Sequences.of_vectors(table.pooled(numbers))

    def tokens(numbers: Int[np.ndarray, " some"]) -> Sequences:
        values, there = table.padded_tokens(numbers)
        return Sequences(values=values, there=there)

    return vectors if reads is Reads.VECTORS else tokens


def _usable(
    recipe: Pretrain,
    manifest: Manifest,
    told: Manifest,
    films: tuple[str | None, ...],
    reports: tuple[str | None, ...],
) -> tuple[Int[np.ndarray, " rows"], dict[str, int]]:
    """Rows that are pairs and stand in one split only, and the others counted by reason."""
    last: dict[str, int] = {}  # film or report -> how firmly it is held back
    sides: dict[int, list[str]] = {}
    counted = dict.fromkeys(_NEXT, 0)
    for row in manifest.rows(*recipe.learn, recipe.stop, recipe.judge).tolist():
        film, report = films[row], reports[row]
        if recipe.views and manifest.view[row] not in recipe.views:
            counted[_OTHER_VIEW] += 1
        elif not manifest.report[row].strip():
            counted[_NO_REPORT] += 1
        elif report is None:
            counted[_FORGOTTEN if told.report[row] else _NO_CAPTION] += 1
        elif film is None:
            counted[_NO_FILM] += 1
        else:
            both = recipe.shared_reports is SharedReports.LEFT_OUT
            sides[row] = [film, report] if both else [film]
            for side in sides[row]:
                last[side] = max(last.get(side, 0), _held(recipe, manifest.split[row]))
    kept = []
    for row, mine in sides.items():
        if max(last[side] for side in mine) > _held(recipe, manifest.split[row]):
            counted[_TWO_SPLITS] += 1
        else:
            kept.append(row)
    return np.array(kept, dtype=np.int64), {why: n for why, n in counted.items() if n}


def _held(recipe: Pretrain, split: str) -> int:
    """How firmly a split is held back: learned from, stopped by, judged on."""
    return {str(recipe.stop): 1, str(recipe.judge): 2}.get(split, 0)


def _numbered(keys: list[str]) -> Int[np.ndarray, " keys"]:
    """A number for each different key, by first appearance."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], dtype=np.int64)


def _judged(pairs: Pairs, manifest: Manifest, patients: Int[np.ndarray, " rows"]) -> Judged:
    images, image_first, image_place = np.unique(
        pairs.image, return_index=True, return_inverse=True
    )
    texts, text_first, text_place = np.unique(pairs.text, return_index=True, return_inverse=True)
    belongs = np.zeros((len(texts), len(images)), dtype=bool)
    belongs[text_place, image_place] = True
    shown = manifest.labels == int(Presence.PRESENT)
    return Judged(
        images=images,
        texts=texts,
        belongs=belongs,
        image_patients=patients[image_first],
        text_patients=patients[text_first],
        image_findings=shown[image_first],
        text_findings=shown[text_first],
    )


def _too_few(
    recipe: Pretrain, manifest: Manifest, what: str, came: int, left_out: Mapping[str, int]
) -> str:
    splits = {"learn from": recipe.learn, "stop by": (recipe.stop,)}.get(what, (recipe.judge,))
    without = "; ".join(f"{n} {why}" for why, n in left_out.items())
    if len(manifest.rows(*splits)) < _FEWEST:
        there = ", ".join(f"{split} {n}" for split, n in Counter(manifest.split).most_common())
        steps = [f"name other splits in a recipe (learn, stop, judge), of those there are: {there}"]
    else:
        steps = [_NEXT[why] for why in left_out]
    return (
        f"Pre-training needs {_FEWEST} pairs of film and report or more to {what}, in the split "
        f"{' and '.join(splits)}; there {'is 1' if came == 1 else f'are {came}'}. "
        f"{f'Left out: {without}. ' if without else ''}Next: {'; or '.join(steps)}. "
        "See: carina check DATA."
    )

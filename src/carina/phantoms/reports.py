"""Reports on phantoms: findings and impression, in the words of several readers.

A report speaks of what was drawn and of what is ordinary, and of nothing else. What was drawn
is told as present, or with a hedge where it is small; of the rest some is denied outright,
some is told by its ordinary sign ("costophrenic angles are sharp"), some is left out.
No sentence here is one of the prompts that score an image: those live in another room and say
"findings consistent with ...", "there is no ..." and the like. A test holds them apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from carina.core import InvalidValue
from carina.phantoms.findings import FINDINGS, Place
from carina.studies import Presence

__all__ = ["Telling", "sentence_templates", "tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A report, and what it says of each finding.

    Attributes:
        text: Findings and impression.
        said: What a reader of the text alone would note; UNCERTAIN where it hedges,
            UNMENTIONED where it is silent.
    """

    text: str
    said: Mapping[str, Presence]

    def __post_init__(self) -> None:
        if tuple(self.said) != FINDINGS:
            raise InvalidValue("A telling says of every finding whether it speaks of it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Phrases:
    """Sentences on one finding: what is there, what may be there, and what is not."""

    present: tuple[str, ...]
    hedged: tuple[str, ...]
    denied: tuple[str, ...]
    ordinary: tuple[str, ...]
    concluded: tuple[str, ...]


_PHRASES: Mapping[str, _Phrases] = MappingProxyType(
    {
        "Atelectasis": _Phrases(
            present=(
                "Plate-like atelectasis crosses the {side} lung base.",
                "Linear bands at the {side} base represent {size} atelectasis.",
                "{Size} subsegmental atelectasis on the {side}.",
                "Streaky {side} basilar atelectasis with slight volume loss.",
                "Discoid {side} lower zone atelectasis.",
            ),
            hedged=(
                "A thin {side} basilar band is probably atelectasis.",
                "Questionable {side} linear atelectasis at the base.",
                "Faint {side} streak, perhaps minor atelectasis.",
            ),
            denied=(
                "Lung bases are without atelectasis.",
                "Atelectasis is absent.",
                "Volumes are preserved, negative for atelectasis.",
            ),
            ordinary=(
                "Lung volumes are normal.",
                "Both bases are free of bands or streaks.",
                "Inspiration is deep and even.",
            ),
            concluded=(
                "{Side} basilar atelectasis.",
                "Linear atelectasis, {side} base.",
                "Subsegmental atelectasis.",
            ),
        ),
        "Cardiomegaly": _Phrases(
            present=(
                "The heart is enlarged, cardiothoracic ratio above one half.",
                "{Degree} cardiomegaly.",
                "{Degree} enlargement of the cardiac silhouette.",
                "Cardiomegaly with a broad left ventricular contour.",
                "Cardiac size is {degree}ly increased.",
            ),
            hedged=(
                "The heart is borderline, possibly mild cardiomegaly.",
                "Heart size is at the upper limit, cardiomegaly may be present.",
                "Questionable cardiac enlargement.",
            ),
            denied=(
                "Cardiomegaly is absent.",
                "The heart is not enlarged.",
                "Cardiac silhouette without enlargement.",
            ),
            ordinary=(
                "Heart size is normal.",
                "The cardiac silhouette is of normal width.",
                "Normal cardiomediastinal contour.",
                "The heart is slender.",
            ),
            concluded=("Cardiomegaly.", "Enlarged heart.", "{Degree} cardiomegaly."),
        ),
        "Consolidation": _Phrases(
            present=(
                "Airspace consolidation in the {side} {zone} zone with air bronchograms.",
                "{Size} {side} {zone} lung consolidation.",
                "Dense patchy consolidation occupies the {side} {zone} lung.",
                "Confluent {side} {zone} zone airspace disease, a consolidation.",
                "The {side} {zone} lung is consolidated with visible bronchi.",
            ),
            hedged=(
                "Hazy {side} {zone} density, possibly early consolidation.",
                "An ill-defined {side} {zone} patch may be consolidation.",
                "Questionable {side} {zone} consolidation.",
            ),
            denied=(
                "Neither lung is consolidated.",
                "Consolidation is absent.",
                "Airspaces are free of consolidation.",
            ),
            ordinary=(
                "Airspaces are well aerated.",
                "Neither lung holds a dense patch.",
                "Bronchi are hidden in aerated lung as they should be.",
            ),
            concluded=(
                "{Side} {zone} zone consolidation.",
                "Airspace consolidation, {side} lung.",
                "Consolidation with air bronchograms.",
            ),
        ),
        "Edema": _Phrases(
            present=(
                "{Degree} interstitial pulmonary edema with septal lines.",
                "Kerley lines and peribronchial cuffing from {degree} pulmonary edema.",
                "Perihilar haze and septal thickening, {degree} edema.",
                "Pulmonary edema with indistinct engorged vessels.",
                "Interstitial edema, upper vessels are engorged.",
            ),
            hedged=(
                "Prominent interstitium, possibly mild pulmonary edema.",
                "Vessels are slightly indistinct; early edema may be present.",
                "Questionable interstitial edema.",
            ),
            denied=(
                "Pulmonary edema is absent.",
                "Vessels are crisp without edema.",
                "Interstitium is negative for edema.",
            ),
            ordinary=(
                "Pulmonary vascularity is normal.",
                "Hilar and peripheral vessels are sharply outlined.",
                "The interstitium is delicate.",
            ),
            concluded=(
                "Pulmonary edema.",
                "{Degree} interstitial edema.",
                "Interstitial pulmonary edema.",
            ),
        ),
        "Pleural Effusion": _Phrases(
            present=(
                "A {size} {side} pleural effusion blunts the costophrenic angle.",
                "{Size} {side} pleural effusion with a meniscus.",
                "Pleural fluid layers at the {side} base, a {size} effusion.",
                "The {side} hemidiaphragm is hidden by a {size} pleural effusion.",
                "{Side} pleural effusion, {size} in amount.",
            ),
            hedged=(
                "Slight {side} costophrenic blunting, possibly a small pleural effusion.",
                "A trace {side} pleural effusion may be present.",
                "Questionable {side} pleural effusion.",
            ),
            denied=(
                "Pleural effusion is absent.",
                "The pleural spaces are free of effusion.",
                "Costophrenic angles are sharp without effusion.",
            ),
            ordinary=(
                "Costophrenic angles are sharp.",
                "The pleural spaces are dry.",
                "Both costophrenic recesses are deep.",
            ),
            concluded=(
                "{Side} pleural effusion.",
                "{Size} {side} pleural effusion.",
                "Pleural effusion, {side}.",
            ),
        ),
        "Pneumothorax": _Phrases(
            present=(
                "A {size} {side} pneumothorax with a visible pleural line.",
                "{Size} {side} apical pneumothorax.",
                "The {side} lung edge is off the chest wall from a {size} pneumothorax.",
                "{Side} pneumothorax, vessels stop short of the wall.",
                "Air in the {side} pleural space, a {size} pneumothorax.",
            ),
            hedged=(
                "A fine {side} apical line may be a tiny pneumothorax.",
                "Possible small {side} apical pneumothorax.",
                "Questionable {side} pneumothorax.",
            ),
            denied=(
                "Pneumothorax is absent.",
                "The lungs reach the chest wall without pneumothorax.",
                "Negative for pneumothorax.",
            ),
            ordinary=(
                "Both lungs reach the chest wall.",
                "Vessels extend to the periphery on both sides.",
                "The apical pleura is unremarkable.",
            ),
            concluded=(
                "{Side} pneumothorax.",
                "{Size} {side} pneumothorax.",
                "Apical pneumothorax, {side}.",
            ),
        ),
    }
)

_NOTHING = (
    "Normal chest radiograph.",
    "Unremarkable study.",
    "Clear lungs and normal heart.",
    "Normal examination of the chest.",
)
_BESIDES = (
    "The bony thorax is intact.",
    "Osseous structures are unremarkable.",
    "Soft tissues are unremarkable.",
    "The trachea is midline.",
    "Visualized upper abdomen is unremarkable.",
)
_OPENINGS = (
    "",
    "Frontal view of the chest. ",
    "Single frontal radiograph. ",
    "{View} projection. ",
)
_UNREMARKABLE = "Unremarkable."  # where nothing else is said of what is seen
_DEGREES = MappingProxyType({"small": "mild", "moderate": "moderate", "large": "marked"})


def sentence_templates() -> tuple[str, ...]:
    """Every sentence a report can hold, with its blanks."""
    told = [
        sentence
        for phrases in _PHRASES.values()
        for sentence in (
            *phrases.present,
            *phrases.hedged,
            *phrases.denied,
            *phrases.ordinary,
            *phrases.concluded,
        )
    ]
    openings = [opening.strip() for opening in _OPENINGS if opening]
    return (*told, *_NOTHING, *_BESIDES, _UNREMARKABLE, *openings)


def tell(rng: np.random.Generator, drawn: Mapping[str, Place], view: str) -> Telling:
    """Report on what was drawn.

    Args:
        rng: The reader.
        drawn: Place of each drawn finding; what is not in it was not drawn.
        view: "PA" or "AP".
    """
    sentences: list[str] = []
    conclusions: list[str] = []
    said: dict[str, Presence] = {}
    for finding in FINDINGS:
        phrases, place = _PHRASES[finding], drawn.get(finding)
        if place is None:
            said[finding], sentence = _of_the_absent(rng, phrases)
        else:
            hedge = rng.random() < (0.25 if place.size == "small" else 0.03)
            said[finding] = Presence.UNCERTAIN if hedge else Presence.PRESENT
            sentence = _filled(_one(rng, phrases.hedged if hedge else phrases.present), place)
            if not hedge or rng.random() < 0.3:
                concluded = _filled(_one(rng, phrases.concluded), place)
                conclusions.append(
                    f"Possible {concluded[0].lower()}{concluded[1:]}" if hedge else concluded
                )
        if sentence:
            sentences.append(sentence)
    if rng.random() < 0.5:
        sentences.append(_one(rng, _BESIDES))
    order = rng.permutation(len(sentences))
    body = " ".join(sentences[i] for i in order)
    opening = _one(rng, _OPENINGS).format(View=view)
    ending = " ".join(conclusions[i] for i in rng.permutation(len(conclusions)))
    if not ending:
        ending = "As above." if drawn else _one(rng, _NOTHING)
    findings = " ".join(filter(None, (opening.strip(), body))) or _UNREMARKABLE
    return Telling(text=f"FINDINGS: {findings} IMPRESSION: {ending}", said=said)


def _of_the_absent(rng: np.random.Generator, phrases: _Phrases) -> tuple[Presence, str]:
    """Denied outright, told by its ordinary sign, or left out."""
    kind = rng.random()
    if kind < 0.15:
        return Presence.ABSENT, _one(rng, phrases.denied)
    if kind < 0.55:
        return Presence.ABSENT, _one(rng, phrases.ordinary)
    return Presence.UNMENTIONED, ""


def _one(rng: np.random.Generator, of: tuple[str, ...]) -> str:
    return of[int(rng.integers(len(of)))]


def _filled(template: str, place: Place) -> str:
    degree = _DEGREES[place.size]
    sentence = template.format(
        side=place.side,
        Side=place.side.capitalize(),
        zone=place.zone,
        size=place.size,
        Size=place.size.capitalize(),
        degree=degree,
        Degree=degree.capitalize(),
    )
    return " ".join(sentence.split())

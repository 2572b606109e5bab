"""From a manifest and a store to what a stream needs: features, labels, prompts, alignment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from carina.adaptors import PretrainedAdaptor, RidgeAlignment, encode_bank, fit_alignment, load_bank
from carina.core import InvalidValue, salted
from carina.encoders import (
    UNKNOWN_SOURCE,
    EncoderCard,
    Exposure,
    SelfCheck,
    TextEncoder,
    check_when_loaded,
    encode_texts,
    load_text_encoder,
    side_by_side,
)
from carina.evaluation import age_band
from carina.features import FeatureTable, PromptVectors, Store, lookup, pool_of
from carina.learning import Setting
from carina.recipes.aligning import adapted
from carina.recipes.recipe import Align, Continual
from carina.streams import Ground, LabelColumn, Labelled
from carina.studies import LabelSpace, Manifest, Split, patient_codes, sharing

__all__ = ["Prepared", "one_space", "prepare"]

_NO_IMAGE = "missing or unreadable when encoded"
_ROWS = 4096  # of a table that are gathered at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Everything a run reads, in memory but for features on disk; rows are the manifest's less those set aside.

    Attributes:
        labelled: Features, target, known, codes and prompts of every usable row.
        certain: Cells of `labelled` that may be scored: no policy has guessed them.
        setting: What strategies are told before any label.
        digests: Image digest of each row.
        learn: Rows to learn from: those of train and val, or of train alone.
        test: Rows held back.
        apart: Rows of val, where the recipe holds them apart from learning; else none.
        cards: Image encoders, then the text encoder where there is one.
        exposed: For each card, what its weights have seen of this data set, or "".
        groups: Attribute of patients -> group of each row, "" where it is not known: sex, band of
            age, view, site. Held while a run is judged, and written nowhere.
        unseen: Rows no encoder's weights can have seen; None where none is exposed.
        manifest_digest: Of the whole manifest.
        source: Name of the data set.
        leaks: Why scores on the data's splits are too good, or "".
        set_aside: Rows without features, counted by reason.
        why_no_zero_shot: The reason, or "" where images and prompts share a space.
        pretrained: The Adaptor that features and prompts went through; None for nothing.
        checks: For each card, how its encoder's numbers stood to the golden ones when it encoded;
            None where that was not put down.
    """

    labelled: Labelled
    certain: Bool[np.ndarray, "images labels"]
    setting: Setting
    digests: tuple[str, ...]
    learn: Int[np.ndarray, " learn"]
    test: Int[np.ndarray, " test"]
    apart: Int[np.ndarray, " apart"] = field(default_factory=lambda: np.array([], dtype=np.int64))
    cards: tuple[EncoderCard, ...]
    exposed: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    unseen: Bool[np.ndarray, " images"] | None
    manifest_digest: str
    source: str
    leaks: str = ""
    set_aside: Mapping[str, int] = field(default_factory=dict)
    why_no_zero_shot: str = ""
    pretrained: PretrainedAdaptor | None = None
    checks: tuple[SelfCheck | None, ...] = ()

    @property
    def adaptor(self) -> str:
        """Fingerprint of the pre-trained Adaptor, or ""."""
        return "" if self.pretrained is None else self.pretrained.fingerprint

    def ground(self) -> Ground:
        """What a plan is laid on: every row to learn from, and those held apart."""
        return self.labelled.ground(
            rows=self.learn, validation=self.apart, digest=self.manifest_digest
        )


def prepare(
    recipe: Continual, manifest: Manifest, store: Store, *, on_disk: Path | None = None
) -> Prepared:
    """Read what a recipe needs; nothing of it depends on the strategy or the plan.

    Args:
        recipe: What will be run.
        manifest: On which films.
        store: Where their features are.
        on_disk: A folder for the features of all films, 4 bytes a number, where they shall not be in
            memory: strategies that take them a batch at a time then need no more of it for more
            films. The file has no name, and is gone with the tensor over it. None keeps them in
            memory. Scores are the same.

    Raises:
        Mismatch: where images were never encoded, with the command that does it.
        UnknownName: where the store has no such encoder.
        InvalidValue: where no row may be learned from, or `align` has no reports to learn from.
    """
    images = tuple(store.card(name) for name in recipe.encoders)
    found = lookup(manifest, store, images)
    usable = np.array(
        [row for row, digest in enumerate(found) if digest is not None], dtype=np.int64
    )
    here = manifest.take(usable)
    digests = tuple(found[row] or "" for row in usable)
    with store.table(images, digests) as table:
        features = pool_of(_joined(table), len(digests), on_disk)
    space = LabelSpace(names=recipe.findings or here.space.names)
    targets = recipe.policy.apply(here.labels[:, here.space.indices(space.names)], space)
    patients = patient_codes(here.patient, recipe.salt)
    text = load_text_encoder(recipe.text_encoder) if recipe.text_encoder else None
    shared = one_space(images, text.card if text else None)
    alignment, prompts, over = None, _prompts(recipe, space, text), None
    if recipe.align is not None and text is not None and not shared:
        if recipe.align.adaptor and prompts is not None:
            place = Path(recipe.align.adaptor)
            over = adapted(place, features, prompts, (*images, text.card))
            features, prompts, shared = over.features, over.prompts, True
        else:
            alignment = _aligned(recipe.align, here, features, patients, images, text)
    train, val, test = (here.rows(split) for split in (Split.TRAIN, Split.VAL, Split.TEST))
    learn, apart = (here.rows(Split.TRAIN, Split.VAL), val[:0]) if recipe.folds else (train, val)
    aside = f"{len(manifest) - len(usable)} of {len(manifest)} set aside. See: carina check DATA."
    if not len(learn) or not len(test):
        raise InvalidValue(
            f"A run learns from train and val and is judged on test; got {len(learn)} and "
            f"{len(test)} usable films, with {aside}"
        )
    if not recipe.folds and not len(apart):
        raise InvalidValue(
            "This recipe has no folds and chooses thresholds on val, which has no usable film, with "
            f"{aside} Put patients in val, or give the recipe 2 folds or more."
        )
    cards = (*images, *([text.card] if text else []))
    exposed = tuple(exposure_of(card, manifest) for card in cards)
    return Prepared(
        labelled=Labelled(
            features=features,
            target=targets.target,
            known=targets.known,
            soft=targets.soft,
            patients=patients,
            images=np.array([salted(d, recipe.salt) for d in digests], dtype=np.int64),
            space=space,
            prompts=prompts,
            sites=here.site if any(here.site) else (),
            dates=here.date if any(here.date) else (),
            others=_others(recipe, here, space),
        ),
        certain=targets.certain,
        setting=Setting(
            image_dim=features.shape[1],
            text_dim=prompts.dim if prompts else 0,
            shared_space=shared,
            alignment=alignment,
        ),
        digests=digests,
        learn=learn,
        test=test,
        apart=apart,
        cards=cards,
        exposed=exposed,
        groups={
            "sex": here.sex,
            "age": tuple(map(age_band, here.age)),
            "view": here.view,
            "site": here.site,
        },
        unseen=_unseen(here, cards) if any(exposed) else None,
        manifest_digest=manifest.digest,
        source=manifest.source,
        leaks=manifest.leaks,
        set_aside={_NO_IMAGE: len(manifest) - len(usable)} if len(usable) < len(manifest) else {},
        pretrained=over.adaptor if over else None,
        why_no_zero_shot="" if shared or alignment else _why_apart(recipe, text),
        checks=(*map(store.check_of, images), *([check_when_loaded(text)] if text else [])),
    )


def _joined(table: FeatureTable) -> Iterator[Float[Tensor, "block dim"]]:
    """Features of all rows in turn, those of several encoders side by side."""
    widths = [block.width for block in table.blocks]
    for rows in np.split(np.arange(len(table)), range(_ROWS, len(table), _ROWS)):
        yield side_by_side(torch.split(table.pooled(rows), widths, dim=1))


def one_space(images: tuple[EncoderCard, ...], text: EncoderCard | None) -> bool:
    """Whether images and prompts can be compared as their encoders give them."""
    return text is not None and len(images) == 1 and images[0].space == text.space != ""


def _others(recipe: Continual, manifest: Manifest, space: LabelSpace) -> dict[str, LabelColumn]:
    """What the label columns that the recipe does not learn count as, by name."""
    names = tuple(name for name in manifest.space.names if name not in space)
    if not names:
        return {}
    read = recipe.policy.apply(manifest.labels, manifest.space)
    return {
        name: LabelColumn(target=read.target[:, at], known=read.known[:, at])
        for name, at in zip(names, manifest.space.indices(names), strict=True)
    }


def _prompts(
    recipe: Continual, space: LabelSpace, text: TextEncoder | None
) -> PromptVectors | None:
    if text is None:
        return None
    return encode_bank(load_bank(recipe.prompts), space, text)


def _aligned(
    align: Align,
    manifest: Manifest,
    features: Float[Tensor, "images dim"],
    patients: Int[np.ndarray, " images"],
    images: tuple[EncoderCard, ...],
    text: TextEncoder,
) -> RidgeAlignment:
    rows = np.array(
        [row for row in manifest.rows(Split.PRETRAIN) if manifest.report[row].strip()],
        dtype=np.int64,
    )
    if not len(rows):
        raise InvalidValue(
            "An alignment is fitted on images with reports in the split 'pretrain', and there are "
            "none. Name such patients in the split column, or leave `align` out of the recipe."
        )
    reports = encode_texts(text, tuple(manifest.report[row] for row in rows))
    return fit_alignment(
        features[torch.from_numpy(rows)],
        reports,
        patients=torch.from_numpy(patients[rows]),
        image_encoder="+".join(card.fingerprint for card in images),
        text_encoder=text.card.fingerprint,
        penalties=align.penalties,
    )


def _why_apart(recipe: Continual, text: TextEncoder | None) -> str:
    if text is None:
        return "the recipe names no text encoder"
    return (
        f"{' + '.join(recipe.encoders)} and {text.card.name} share no space, and no "
        "reports were used to align them"
    )


def _exposures(card: EncoderCard, source: str) -> list[Exposure]:
    """What weights have seen of a data set, or of one that holds films of it.

    Of weights nobody knows, any may have been seen.
    """
    may_be = {source, UNKNOWN_SOURCE, *sharing(source)}
    return [exposure for exposure in card.exposed_to if exposure.source in may_be]


def exposure_of(card: EncoderCard, manifest: Manifest) -> str:
    """What an encoder's weights have seen of the films, in words; "" for nothing known."""
    sources = dict.fromkeys(manifest.sources)
    seen = (exposure.what for source in sources for exposure in _exposures(card, source))
    return "; ".join(dict.fromkeys(seen))


def _unseen(manifest: Manifest, cards: tuple[EncoderCard, ...]) -> Bool[np.ndarray, " images"]:
    """Rows that every exposed encoder's own list says its weights have not seen."""
    unseen, sources = np.ones(len(manifest), dtype=bool), np.array(manifest.sources)
    for source in dict.fromkeys(manifest.sources):
        for exposure in (one for card in cards for one in _exposures(card, source)):
            column = manifest.extra.get(exposure.unseen_column)
            surely = np.array([cell == "0" for cell in column]) if column else False
            unseen &= (sources != source) | surely
    return unseen

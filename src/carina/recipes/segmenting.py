"""Run a segmentation: masks and frozen maps together, a decoder a draw, judged beside no reader."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from jaxtyping import Int
from safetensors.torch import save_file

from carina.adaptors import Decoder, PretrainedAdaptor, outputs_needed
from carina.core import (
    InvalidValue,
    digest_arrays,
    fingerprint,
    generator,
    partial_folder,
    write_json,
)
from carina.encoders import EncoderCard
from carina.evaluation import (
    DECODER,
    EMPTY_CONVENTION,
    MaskLine,
    MaskResults,
    blind_masks,
    judge_masks,
    read_mask_results,
)
from carina.features import FeatureTable, MaskTable, Store, lookup, read_masks
from carina.learning import DecoderLearned, drawn_masks, teach_decoder
from carina.measures import resample_patients
from carina.recipes.aligning import adaptor_over
from carina.recipes.film_shares import nested_films
from carina.recipes.passes import Progress
from carina.recipes.preparation import exposure_of
from carina.recipes.segmentation import Segmentation
from carina.recipes.standing import alone_in
from carina.studies import Manifest, Marks, Split, patient_codes

__all__ = ["DECODER_FILE", "PreparedMasks", "Segmented", "prepare_masks", "segment", "to_encode"]

_SPACING = "pixels of the encoder's input, {size} x {size}; their width in mm is not known"
_RESULTS, DECODER_FILE = "segmentation.json", "decoder.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreparedMasks:
    """What a segmentation reads; places are those of `masks` and `table`, film by film.

    Attributes:
        table: Frozen tokens and stages.
        masks: What is to be drawn.
        films: Each film's file.
        digests: Of each film's file.
        patients: Salted hash of each film's patient.
        learn: Places of the training films.
        judged: Places of the films that are judged.
        card: The encoder.
        adaptor: What its cells pass before the decoder; None for nothing.
        manifest_digest: Of the whole manifest.
        source: Name of the data set.
        leaks: Why scores on its splits are too good, or "".
        exposure: What the encoder's weights have seen of the films, or "".
    """

    table: FeatureTable
    masks: MaskTable
    films: tuple[Path, ...]
    digests: tuple[str, ...]
    patients: Int[np.ndarray, " films"]
    learn: Int[np.ndarray, " learn"]
    judged: Int[np.ndarray, " judged"]
    card: EncoderCard
    adaptor: PretrainedAdaptor | None
    manifest_digest: str
    source: str
    leaks: str
    exposure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmented:
    """The last event: where the run lies, and its numbers."""

    folder: Path
    results: MaskResults


def to_encode(recipe: Segmentation, manifest: Manifest, marks: Marks) -> Int[np.ndarray, " rows"]:
    """Rows of the films whose maps a segmentation reads: with a mask, to learn from or judged.

    Raises:
        InvalidValue: where one of the two is empty.
    """
    wanted = {str(Split.TRAIN), str(recipe.judged_on)}
    rows = [int(row) for row in marks.rows if manifest.split[row] in wanted]
    counts = {split: sum(manifest.split[row] == split for row in rows) for split in sorted(wanted)}
    if not all(counts.values()):
        told = " and ".join(f"{count} in {split}" for split, count in counts.items())
        aside = Counter(marks.set_aside.values()).items()
        raise InvalidValue(
            f"Masks of {recipe.structure!r} are of {told}; both are wanted. Mark films of the "
            "other, or give some patients of those marked another split."
            + "".join(f" Set aside: {count} x {why}" for why, count in aside)
        )
    return np.array(rows, dtype=np.int64)


def prepare_masks(
    recipe: Segmentation, manifest: Manifest, marks: Marks, store: Store, card: EncoderCard
) -> PreparedMasks:
    """Read masks, and open the maps of their films.

    Raises:
        Mismatch: where the encoder has no grid, films were not encoded, no mask can be used, or the
            Adaptor stands on another encoder.
        InvalidValue: where there is nothing to learn from, or nothing to judge.
        MissingFile, UnreadableFile: where the Adaptor is not there, or not whole.
    """
    assert card.preprocess is not None  # noqa: S101 - `outputs_needed` wants a grid
    outputs = outputs_needed(recipe.teaching.decoder, card)
    adaptor = adaptor_over(Path(recipe.adaptor), card) if recipe.adaptor else None
    rows = to_encode(recipe, manifest, marks)
    found = lookup(manifest.take(rows), store, card, outputs=outputs)
    usable = rows[[digest is not None for digest in found]]
    masks = read_masks(manifest, marks.only(usable), card.preprocess)
    here = manifest.take(masks.rows)
    digest_of = dict(zip(rows.tolist(), found, strict=True))
    digests = tuple(digest_of[row] or "" for row in masks.rows.tolist())
    split = np.array(here.split)
    return PreparedMasks(
        table=store.table(card, digests, outputs=outputs),
        masks=masks,
        films=tuple(manifest.place(image) for image in here.image),
        digests=digests,
        patients=patient_codes(here.patient, recipe.salt),
        learn=np.flatnonzero(split == str(Split.TRAIN)),
        judged=np.flatnonzero(split == str(recipe.judged_on)),
        card=card,
        adaptor=adaptor,
        manifest_digest=manifest.digest,
        source=manifest.source,
        leaks=manifest.leaks,
        exposure=exposure_of(card, here),
    )


def segment(
    recipe: Segmentation, prepared: PreparedMasks, out: Path
) -> Iterator[Progress | Segmented]:
    """Teach and judge into ``out/<name>``, from wherever an earlier attempt stood.

    Yields:
        How far it is; at last `Segmented`.

    Raises:
        UnreadableFile: where another process is running the same recipe there.
    """
    name = fingerprint(
        {
            "recipe": recipe.fingerprint,
            "manifest": prepared.manifest_digest,
            "images": prepared.digests,
            "masks": digest_arrays({"packed": prepared.masks.packed}),
            "encoder": prepared.card.fingerprint,
            "adaptor": "" if prepared.adaptor is None else prepared.adaptor.fingerprint,
        }
    )
    folder, unfinished = out / name, out / f"{name}.unfinished"
    if not (folder / _RESULTS).is_file():
        with alone_in(unfinished):
            yield from _worked(recipe, prepared, folder, unfinished)
    shutil.rmtree(unfinished, ignore_errors=True)
    yield Segmented(folder=folder, results=read_mask_results(folder / _RESULTS))


def _worked(
    recipe: Segmentation, prepared: PreparedMasks, folder: Path, unfinished: Path
) -> Iterator[Progress]:
    """Every draw of every share, the largest last: its decoder is kept."""
    started = perf_counter()
    resamples = resample_patients(
        prepared.patients[prepared.judged],
        draws=recipe.draws,
        rng=generator(recipe.seed, "intervals"),
    )
    lines: list[MaskLine] = []
    for share in recipe.shares:
        for draw in range(recipe.repeats if share < 1 else 1):
            taught = teach_decoder(
                recipe.teaching,
                prepared.table,
                prepared.masks,
                films := _films(recipe, prepared, share, draw),
                seed=recipe.seed + draw,
                adaptor=prepared.adaptor,
                folder=unfinished / f"{share}-{draw}",
            )
            for event in taught:
                if isinstance(event, DecoderLearned):
                    decoder = event.decoder
                else:
                    stage = f"{share:.0%} of the films, draw {draw + 1}"
                    yield Progress(stage=stage, experience="", done=event.done, of=event.of)
            drawn = {
                DECODER: drawn_masks(
                    decoder, prepared.table, prepared.judged, adaptor=prepared.adaptor
                ),
                **blind_masks(prepared.masks.of(films), len(prepared.judged)),
            }
            truth = prepared.masks.of(prepared.judged)
            lines += [
                MaskLine(
                    predictor=predictor,
                    share=share,
                    draw=draw,
                    films=len(films),
                    patients=len(np.unique(prepared.patients[films])),
                    scores=dict(judge_masks(masks, truth, resamples)),
                )
                for predictor, masks in drawn.items()
            ]
    with partial_folder(folder) as partial:
        weights = {name: each.contiguous() for name, each in decoder.state_dict().items()}
        save_file(weights, partial / DECODER_FILE)
        write_json(partial / "recipe.json", recipe)
        results = _results(recipe, prepared, decoder, lines, folder.name)
        seconds, size = perf_counter() - started, (partial / DECODER_FILE).stat().st_size
        write_json(partial / _RESULTS, replace(results, seconds=seconds, decoder_bytes=size))


def _films(
    recipe: Segmentation, prepared: PreparedMasks, share: float, draw: int
) -> Int[np.ndarray, " films"]:
    """Places of the films of a draw of a share; within a draw the smaller are in the larger."""
    rng = generator(recipe.seed, "share", draw)
    shares = nested_films(prepared.patients[prepared.learn], recipe.shares, rng)
    places: np.ndarray = prepared.learn[shares[share]]
    return places


def _results(
    recipe: Segmentation,
    prepared: PreparedMasks,
    decoder: Decoder,
    lines: list[MaskLine],
    name: str,
) -> MaskResults:
    masks, judged = prepared.masks, prepared.judged
    return MaskResults(
        recipe=recipe.name,
        run=name,
        structure=recipe.structure,
        encoder=prepared.card.name,
        encoder_fingerprint=prepared.card.fingerprint,
        source=prepared.source,
        leaks=prepared.leaks,
        exposure=prepared.exposure,
        judged_on=str(recipe.judged_on),
        judged=len(judged),
        positive=int(masks.positive[judged].sum()),
        patients=len(np.unique(prepared.patients[judged])),
        size=masks.size,
        trainable=sum(weights.numel() for weights in decoder.parameters()),
        adaptor=_told(prepared.adaptor),
        empty_masks=EMPTY_CONVENTION,
        spacing=_SPACING.format(size=masks.size),
        set_aside=masks.reasons(),
        lines=tuple(lines),
    )


def _told(adaptor: PretrainedAdaptor | None) -> str:
    if adaptor is None:
        return ""
    return (
        f"an Adaptor of {adaptor.learned:,} numbers ({adaptor.fingerprint}), pre-trained on "
        f"{adaptor.pairs} pairs of {adaptor.patients} patients"
    )

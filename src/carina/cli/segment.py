"""``carina segment``."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from carina.adaptors import fitting_decoder, outputs_needed
from carina.cards import mask_rows, outline_picture, write_mask_card
from carina.cli.running import encode_to_end
from carina.cli.runs import free_for_folder
from carina.cli.terminal import note, print_json, print_table, progress
from carina.core import ConfigError
from carina.encoders import ImageEncoder, load_image_encoder
from carina.evaluation import MASK_SCORES
from carina.features import MaskTable, Store
from carina.learning import Segmenting
from carina.recipes import (
    Segmentation,
    Segmented,
    check_verb,
    find_segmentation,
    one_thread,
    outlined,
    prepare_masks,
    to_encode,
)
from carina.recipes import segment as run_segmentation
from carina.studies import Manifest, Marks, find_marks, read_data

__all__ = ["segment"]

_DRAWN = "phantoms"  # as carina names the films it draws


def segment(
    data: Path,
    *,
    store: Path,
    out: Path,
    encoder: str = "",
    structure: str = "",
    recipe: str = "",
    masks: Path | None = None,
    weights: Path | None = None,
    mapping: Path | None = None,
    pictures: Annotated[bool, Parameter(negative="")] = False,
    seed: int | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Teach a small decoder over a frozen encoder to draw a structure, and judge what it draws.

    A run that was cut off goes on where it stood; one that is there already is shown. Scores stand
    beside those of drawing nothing and of drawing the mean mask.

    Args:
        data: The data folder, its table, or a collection of several data sets (TOML).
        store: Where the encoder's maps are, or shall be put.
        out: Folder of runs; this one's is named by what it is.
        encoder: Name of an image encoder; see `carina encoders`.
        structure: What is marked: a finding, or an organ as its files are named, such as lungs.
        recipe: A whole segmentation in the place of encoder and structure, with the form and steps
            of the decoder, shares of the films, and the split that is judged: segment-lungs,
            segment-rsna, segment-siim, or a TOML or JSON file.
        masks: Folder of PNG masks (FILM.png or FILM-lungs.png) or table of boxes; by default what
            a published data set holds itself.
        weights: File of the encoder's weights, for encoders that need them.
        mapping: TOML that names the table's columns.
        pictures: Put films of patients with their outlines into the run's folder: the worst, the
            middle and the best judged. Of drawn films they always are.
        seed: Of everything random; the recipe's own by default.
        as_json: Print the results for machines.
    """
    manifest, free = read_data(data, mapping), free_for_folder(out)
    if recipe:
        check_verb(recipe, Segmentation)
        chosen = find_segmentation(recipe)
        loaded = load_image_encoder(chosen.encoder, weights=weights)
    elif encoder and structure:
        loaded = load_image_encoder(encoder, weights=weights)
        chosen = Segmentation(
            name=f"{structure} over {encoder}",
            encoder=encoder,
            structure=structure,
            teaching=Segmenting(decoder=fitting_decoder(loaded.card)),
        )
    else:
        raise ConfigError(
            "Name an encoder and what to draw (--encoder NAME --structure lungs), or a recipe: "
            "--recipe NAME or FILE."
        )
    if seed is not None:
        chosen = replace(chosen, seed=seed)
    marks = find_marks(manifest, chosen.structure, masks)
    finished = _to_end(chosen, loaded, manifest, marks, store, free, pictures=pictures)
    if as_json:
        print_json(finished.results)
    else:
        print_table(
            f"{finished.results.structure}: {finished.results.judged} films, research use only",
            ["share", "films", "predictor", *MASK_SCORES],
            list(mask_rows(finished.results)),
            words=(2,),
        )
    note(f"Run:  {finished.folder}\nCard: {finished.folder / 'card.md'}")


def _to_end(
    recipe: Segmentation,
    encoder: ImageEncoder,
    manifest: Manifest,
    marks: Marks,
    store: Path,
    out: Path,
    *,
    pictures: bool,
) -> Segmented:
    """Encode what lacks, teach, judge, write the card."""
    outputs = outputs_needed(recipe.teaching.decoder, encoder.card)
    rows = to_encode(recipe, manifest, marks)
    encode_to_end(manifest.take(rows), encoder, store, outputs=outputs)
    prepared = prepare_masks(recipe, manifest, marks, Store(store), encoder.card)
    _say_aside(prepared.masks, manifest)
    with prepared.table, one_thread(), progress() as bars:
        bar = bars.add_task(recipe.name)
        for event in run_segmentation(recipe, prepared, out):
            if isinstance(event, Segmented):
                shown = pictures or set(manifest.sources) == {_DRAWN}
                write_mask_card(
                    event.folder,
                    {
                        f"{one.which} of the films judged, Dice {one.dice:.3f}": outline_picture(
                            one.film, one.drawn, one.true
                        )
                        for one in (outlined(recipe, prepared, event.folder) if shown else ())
                    },
                )
                return event
            bars.update(bar, description=event.stage, completed=event.done, total=event.of)
    raise AssertionError("segment ends with Segmented")


def _say_aside(masks: MaskTable, manifest: Manifest) -> None:
    for reason, count in Counter(masks.set_aside.values()).most_common():
        first = next(row for row, why in masks.set_aside.items() if why == reason)
        note(f"Set aside: {count} x {reason} First: {manifest.image[first]}")

"""``carina demo``."""

from pathlib import Path
from time import perf_counter

from carina.cards import overview_tables, write_overview
from carina.cli.running import encode_to_end, run_to_end
from carina.cli.runs import free_for_folder
from carina.cli.terminal import note, print_table, progress
from carina.core import InvalidValue
from carina.encoders import load_image_encoder
from carina.features import Store
from carina.phantoms import write_phantoms
from carina.recipes import demo_recipes, prepare
from carina.studies import Manifest, read_folder

__all__ = ["demo"]

_SHOWN = ("strategy", "AUROC", "authors' AUROC", "backward transfer", "forgetting", "kept")
"""Columns of the overview that fit a terminal; the card has them all."""
_FEWEST = 40
"""Patients, so that some are in every split and each scenario has something to show."""


def demo(*, out: Path = Path(".demo"), patients: int = 360, seed: int = 27) -> None:
    """The whole way on drawn radiographs of patients who do not exist, in minutes.

    Draws DICOM films with reports, encodes them with frozen encoders, aligns image and text on
    the reports of separate patients, learns step by step in three scenarios, and writes a card.

    Args:
        out: Folder for everything.
        patients: How many to draw.
        seed: Of everything random.
    """
    if patients < _FEWEST:
        raise InvalidValue(
            f"Of {patients} patient(s) too few are left for each part of the demo; wanted "
            f"{_FEWEST} or more. Ask for more: carina demo --patients 360."
        )
    started = perf_counter()
    manifest = _drawn(free_for_folder(out) / "phantoms", patients, seed)
    note(f"1. Drew {len(manifest)} films of {patients} patients as DICOM with reports.")
    store, encoder = out / "store", load_image_encoder("efficientnet-lite0")
    encoded = encode_to_end(manifest, encoder, store)
    note(
        f"2. {encoder.card.name}, frozen, encoded {encoded.encoded} films in {encoded.seconds:.0f} s."
    )
    recipes = demo_recipes()
    prepared = prepare(recipes[0], manifest, Store(store))
    note(
        f"3. Image and text share no space: an alignment was fitted on the reports of "
        f"{prepared.setting.alignment.patients if prepared.setting.alignment else 0} other patients."
    )
    folders = []
    for number, recipe in enumerate(recipes, start=1):
        finished = run_to_end(recipe, manifest, store, out / "runs", prepared=prepared)
        folders.append(finished.folder)
        note(f"4. Run {number} of {len(recipes)}: {recipe.name}")
    for title, header, rows in overview_tables(folders):
        shown = [header.index(name) for name in _SHOWN]
        print_table(title, _SHOWN, [[row[column] for column in shown] for row in rows])
    card = write_overview(folders, out, title="carina's demo, on drawn radiographs")
    note(f"Done in {perf_counter() - started:.0f} s. Read the card: {card}")


def _drawn(folder: Path, patients: int, seed: int) -> Manifest:
    """The phantoms, drawn where they are not there yet."""
    made = folder / f"{patients}-{seed}"
    if not (made / "phantoms.csv").is_file():
        with progress() as bars:
            bar = bars.add_task("draw phantoms", total=patients)
            for event in write_phantoms(made, patients=patients, seed=seed):
                bars.update(bar, completed=event.done)
    return read_folder(made)

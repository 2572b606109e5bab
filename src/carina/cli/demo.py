"""``carina demo``."""

from pathlib import Path
from time import perf_counter

from carina.cards import overview_tables, write_overview, write_pretraining_card
from carina.cli.running import encode_to_end, pretrain_to_end, run_to_end
from carina.cli.runs import free_for_folder
from carina.cli.terminal import note, print_table, progress
from carina.core import InvalidValue
from carina.encoders import load_encoder
from carina.features import Store
from carina.phantoms import write_phantoms
from carina.recipes import DEMO_ENCODER, Prepared, demo_pretraining, demo_recipes, prepare
from carina.studies import Manifest, read_folder

__all__ = ["demo"]

_SHOWN = ("strategy", "AUROC", "authors' AUROC", "backward transfer", "forgetting", "kept")
"""Columns of the overview that fit a terminal; the card has them all."""
_FEWEST = 120
"""Patients, so that each scenario has something to show and the Adaptor something to hold out."""


def demo(*, out: Path = Path(".demo"), patients: int = 360, seed: int = 27) -> None:
    """The whole way on drawn radiographs of patients who do not exist, in minutes.

    Draws DICOM films with reports, encodes them with frozen encoders, pre-trains an Adaptor on the
    reports of separate patients, learns step by step on top of it in three scenarios, and writes a
    card.

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
    store, pretraining = out / "store", demo_pretraining()
    for name in (DEMO_ENCODER, pretraining.image_encoder, pretraining.text_encoder):
        encoded = encode_to_end(manifest, load_encoder(name), store)
        what = "films" if encoded.card.modality == "image" else "reports"
        note(f"2. {name}, frozen, encoded {encoded.encoded} {what} in {encoded.seconds:.0f} s.")
    done = pretrain_to_end(pretraining, manifest, store, out / "adaptors")
    note(
        f"3. Image and text share no space: an Adaptor learned one from {done.results.pairs[0]} "
        f"films and reports of {done.results.patients} other patients. Its card: "
        f"{write_pretraining_card(done.folder)}"
    )
    recipes, folders = demo_recipes(done.folder / "adaptor"), []
    ready: dict[tuple[str, ...], Prepared] = {}
    for number, recipe in enumerate(recipes, start=1):
        if recipe.encoders not in ready:
            ready[recipe.encoders] = prepare(recipe, manifest, Store(store))
        finished = run_to_end(recipe, ready[recipe.encoders], out / "runs")
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

"""Write docs/results.md from the declared grid of runs: ``make results``, ``make results-full``.

Every choice was made by patient-grouped cross-validation on train and val; each run reads the test
split once, by its refit. Runs that are there already are not run again, and one that was cut off
goes on where it stood.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.backbones import kept_in as backbones_in
from benchmarks.fine_tuning import table as fine_tuning_table
from benchmarks.forgetting import kept_in
from benchmarks.grid import COVID, LITE, MOBILE, NIH, PHANTOMS, Cell, grid
from benchmarks.lungs import kept_in as lungs_in
from benchmarks.out_of_fold import drawn_phantoms
from benchmarks.pointing import kept_in as pointed_in
from benchmarks.probes import probe_results
from benchmarks.results_figures import draw_figures
from benchmarks.results_page import page
from benchmarks.results_rows import Row
from benchmarks.robustness import robustness_rows
from benchmarks.starter import starter_rows
from carina.cards import write_run_card
from carina.core import partial_folder, salted, write_text
from carina.encoders import load_image_encoder
from carina.evaluation import read_results, read_scores, write_scores
from carina.features import Store, encode
from carina.recipes import Finished, Prepared, prepare, run
from carina.studies import LabelSpace, Manifest, read_data, read_folder

INPUTS = "<!-- what follows is written by make inputs -->"
_SALT = "results"


def manifest_of(ground: str, data: Path, work: Path) -> Manifest:
    """The films of a ground; phantoms are drawn where they are not yet."""
    if ground == PHANTOMS:
        return read_folder(drawn_phantoms(work))
    return read_data(data / ground)


def encoded(data: Path, work: Path, *, jobs: int) -> None:
    """Encode every ground, where it is not yet."""
    wanted = [(PHANTOMS, LITE), (NIH, LITE), (COVID, LITE), (NIH, MOBILE)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        list(pool.map(_encoded, wanted, repeat(data), repeat(work)))


def _encoded(asked: tuple[str, str], data: Path, work: Path) -> None:
    torch.set_num_threads(1)
    ground, name = asked
    weights = data / "weights" / "mbv3_cxr14.safetensors" if name == MOBILE else None
    encoder = load_image_encoder(name, weights=weights)
    for _ in encode(manifest_of(ground, data, work), encoder, Store(work / "store")):
        pass


def done(cells: list[Cell], data: Path, work: Path, *, jobs: int) -> Iterator[Row]:
    """Run every cell, or find its run, in the grid's order."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running: dict[tuple[str, str], Future[Path]] = {}
        for cell in cells:  # some rows of two tables are one run
            if _key(cell) not in running:
                running[_key(cell)] = pool.submit(_ran, cell, data, work)
        for number, cell in enumerate(cells, start=1):
            folder = running[_key(cell)].result()
            print(f"{number} of {len(cells)}: {cell.table}: {cell.method}", flush=True)
            results = read_results(folder / "results.json")
            names = tuple(experience.name for experience in results.experiences)
            scores = read_scores(folder / "scores.parquet", names, LabelSpace(names=results.labels))
            yield Row(
                cell=cell, results=results, outside=scores["out-of-fold"], test=scores["test"]
            )


def _key(cell: Cell) -> tuple[str, str]:
    """Of the run, whatever its row is called."""
    return cell.ground, cell.recipe.fingerprint


def _ran(cell: Cell, data: Path, work: Path) -> Path:
    torch.set_num_threads(1)  # as the command line runs
    prepared = _prepared(cell, data, work)
    started = time.perf_counter()
    *_, last = run(cell.recipe, prepared, work / "runs")
    assert isinstance(last, Finished)
    if not (last.folder / "card.html").is_file():
        write_run_card(last.folder)
    took = time.perf_counter() - started
    print(f"  {cell.table}: {cell.method}: {took:.0f} s", flush=True)
    return last.folder


@cache
def _manifest(ground: str, data: Path, work: Path) -> Manifest:
    return manifest_of(ground, data, work)


def _prepared(cell: Cell, data: Path, work: Path) -> Prepared:
    return prepare(cell.recipe, _manifest(cell.ground, data, work), Store(work / "store"))


def write_tables(rows: list[Row], work: Path) -> None:
    """The scores behind every table, film by film, under names that lead back to no film."""
    for table in dict.fromkeys(row.cell.table for row in rows):
        with partial_folder(work / "tables" / table.replace(", ", "-").replace(" ", "-")) as folder:
            for number, row in enumerate(row for row in rows if row.cell.table == table):
                hidden = (
                    replace(
                        scores,
                        part=replace(
                            scores.part,
                            images=tuple(
                                f"{salted(image, _SALT):016x}" for image in scores.part.images
                            ),
                        ),
                    )
                    for scores in (row.outside, row.test)
                )
                write_scores(folder / f"{number:02}-{row.results.run}.scores.parquet", *hidden)


def main() -> None:
    """Run the grid and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder that holds nih/, covid/ and weights/"
    )
    parser.add_argument("--work", type=Path, required=True, help="where store and runs go")
    parser.add_argument("--out", type=Path, required=True, help="where results.md goes")
    parser.add_argument("--full", action="store_true", help="every cell, not the core alone")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument("--list", action="store_true", help="name the cells and stop")
    given = parser.parse_args()
    cells = grid(full=given.full)
    if given.list:
        print("\n".join(f"{cell.table}: {cell.method}" for cell in cells))
        return
    started = time.perf_counter()
    encoded(given.data, given.work, jobs=given.jobs)
    rows = list(done(cells, given.data, given.work, jobs=given.jobs))
    starter = starter_rows(given.data, given.work, jobs=given.jobs)
    held = robustness_rows(rows, given.data, given.work, jobs=given.jobs)
    grounds = (NIH, PHANTOMS) if given.full else (NIH,)
    probes = list(probe_results(given.data, given.work, grounds=grounds, jobs=given.jobs))
    print(f"{len(rows)} cells in {(time.perf_counter() - started) / 60:.1f} minutes", flush=True)
    write_tables(rows, given.work)
    draw_figures(rows, kept_in(given.work), given.out / "pictures")
    path = given.out / "results.md"
    written = path.read_text(encoding="utf-8") if path.is_file() else ""
    _, mark, below = written.partition(INPUTS)  # another command's part of the page stays
    write_text(
        path,
        page(
            rows,
            starter,
            held,
            probes,
            kept_in(given.work),
            fine_tuning_table(given.work),
            lungs_in(given.work),
            pointed_in(given.work),
            backbones_in(given.work),
        )
        + (f"\n{mark}{below}" if mark else ""),
    )


if __name__ == "__main__":
    main()

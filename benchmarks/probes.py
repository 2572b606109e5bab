"""How well heads answer that learn from ever fewer labels, on frozen features.

On ChestX-ray14 films 10, 30 and 100 % of the labels; on 5,000 and more drawn films 1, 10 and 100 %. The
latter have reports, so there the authors' head stands on an Adaptor as well, which was pre-trained on the
films and reports of other patients, and on the vectors that Adaptor takes.
Rate and batch of the authors' head were chosen on val of the former, by a search whose script is not
kept; beside it stands the head at the rate they published.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import torch

from benchmarks.grid import LITE, NIH, PHANTOMS
from benchmarks.pretrained import pretrained
from benchmarks.results_rows import said
from benchmarks.results_rows import table as rows_of
from carina.encoders import load_image_encoder
from carina.evaluation import ProbeResults
from carina.features import Store, encode
from carina.learning import Heads, HeadTraining, Ridge
from carina.phantoms import write_phantoms
from carina.recipes import (
    NIH_FINDINGS,
    Probe,
    Probed,
    find_pretraining,
    prepare_probe,
    probe,
)
from carina.studies import Manifest, read_data, read_folder

__all__ = ["probe_results", "table"]

PATIENTS, SEED = 3600, 28
"""Of the drawn films, 5,000 and more."""
ON_ADAPTOR = "the authors' head, 5e-4 in batches of 64, on an Adaptor"
UNDER_IT = "the same without the Adaptor, on every stage"
PRETRAINED = "adaptor-canonical"
SHARES = {NIH: (0.1, 0.3, 1.0), PHANTOMS: (0.01, 0.1, 1.0)}
HEADS: Mapping[str, HeadTraining | Heads | Ridge] = {
    "the authors' head": HeadTraining(),
    "the same, 5e-4 in batches of 64": HeadTraining(rate=5e-4, batch=64),
    "logistic": Heads(penalties=(0.3, 1.0, 3.0), balanced=True),
    "ridge": Ridge(betas=(0.0,)),
}


def probe_results(
    data: Path, work: Path, *, grounds: tuple[str, ...], jobs: int
) -> Iterator[ProbeResults]:
    """Every head on every ground, probed where it is not yet.

    Args:
        data: Folder that holds nih/.
        work: Where store and runs are, and where films are drawn.
        grounds: `NIH`, `PHANTOMS`, or both.
        jobs: Processes side by side.
    """
    for ground in grounds:
        for _ in encode(
            _manifest(ground, data, work), load_image_encoder(LITE), Store(work / "store")
        ):
            pass
    every = [(ground, called) for ground in grounds for called in HEADS]
    if PHANTOMS in grounds:
        adaptor = pretrained(PRETRAINED, _manifest(PHANTOMS, data, work), work)
        every += [(PHANTOMS, ON_ADAPTOR), (PHANTOMS, UNDER_IT)]
    else:
        adaptor = Path()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_probed, every, repeat(data), repeat(work), repeat(adaptor))


def _probed(asked: tuple[str, str], data: Path, work: Path, adaptor: Path) -> ProbeResults:
    torch.set_num_threads(1)
    ground, called = asked
    stages = called in (ON_ADAPTOR, UNDER_IT)
    recipe = Probe(
        name=f"{ground}: {called}",
        encoders=(find_pretraining(PRETRAINED).image_encoder if stages else LITE,),
        adaptor=str(adaptor) if called == ON_ADAPTOR else "",
        by=HeadTraining(rate=5e-4, batch=64) if stages else HEADS[called],
        shares=SHARES[ground],
        findings=NIH_FINDINGS if ground == NIH else (),
    )
    ready = prepare_probe(recipe, _manifest(ground, data, work), Store(work / "store"))
    *_, last = probe(recipe, ready, work / "probes")
    assert isinstance(last, Probed)
    print(f"  {recipe.name}: {last.results.seconds:.0f} s", flush=True)
    return last.results


def _manifest(ground: str, data: Path, work: Path) -> Manifest:
    if ground == NIH:
        return read_data(data / "nih")
    drawn = work / "phantoms" / f"{PATIENTS}-{SEED}"
    if not (drawn / "phantoms.csv").is_file():
        for _ in write_phantoms(drawn, patients=PATIENTS, seed=SEED):
            pass
    return read_folder(drawn)


def table(found: list[ProbeResults]) -> list[str]:
    """Its section of the page, as Markdown; nothing where nothing was probed."""
    if not found:
        return []
    body = [
        [
            results.name,
            f"{share.share:.0%}",
            f"{share.films:.0f} of {share.patients} patients",
            str(share.draws),
            said(share.means["auroc"]),
            said(share.means["average_precision"]),
        ]
        for results in found
        for share in results.shares
    ]
    header = ["head", "labels", "films learned from, mean over draws", "draws", "AUROC test", "AP"]
    return [
        "## From ever fewer labels",
        "",
        "Heads on frozen features, as *Freeze the backbones* judges them: shares of the training patients, nested and stratified; intervals hold patients and draws. Means are over the findings of which every draw shows both classes, so rows of different shares may be of different findings.",
        "",
        *rows_of(header, body),
    ]

"""Lungs drawn from 1, 10 and 100 % of the films, beside whole networks and frozen Adaptors: ``make lungs``.

    python benchmarks/lungs.py --data ../shared/data/cxr --work .work/results --on val

Human outlines of covid-chestxray. Steps and rates were chosen on val; with ``--on test`` the test films
are read, once for each way. A way that is there is not taught again, one that was cut off goes on
where it stood. One thread; about half an hour.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from time import perf_counter

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.out_of_fold import drawn_phantoms
from benchmarks.pretrained import pretrained
from benchmarks.results_rows import said
from benchmarks.results_rows import table as rows_of
from benchmarks.whole_masks import NETWORK, WHOLE, whole_network
from carina.adaptors import (
    Convolutional,
    CrossModal,
    CrossModalAdaptor,
    PretrainedAdaptor,
    ValueOnly,
    outputs_needed,
    without_dead_weights,
)
from carina.core import Estimate, read_json, write_json
from carina.encoders import load_image_encoder
from carina.evaluation import DECODER, MaskLine
from carina.features import Store, encode
from carina.learning import load_adaptor, save_adaptor
from carina.recipes import (
    Segmentation,
    Segmented,
    find_segmentation,
    prepare_masks,
    segment,
    to_encode,
)
from carina.studies import Manifest, Marks, Split, find_marks, read_data, read_folder

FEW = 250
"""Steps for shares below 1, chosen on val; all films have the recipe's."""
GRID = Convolutional(widths=(64, 32, 16, 16))
BLIND = "mean-mask"
SCORES = ("dice_positive", "iou_positive", "average_distance", "hd95")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What one way drew.

    Attributes:
        way: Its name.
        learned: Numbers it taught.
        seconds: It took, other work of the machine included.
        lines: Every draw of every share.
    """

    way: str
    learned: int
    seconds: float
    lines: tuple[MaskLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where films, masks and work are.

    Attributes:
        manifest: The films.
        marks: Their masks.
        work: Where store, runs and results are.
        on: The split that is judged.
        recipe: The segmentation every frozen way varies.
    """

    manifest: Manifest
    marks: Marks
    work: Path
    on: str
    recipe: Segmentation


def over_frozen(
    ground: Ground, *, shares: tuple[float, ...], adaptor: str = "", grid: bool = False
) -> tuple[int, tuple[MaskLine, ...]]:
    """A decoder over the frozen encoder: few steps for shares below 1, more for all films.

    Args:
        ground: Where everything is.
        shares: Of the films.
        adaptor: Folder of what cells pass first.
        grid: Whether the decoder reads the coarse cells alone, without stages.
    """
    encoder = load_image_encoder(ground.recipe.encoder)
    base = ground.recipe.teaching
    form = replace(base, decoder=GRID, rate=2e-3) if grid else base
    learned = 0
    lines: list[MaskLine] = []
    few, whole = tuple(s for s in shares if s < 1), tuple(s for s in shares if s == 1)
    for some, steps in ((few, min(FEW, base.steps)), (whole, base.steps)):
        if not some:
            continue
        recipe = replace(
            ground.recipe,
            shares=some,
            teaching=replace(form, steps=steps),
            adaptor=adaptor,
            judged_on=Split(ground.on),
        )
        store, rows = Store(ground.work / "store"), to_encode(recipe, ground.manifest, ground.marks)
        outputs = outputs_needed(ground.recipe.teaching.decoder, encoder.card)
        for _ in encode(ground.manifest.take(rows), encoder, store, outputs=outputs):
            pass
        ready = prepare_masks(recipe, ground.manifest, ground.marks, store, encoder.card)
        with ready.table:
            *_, last = segment(recipe, ready, ground.work / "segmentations")
        assert isinstance(last, Segmented)
        learned = last.results.trainable
        lines += last.results.lines
    return learned, tuple(lines)


def whole(name: str) -> Callable[[Ground], tuple[int, tuple[MaskLine, ...]]]:
    """A whole network, as a way."""

    def way(ground: Ground) -> tuple[int, tuple[MaskLine, ...]]:
        recipe = ground.recipe
        learned, line = whole_network(
            WHOLE[name],
            ground.manifest,
            ground.marks,
            on=ground.on,
            seed=recipe.seed,
            draws=recipe.draws,
        )
        return learned, (line,)

    return way


def adaptor_of(work: Path) -> Path:
    """Folder of the Adaptor over drawn films."""
    return pretrained("adaptor-phantoms", read_folder(drawn_phantoms(work)), work)


def through(kind: str, *, grid: bool) -> Callable[[Ground], tuple[int, tuple[MaskLine, ...]]]:
    """A decoder behind a frozen Adaptor: "taught" or "random", its cells together or "alone"."""

    def way(ground: Ground) -> tuple[int, tuple[MaskLine, ...]]:
        adaptor = load_adaptor(adaptor_of(ground.work))
        folder = ground.work / "adaptors" / kind
        save_adaptor(folder, changed(adaptor, kind))
        return over_frozen(ground, shares=(0.01, 1.0), adaptor=str(folder), grid=grid)

    return way


def changed(adaptor: PretrainedAdaptor, kind: str) -> PretrainedAdaptor:
    """The Adaptor as it is, with random weights, or without the attention nobody taught."""
    if kind == "random":
        module = adaptor.config.build(
            image_dim=adaptor.image_dim,
            text_dim=adaptor.text_dim,
            generator=torch.Generator().manual_seed(0),
        )
        return replace(adaptor, module=module, data="", pairs=0, patients=0)
    if kind == "alone":
        assert isinstance(adaptor.module, CrossModalAdaptor)
        assert isinstance(adaptor.config, CrossModal)
        form = ValueOnly(
            width=adaptor.config.width, layers=adaptor.config.layers, hidden=adaptor.config.hidden
        )
        return replace(adaptor, config=form, module=without_dead_weights(adaptor.module))
    return adaptor


WAYS: Mapping[str, Callable[[Ground], tuple[int, tuple[MaskLine, ...]]]] = {
    "decoder over the frozen encoder": lambda ground: over_frozen(ground, shares=(0.01, 0.1, 1.0)),
    "the same net, encoder unfrozen": whole("unfrozen"),
    "small Transformer from scratch": whole("transformer"),
    "decoder over the frozen Adaptor": through("taught", grid=False),
    "decoder over a random Adaptor": through("random", grid=False),
    "grid alone, no Adaptor": lambda ground: over_frozen(ground, shares=(0.01, 1.0), grid=True),
    "grid alone, frozen Adaptor": through("taught", grid=True),
    "grid alone, the same, each cell alone": through("alone", grid=True),
    "grid alone, random Adaptor": through("random", grid=True),
}
"""Name to way, in the order of the table."""


def drawn(ground: Ground) -> Iterator[Drawn]:
    """Every way, taught and judged where it is not yet."""
    for way, made in WAYS.items():
        path = _kept(ground.work, ground.on, way)
        if not path.is_file():
            started = perf_counter()
            learned, lines = made(ground)
            seconds = perf_counter() - started
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, Drawn(way=way, learned=learned, seconds=seconds, lines=lines))
        yield read_json(path, Drawn)


def kept_in(work: Path, on: str = "test") -> list[Drawn]:
    """What an earlier `main` left in a work folder; nothing where it never ran there."""
    paths = (_kept(work, on, way) for way in WAYS)
    return [read_json(path, Drawn) for path in paths if path.is_file()]


def _kept(work: Path, on: str, way: str) -> Path:
    return work / "lungs" / on / f"{way.replace(', ', '-').replace(' ', '-')}.json"


def table(found: list[Drawn]) -> list[str]:
    """The ways as Markdown, by share; the mean mask of the same films beside the first."""
    body = []
    for number, one in enumerate(found):
        for share in sorted({line.share for line in one.lines}):
            mine = [line for line in one.lines if line.share == share]
            looked = [line for line in mine if line.predictor in (DECODER, NETWORK)]
            body.append([one.way, *_cells(looked), f"{one.learned:,}"])
            blind = [line for line in mine if line.predictor == BLIND]
            if blind and not number:
                body.append(["mean mask of the same films", *_cells(blind), "0"])
    header = ["way", "films", "draws", *SCORES, "numbers taught"]
    return rows_of(header, body)


def _cells(lines: list[MaskLine]) -> list[str]:
    """One draw with its intervals, several as their mean and the deviation between them."""
    scores = [_over([line.scores[name] for line in lines]) for name in SCORES]
    return [str(lines[0].films), str(len(lines)), *scores]


def _over(draws: list[Estimate]) -> str:
    values = [one.value for one in draws if one.value is not None]
    if len(draws) == 1 or not values:
        return said(draws[0])
    return f"{mean(values):.3f} ± {stdev(values):.3f} [{min(values):.3f} to {max(values):.3f}]"


def main() -> None:
    """Teach and judge every way that is not there yet, and print the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, required=True, help="folder that holds covid/")
    asked.add_argument("--work", type=Path, required=True, help="where store and runs go")
    asked.add_argument("--on", choices=("val", "test"), default="val")
    given = asked.parse_args()
    torch.set_num_threads(1)
    manifest = read_data(given.data / "covid")
    ground = Ground(
        manifest=manifest,
        marks=find_marks(manifest, "lungs", given.data / "covid" / "masks_v7"),
        work=given.work,
        on=given.on,
        recipe=find_segmentation("segment-lungs"),
    )
    found = []
    for one in drawn(ground):
        print(f"{one.way}: {one.seconds:.0f} s", flush=True)
        found.append(one)
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()

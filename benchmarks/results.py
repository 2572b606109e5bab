"""Write docs/results.md from a declared grid of runs on real films: ``make results``.

Every choice was made by patient-grouped cross-validation on train and val; each run reads the
test split once, by its refit. Runs that are there already are not run again.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from carina.cards import write_run_card
from carina.core import Estimate, generator, write_text
from carina.encoders import load_image_encoder
from carina.evaluation import Results, Scores, compare, read_scores
from carina.features import EncodedAll, Store, encode
from carina.recipes import NAMED, Continual, Finished, prepare, run, with_encoders
from carina.streams import ByClass, CellMatched
from carina.studies import LabelSpace, Manifest, read_data

LITE, MOBILE = "efficientnet-lite0", "mobilenet-cxr14"
SETS = {LITE: (LITE,), "both side by side †": (LITE, MOBILE), f"{MOBILE} †": (MOBILE,)}
PLANS = {
    "by-class": "Class-incremental: one finding at a time, each on all films",
    "by-label": "Label-incremental: new films, one more finding at a time",
    "by-data": "Data-incremental: five parts of the films, all findings",
    "joint": "Joint: everything at once, the bound",
}
METHODS = {
    "retune": "RE-tune",
    "heads": "logistic head a finding",
    "ridge": "masked ridge head",
}
DRAWS = 2000

INPUTS = "<!-- what follows is written by make inputs -->"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of the grid."""

    plan: str
    method: str
    encoders: str
    results: Results
    scores: dict[str, Scores]


def grid() -> Iterator[tuple[str, str, str, Continual]]:
    """Plan, method, encoders and recipe of every run: all plans on the headline encoder, then two."""
    for named, encoders in SETS.items():
        for plan in PLANS if named == LITE else ("by-class", "joint"):
            for method in METHODS:
                recipe = NAMED[f"nih-{plan}-{method}"]()
                yield plan, method, named, with_encoders(recipe, *encoders)
        if named == LITE:
            matched = replace(NAMED["nih-joint-retune"](), plan=CellMatched(of=ByClass()))
            yield "by-class", "RE-tune, joint on the same cells", LITE, matched


def encoded(manifest: Manifest, weights: Path, store: Store) -> None:
    """Encode the films by both encoders, where they are not there yet."""
    for name, file in ((LITE, None), (MOBILE, weights)):
        for event in encode(manifest, load_image_encoder(name, weights=file), store):
            if isinstance(event, EncodedAll):
                print(f"{name}: {event.encoded} films encoded in {event.seconds:.0f} s", flush=True)


def cells(manifest: Manifest, store: Store, out: Path) -> Iterator[Cell]:
    """Run the grid, or read what has been run."""
    for plan, method, encoders, recipe in grid():
        started = time.perf_counter()
        for event in run(recipe, prepare(recipe, manifest, store), out):
            if isinstance(event, Finished):
                write_run_card(event.folder)
                names = tuple(e.name for e in event.results.experiences)
                space = LabelSpace(names=event.results.labels)
                scores = read_scores(event.folder / "scores.parquet", names, space)
                print(
                    f"{plan} {method} {encoders}: {_headline(event.results)} "
                    f"({time.perf_counter() - started:.0f} s)",
                    flush=True,
                )
                yield Cell(
                    plan=plan,
                    method=method,
                    encoders=encoders,
                    results=event.results,
                    scores=scores,
                )


def page(done: list[Cell]) -> str:
    """The page as Markdown."""
    first = done[0].results
    lines = [
        "# Results on real radiographs",
        "",
        "Written by `make results`; every number stands in the `results.json` of its run.",
        (
            f"{first.source}: 14 findings and No Finding, {first.out_of_fold.images} films of "
            f"{first.out_of_fold.patients} patients to learn from, {first.test_images} films of "
            f"{first.test_patients} patients held back."
        ),
        (
            "Means are over the 14 findings unless another group is named; brackets are 95 % intervals "
            "by resampling patients."
        ),
        (
            "Every choice (penalties, rates, steps, widths, scaling, thresholds, calibration) was made "
            "out of fold by patient on train and val; *out of fold* columns are those patients, each "
            "scored by a learner that never saw them. The test split chose nothing; each run reads it once, by its refit."
        ),
        "",
        (
            "Nothing here is about vision-language models: the image encoders and the text encoder "
            "share no space and these films have no reports, so there is no zero-shot, the text prior "
            "is off, and RE-tune's prompts serve as anchors only."
        ),
        (
            "Undefined: the authors' AUROC of heads, which have no positive prompt; BWT and forgetting of "
            "one step."
        ),
        "",
        (
            f"† {MOBILE} was trained on films of this data set with these labels: up to 154 of the 230 "
            "test films may have been seen by its weights. Its rows are too good; the table of surely "
            "unseen films stands below."
        ),
        "",
    ]
    for plan, title in PLANS.items():
        lines += _plan_table(title, [cell for cell in done if cell.plan == plan])
    lines += [
        (
            "RE-tune one finding at a time, shared adaptors and plain fine-tuning, forgets; the last "
            "experience, No Finding, speaks against every finding and turns most of them round. In the "
            "label-incremental stream each experience has 72 films: nobody learns much from them, and "
            "the sums of the ridge head cannot be shared, since no two findings were known on the same "
            "films."
        ),
        "",
    ]
    lines += _unseen_table(done)
    lines += _claims(done)
    return "\n".join(lines) + "\n"


def _plan_table(title: str, rows: list[Cell]) -> list[str]:
    """One table a plan id, so that streams are never mixed."""
    lines = [f"## {title}", ""]
    for plan_id in dict.fromkeys(cell.results.plan_id for cell in rows):
        same = [cell for cell in rows if cell.results.plan_id == plan_id]
        one = same[0].results
        groups = [one.headline, *sorted(name for name in one.groups if name != one.headline)]
        lines += [f"Plan `{plan_id}` ({one.plan_kind}, {one.plan_variant}).", ""]
        header = ["method", "encoders", "AUROC out of fold", *(f"AUROC test, {g}" for g in groups)]
        header += [
            "authors' AUROC",
            "AP",
            "F1",
            "Brier",
            "ECE",
            "BWT",
            "forgetting",
            "kept MB",
            "s",
        ]
        body = [[_method(cell), cell.encoders, *_numbers(cell.results, groups)] for cell in same]
        lines += [*_table(header, body), ""]
    return lines


def _method(cell: Cell) -> str:
    return METHODS.get(cell.method, cell.method)


def _numbers(results: Results, groups: list[str]) -> list[str]:
    head, last = results.headline, results.experiences[-1]
    auroc = results.summary["auroc"]
    metrics = ("auroc_authors", "average_precision", "f1", "brier", "ece")
    return [
        _said(results.out_of_fold.summary["auroc"][head]),
        *(_said(auroc[group]) for group in groups),
        *(_said(results.summary[metric][head]) for metric in metrics),
        _said(auroc["backward_transfer"]),
        _said(auroc["forgetting"]),
        f"{sum(last.kept_bytes.values()) / 1e6:.1f}",
        f"{sum(experience.seconds for experience in results.experiences):.1f}",
    ]


def _unseen_table(done: list[Cell]) -> list[str]:
    rows = [cell for cell in done if cell.results.unseen is not None and cell.plan == "joint"]
    if not rows:
        return []
    body = []
    for cell in rows:
        unseen, head = cell.results.unseen, cell.results.headline
        if unseen is not None:
            films = f"{unseen.images} films, {unseen.patients} patients"
            body.append([_method(cell), cell.encoders, films, _said(unseen.summary["auroc"][head])])
    return [
        "## Test films the exposed encoder surely has not seen (joint)",
        "",
        (
            "Its authors dropped every film with more than one label, so the others are those; they "
            "are harder, and other films of the same patients may have been seen."
        ),
        "",
        *_table(["method", "encoders", "films", "AUROC"], body),
        "",
    ]


def _claims(done: list[Cell]) -> list[str]:
    """Paired differences out of fold, with the bound each must hold."""
    by = {(cell.plan, cell.method, cell.encoders): cell for cell in done}
    body = []
    for encoders in SETS:
        for method, margin in (("ridge", 0.01), ("retune", 0.02)):
            ours, theirs = (by.get(("joint", s, encoders)) for s in (method, "heads"))
            if ours is None or theirs is None:
                continue
            gap = compare(
                ours.scores["out-of-fold"],
                theirs.scores["out-of-fold"],
                names=ours.results.groups[ours.results.headline],
                draws=DRAWS,
                rng=generator(0, "results", encoders),
            )
            holds = gap.low is not None and gap.low > -margin
            said = "holds" if holds else "does not hold"
            body.append(
                [
                    f"{METHODS[method]} less logistic head",
                    encoders,
                    _said(gap),
                    f"-{margin}",
                    said,
                ]
            )
    return [
        "## Claims checked out of fold (joint, AUROC over 14 findings, paired by patient)",
        "",
        *_table(["difference", "encoders", "value", "lower bound must be above", ""], body),
        "",
    ]


def _said(estimate: Estimate) -> str:
    return "undefined" if estimate.value is None else str(estimate)


def _headline(results: Results) -> str:
    return _said(results.summary["auroc"][results.headline])


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    return [
        "| " + " | ".join(header) + " |",
        "|" + " --- |" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]


def main() -> None:
    """Run the grid and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder that holds nih/ and weights/"
    )
    parser.add_argument("--work", type=Path, required=True, help="where store and runs go")
    parser.add_argument("--out", type=Path, required=True, help="where results.md goes")
    given = parser.parse_args()
    torch.set_num_threads(1)  # as the command line runs
    manifest, store = read_data(given.data / "nih"), Store(given.work / "store")
    encoded(manifest, given.data / "weights" / "mbv3_cxr14.safetensors", store)
    done = list(cells(manifest, store, given.work / "runs"))
    path = given.out / "results.md"
    written = path.read_text(encoding="utf-8") if path.is_file() else ""
    _, mark, below = written.partition(INPUTS)  # another command's part of the page stays
    write_text(path, page(done) + (f"\n{mark}{below}" if mark else ""))


if __name__ == "__main__":
    main()

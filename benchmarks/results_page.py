"""docs/results.md: every table of it, from finished cells."""

from collections.abc import Iterator

from benchmarks.backbones_outcome import Outcome
from benchmarks.backbones_tables import table as backbones_table
from benchmarks.forgetting import Judged
from benchmarks.forgetting import table as forgetting_table
from benchmarks.grid import LITE, MOBILE
from benchmarks.lungs import Drawn
from benchmarks.lungs import table as lungs_table
from benchmarks.pointing import Pointed
from benchmarks.pointing import table as pointing_table
from benchmarks.probes import table as probe_table
from benchmarks.results_rows import Row, gap, said, table
from benchmarks.robustness import Held
from benchmarks.robustness import table as robustness_table
from benchmarks.starter import StarterRow
from benchmarks.starter import table as starter_table
from carina.evaluation import CRITERIA, ProbeResults, Results

__all__ = ["page"]

BOUND = "joint on the same cells"
PLANS = {
    "by-class": "Class-incremental: one finding at a time, each on all films",
    "by-label": "Label-incremental: new films, one more finding at a time",
    "by-data": "Data-incremental: five parts of the films, all findings",
    "joint": "Joint: everything at once",
    "new-labels": "All films each time, one more finding labelled",
    "corrected": "A tenth of the labels told wrong, taken back, told right",
    "deletion": "One finding at a time, then a tenth of the patients taken back",
}
DETAILED = ("RE-tune", "RE-tune with distillation (LwF)", "logistic heads", "masked ridge")
PUBLISHED = {
    "zero-shot": "0.670",
    "joint": "0.872, 0.843, 0.860, 0.861, 0.923 (epoch 5)",
    "by-class": "0.327, 0.791, 0.795, 0.816, 0.903 after the last of five",
}
"""AUROC by the positive prompt alone on CheXpert with BioViL, as the authors logged it."""


def page(
    rows: list[Row],
    starter: list[StarterRow],
    held: list[Held],
    probes: list[ProbeResults],
    forgetting: list[Judged],
    fine_tuned: list[str],
    lungs: list[Drawn],
    pointed: list[Pointed],
    backbones: list[Outcome],
) -> str:
    """The page as Markdown.

    Args:
        rows: The finished cells.
        starter: Of the hand-made mix.
        held: Of readers on disturbed films.
        probes: Of heads on shares of the labels.
        forgetting: What `benchmarks.forgetting` found, where it ran.
        fine_tuned: The table of `benchmarks.fine_tuning`.
        lungs: What `benchmarks.lungs` drew, where it ran.
        pointed: What `benchmarks.pointing` found, where it ran.
        backbones: What `benchmarks.backbones` measured, where it ran.
    """
    by = {(row.cell.table, row.cell.method): row for row in rows}
    lines = [*_head(rows), *_forgetting(forgetting)]
    for plan, title in PLANS.items():
        lines += _plan(title, [row for row in rows if row.cell.table == plan])
    lines += _pictures()
    lines += _two_scores(by)
    lines += _findings(by)
    lines += _calibration(by)
    lines += _subgroups(by)
    lines += _language(rows)
    lines += _phantoms(rows)
    lines += ["## What fine-tuning the whole encoder costs and gives †", "", *fine_tuned, ""]
    lines += _exposure(rows)
    lines += probe_table(probes)
    lines += _lungs(lungs)
    lines += _pointing(pointed)
    lines += _backbones(backbones)
    lines += robustness_table(held)
    lines += starter_table(starter)
    lines += _covid(rows)
    return "\n".join(lines).rstrip() + "\n"


def _head(rows: list[Row]) -> list[str]:
    first = rows[0].results
    return [
        "# Results on real radiographs",
        "",
        f"Written by `make results` ({len(rows)} runs); every number stands in the `results.json` of its run, and the scores behind every table, film by film under salted ids, in the work folder's `tables/`.",
        f"{first.source}: 14 findings and No Finding, {first.out_of_fold.images} films of {first.out_of_fold.patients} patients to learn from, {first.test_images} films of {first.test_patients} patients held back; {LITE}, which has seen none of them.",
        "Means are over the 14 findings; brackets are 95 % intervals by resampling patients.",
        "Every choice was made out of fold by patient on train and val: docs/decisions/tuning.md tells eight settings of every method, and the best of each stands here; ridge stands at its named recipe, 0.002 below the best of its eight. *Out of fold* columns are those patients, each scored by a learner that never saw them. The test split chose nothing; each run reads it once, by its refit.",
        "On these films nothing is about vision-language models: the image encoders and the text encoder share no space and there are no reports, so RE-tune's prompts serve as anchors only. Language is judged below, on drawn films with reports.",
        "¶ keeps rows of patients' features between updates. † the encoder was trained on films of this data set with these labels.",
        "",
    ]


def _forgetting(found: list[Judged]) -> list[str]:
    title = ["## Does RE-tune forget?", ""]
    if not found:
        return [*title, "Not run here: `make forgetting`.", ""]
    return [
        *title,
        "One finding at a time on all rows, adaptors shared by all findings, out of fold on train and val by 5 x 5 patient cross-validation; seeds draw the partition and everything random, orders the sequence of findings. Intervals combine patients, seeds and orders.",
        "",
        *forgetting_table(found),
        "",
        "What it took to get there is in docs/decisions/forgetting.md.",
        "",
    ]


def _lungs(found: list[Drawn]) -> list[str]:
    title = ["## Lungs from ever fewer masks", ""]
    if not found:
        return [*title, "Not run here: `make lungs`.", ""]
    return [
        *title,
        f"Human outlines of covid-chestxray, {LITE} frozen at 224 pixels; distances are in pixels. One draw stands with its interval by patient, several as mean ± standard deviation between them and from worst to best. *Grid alone* is the convolutional decoder over 7 x 7 cells, without finer stages. Frozen Adaptors were pre-trained on drawn films and their reports.",
        "",
        *lungs_table(found),
        "What it says is in docs/decisions/segmentation.md.",
        "",
    ]


def _pointing(found: list[Pointed]) -> list[str]:
    title = ["## Do heat maps point at findings?", ""]
    if not found:
        return [*title, "Not run here: `make pointing`.", ""]
    return [
        *title,
        "The highest pixel of a masked ridge head's map against what was marked, on test films; findings of ten marked films or more. The *blind point* looks at no film: it is where most films learned from are marked. Differences are paired by film.",
        "",
        *pointing_table(found),
        "Where a map does not beat the blind point, the place it names is no better a guess than where the finding usually is.",
        "",
    ]


def _backbones(found: list[Outcome]) -> list[str]:
    title = ["## Is *Freeze the backbones* right?", ""]
    if not found:
        return [*title, "Not run here: `make backbones`.", ""]
    return [
        *title,
        "Drawn films and reports (population 43, 2,048 films), both encoders frozen where nothing else is said; Adaptors learn from `pretrain` and `train`, stop by `val` and are asked about `test`. Intervals are by patient.",
        "",
        *backbones_table(found),
    ]


def _plan(title: str, rows: list[Row]) -> list[str]:
    """One table a plan: strategies with intervals, what they lack to the bound, what they keep."""
    if not rows:
        return []
    one = rows[0].results
    bound = next((row for row in rows if row.cell.method == BOUND), None)
    header = ["method", "AUROC out of fold", "less joint on the same cells", "AUROC test"]
    header += ["mAP", "F1", "CF1", "OF1", "BWT", "forgetting", "by chance alone", "kept MB", "s"]
    body = [
        [
            row.cell.method,
            said(row.out_of_fold),
            "" if bound is None or row is bound else said(gap(row, bound)),
            said(row.last()),
            said(row.last("average_precision")),
            said(row.last("f1")),
            said(row.results.decisions["f1"]["cf1"][-1]),
            said(row.results.decisions["f1"]["of1"][-1]),
            said(row.transfer("backward_transfer")),
            said(row.transfer("forgetting")),
            said(row.transfer("forgetting_by_chance")),
            row.kept,
            row.seconds,
        ]
        for row in rows
    ]
    return [
        f"## {title}",
        "",
        f"Plan `{one.plan_id}` ({one.plan_variant}).",
        "",
        *table(header, body),
    ]


def _pictures() -> list[str]:
    shown = {
        "matrices": "AUROC of each finding (across) after each experience (down), by class: what is kept of the diagonal.",
        "positives": "AUROC of each finding against the films shown with it, by class.",
        "orders": "AUROC after the last experience over seeds and orders of teaching, out of fold.",
        "reliability": "What was said against what happened, all findings together, with the band in which 95 of 100 readers calibrated to the letter lie.",
        "drift": "How far each positive prompt still is what it was just after it was taught, as a cosine.",
    }
    lines = ["## Pictures", ""]
    for name, what in shown.items():
        lines += [f"![{what}](pictures/results-{name}.png)", "", what, ""]
    return lines


def _two_scores(by: dict[tuple[str, str], Row]) -> list[str]:
    body = []
    for plan, method in (("joint", "RE-tune"), ("by-class", "RE-tune"), ("by-data", "RE-tune")):
        row = by.get((plan, method))
        if row is not None:
            body.append(
                [
                    f"{plan}: {method}",
                    said(row.last()),
                    said(row.last("auroc_authors")),
                    PUBLISHED.get(plan, ""),
                    said(row.transfer("forgetting", "auroc_authors")),
                    said(row.transfer("forgetting_with_last", "auroc_authors")),
                    said(row.transfer("forgetting")),
                    said(row.transfer("backward_transfer")),
                ]
            )
    header = ["run", "AUROC, sound", "AUROC, the authors' (positive prompt alone)"]
    header += ["published, per finding of CheXpert", "forgetting, authors' score"]
    header += ["the same, last step counted", "forgetting, sound score", "BWT, sound score"]
    return [
        "## The authors' score, the sound one, and what was published",
        "",
        "Published numbers are of five CheXpert findings with BioViL, these of 14 findings of other films with encoders that share no space: they stand here for what the two scores do, not to be compared. On CheXpert the authors' positive-only AUROC of the first finding fell from 0.87 to 0.33 while its F1 stayed: decisions, made by the difference, were kept.",
        "",
        *table(header, body),
    ]


def _findings(by: dict[tuple[str, str], Row]) -> list[str]:
    found = [by[("by-class", method)] for method in DETAILED if ("by-class", method) in by]
    if not found:
        return []
    body = [
        [
            name,
            str(found[0].results.positives[name]),
            str(int(found[0].test.part.target[:, found[0].test.space.index(name)].sum())),
            *(said(row.results.scores["auroc"][-1][name]) for row in found),
        ]
        for name in sorted(found[0].results.labels, key=lambda n: -found[0].results.positives[n])
    ]
    header = ["finding", "films with it, learned from", "held back"]
    return [
        "## Each finding, by class, AUROC on test films",
        "",
        *table([*header, *(row.cell.method for row in found)], body),
    ]


def _calibration(by: dict[tuple[str, str], Row]) -> list[str]:
    found = [by[("by-class", method)] for method in DETAILED if ("by-class", method) in by]
    steps, judged = [], []
    for row in found:
        results = row.results
        last = len(results.experiences) - 1
        steps += [
            [
                row.cell.method,
                f"{step + 1}, {results.experiences[step].name}",
                said(results.macro["brier"][results.headline][step]),
                said(results.over_prevalence[step]),
                said(results.macro["ece"][results.headline][step]),
            ]
            for step in sorted({0, last // 2, last})
        ]
        judged.append([row.cell.method, *_held(results)])
    header = ["method", "after experience", "Brier", "Brier less the prevalence's", "ECE"]
    return [
        "## Calibration, step by step",
        "",
        "A finding is calibrated where it is visible, then frozen; no old data are kept. Heads and ridge know their map from their own sums, the others by Platt on out-of-fold answers of the experience's own rows.",
        "",
        *table(header, steps),
        "For how many of the findings each criterion holds after the last experience: Brier not above the prevalence's, slope and intercept intervals that hold 1 and 0, ECE within the band of readers calibrated to the letter.",
        "",
        *table(["method", *CRITERIA], judged),
    ]


def _held(results: Results) -> list[str]:
    told = []
    for criterion in CRITERIA:
        said_of = [found.holds[criterion] for found in results.calibration.values()]
        told.append(
            f"{said_of.count('holds')} hold, {said_of.count('does not hold')} do not, "
            f"{said_of.count('cannot tell')} cannot tell"
        )
    return told


def _subgroups(by: dict[tuple[str, str], Row]) -> list[str]:
    body = []
    for method in DETAILED:
        row = by.get(("by-class", method))
        if row is None:
            continue
        for attribute, found in row.results.subgroups.items():
            body += [
                [
                    method,
                    f"{attribute} {group}",
                    str(len(found.findings)),
                    said(found.means["auroc"][group][-1]),
                    *(
                        said(gaps["auroc"][-1]) if group == found.worst["auroc"][-1] else ""
                        for gaps in (found.gap, found.gap_by_chance)
                    ),
                ]
                for group in found.groups
            ]
    header = ["method", "group", "findings with enough patients", "AUROC"]
    return [
        "## For whom, by class, after the last experience",
        "",
        "Findings with ten patients with and ten without in every group told; the worst group less the others, and what that is by chance where all are alike.",
        "",
        *table([*header, "worst group less the others", "by chance alone"], body),
    ]


def _language(rows: list[Row]) -> list[str]:
    lines = ["## Does language steer? Drawn films with reports, aligned by carina", ""]
    for name in ("aligned, by-class", "aligned, joint", "prompts"):
        some = [row for row in rows if row.cell.table == name]
        if not some:
            continue
        controls = sorted({c for row in some for c in row.results.language})
        header = ["method", "AUROC test", "over zero-shot", "positive prompts alone (authors')"]
        header += [f"the prompts less {control}" for control in controls] + ["BWT", "kept MB"]
        body = [
            [
                row.cell.method,
                said(row.last()),
                said(row.transfer("gain_over_zero_shot")),
                said(row.last("auroc_authors")),
                *(
                    said(row.results.language[c].lost) if c in row.results.language else ""
                    for c in controls
                ),
                said(row.transfer("backward_transfer")),
                row.kept,
            ]
            for row in some
        ]
        lines += [f"### {name[0].upper()}{name[1:]}", "", *table(header, body)]
    lines += [
        "Image features are mapped into the text encoder's space by a ridge on the reports of patients of the pretrain part. Each control is the same strategy, films, labels and seed with something else in the place of the prompts; differences are paired by patient. Phantoms are drawn by carina: they show that the machinery tells language from none, not what language is worth on real films.",
        "",
    ]
    return lines


def _phantoms(rows: list[Row]) -> list[str]:
    some = [row for row in rows if row.cell.table.startswith("phantoms, ")]
    if not some:
        return []
    body = [
        [
            f"{row.cell.table.removeprefix('phantoms, ')}: {row.cell.method}",
            said(row.out_of_fold),
            said(row.last()),
            said(row.transfer("backward_transfer")),
            ", ".join(_flagged(row.results)) or "none",
        ]
        for row in some
    ]
    header = ["scenario", "AUROC out of fold", "AUROC test", "BWT", "flagged: the site alone tells"]
    return ["## Further scenarios, drawn films", "", *table(header, body)]


def _flagged(results: Results) -> Iterator[str]:
    worst: dict[str, float] = {}
    for step in results.experiences:
        for finding, own in step.confounding.items():
            if own.value is not None and own.low is not None and own.low > 0.5:
                worst[finding] = max(worst.get(finding, 0.0), own.value)
    yield from (f"{finding} ({value:.2f})" for finding, value in sorted(worst.items()))


def _exposure(rows: list[Row]) -> list[str]:
    some = [row for row in rows if row.cell.table == "exposure"]
    if not some:
        return []
    body = []
    for row in some:
        unseen = row.results.unseen
        films = "" if unseen is None else f"{unseen.images} films of {unseen.patients} patients"
        held = None if unseen is None else unseen.summary["auroc"][row.results.headline]
        body.append(
            [
                row.cell.method,
                said(row.out_of_fold),
                said(row.last()),
                said(held),
                films,
                said(row.transfer("backward_transfer")),
            ]
        )
    header = ["run", "AUROC out of fold", "AUROC test", "surely unseen test films", "which", "BWT"]
    return [
        "## Exposure: an encoder that has seen these labels",
        "",
        f"{MOBILE} was trained on films of this data set with these labels. Its authors dropped every film with more than one label, so the others are surely unseen; they are harder, and other films of the same patients may have been seen.",
        "",
        *table(header, body),
    ]


def _covid(rows: list[Row]) -> list[str]:
    some = [row for row in rows if row.cell.table == "covid"]
    if not some:
        return []
    last = some[0].results
    names = some[0].headline
    body = [
        [
            row.cell.method,
            said(row.out_of_fold),
            *(said(row.results.scores["auroc"][-1][name]) for name in names),
            said(row.transfer("backward_transfer")),
        ]
        for row in some
    ]
    header = ["run", f"AUROC out of fold, {len(names)} findings"]
    return [
        f"## {last.source}: {last.test_images} test films of {last.test_patients} patients",
        "",
        "Only these two findings have enough positives held back.",
        "",
        *table([*header, *(f"{name}, test" for name in names), "BWT"], body),
    ]

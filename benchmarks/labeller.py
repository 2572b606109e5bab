"""How well the rule labeller agrees with the tags people gave the Indiana reports.

    python benchmarks/labeller.py --half B

The reports are parted by a salted hash of their names. Rules were written looking at half A;
half B was measured once they were fixed. A tagged finding counts as present and an untagged one as
not; a labelled one counts as present where it is PRESENT. Intervals: 95 %, reports resampled.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from carina.core import Estimate, dump, generator, salted
from carina.measures import PatientResamples, resample_patients
from carina.studies import (
    LABELLED,
    MESH_FINDINGS,
    OpenIReport,
    Presence,
    label_report,
    mesh_findings,
    read_openi_reports,
)

SALT = "indiana-report-halves"
NOT_INDEXED = "no indexing"
FINDINGS = tuple(name for name in MESH_FINDINGS if name in LABELLED)
DRAWS = 2000


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Of one finding, or of several together.

    Attributes:
        tagged: Reports (or cells) people tagged with it.
        labelled: Those the rules call present.
    """

    name: str
    tagged: int
    labelled: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


def half(uid: str) -> str:
    """Which half a report is in: "A" or "B"."""
    return "AB"[salted(uid, SALT) % 2]


def agreements(
    said: Int[np.ndarray, "reports findings"],
    tagged: Bool[np.ndarray, "reports findings"],
    *,
    uncertain_is_present: bool = False,
    draws: int = DRAWS,
) -> tuple[list[Agreement], Agreement, Agreement]:
    """Each finding's agreement, then that of all cells and of all but No Finding's."""
    labelled = said == Presence.PRESENT
    if uncertain_is_present:
        labelled = labelled | (said == Presence.UNCERTAIN)
    resamples = resample_patients(np.arange(len(said)), draws=draws, rng=generator(0, "labeller"))
    each = [
        _agreement(name, labelled[:, [at]], tagged[:, [at]], resamples)
        for at, name in enumerate(FINDINGS)
    ]
    rest = [at for at, name in enumerate(FINDINGS) if name != "No Finding"]
    return (
        each,
        _agreement("all cells (micro)", labelled, tagged, resamples),
        _agreement("without No Finding (micro)", labelled[:, rest], tagged[:, rest], resamples),
    )


def _agreement(
    name: str,
    labelled: Bool[np.ndarray, "reports cells"],
    tagged: Bool[np.ndarray, "reports cells"],
    resamples: PatientResamples,
) -> Agreement:
    both, says, has = (
        cells.sum(axis=1).astype(float) for cells in (labelled & tagged, labelled, tagged)
    )
    weights = resamples.weights().astype(float)

    def ratio(
        above: Float[np.ndarray, " reports"], below: Float[np.ndarray, " reports"]
    ) -> Estimate:
        reports, positives = len(labelled), int(has.sum())
        if not below.sum():
            return Estimate.undefined(
                "nothing to divide by", n=reports, positives=positives, patients=reports
            )
        top, bottom = weights @ above, weights @ below
        drawn = top[bottom > 0] / bottom[bottom > 0]
        low, high = np.quantile(drawn, [0.025, 0.975])
        return Estimate(
            value=float(above.sum() / below.sum()),
            low=float(low),
            high=float(high),
            method=f"report bootstrap, {len(weights)} draws",
            n=reports,
            positives=positives,
            patients=reports,
        )

    return Agreement(
        name=name,
        tagged=int(has.sum()),
        labelled=int(says.sum()),
        precision=ratio(both, says),
        recall=ratio(both, has),
        f1=ratio(2 * both, says + has),
    )


def macro(each: Sequence[Agreement]) -> float:
    """The mean F1 of the findings that have one."""
    return float(np.mean([one.f1.value for one in each if one.f1.value is not None]))


def tables(
    reports: Sequence[OpenIReport],
) -> tuple[Int[np.ndarray, "reports findings"], Bool[np.ndarray, "reports findings"], float]:
    """What the rules say, what people tagged, and how many reports a second the rules read."""
    began = time.perf_counter()
    labels = [label_report(report.sections) for report in reports]
    rate = len(reports) / (time.perf_counter() - began)
    tags = [mesh_findings(report.tags) for report in reports]
    return (
        np.array([[int(one[name]) for name in FINDINGS] for one in labels]),
        np.array([[one[name] is Presence.PRESENT for name in FINDINGS] for one in tags]),
        rate,
    )


def indexed(report: OpenIReport) -> bool:
    """Whether people tagged a report at all."""
    return NOT_INDEXED not in {tag.casefold() for tag in report.tags}


def main() -> None:
    """Print the table of a half."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument(
        "--archive",
        type=Path,
        default=Path("../shared/data/cxr/openi_reports/NLMCXR_reports.tgz"),
    )
    words.add_argument("--half", choices=("A", "B"), required=True)
    words.add_argument("--json", action="store_true")
    chosen = words.parse_args()
    everything = read_openi_reports(chosen.archive)
    mine = [report for report in everything if half(report.uid) == chosen.half]
    kept = [report for report in mine if indexed(report)]
    other = {report.sections.read for report in everything if half(report.uid) != chosen.half}
    new = np.array([report.sections.read not in other for report in kept])
    said, tagged, rate = tables(kept)
    each, micro, rest = agreements(said, tagged)
    _, loose, loose_rest = agreements(said, tagged, uncertain_is_present=True)
    _, unseen, unseen_rest = agreements(said[new], tagged[new])
    summary = {
        "micro": micro,
        "micro without No Finding": rest,
        "micro, uncertain as present": loose,
        "the same without No Finding": loose_rest,
        "micro, texts not in the other half": unseen,
        "those without No Finding": unseen_rest,
    }
    if chosen.json:
        plain = {
            "half": chosen.half,
            "reports": len(kept),
            "untagged_left_out": len(mine) - len(kept),
            "texts_not_in_other_half": int(new.sum()),
            "findings": [dump(one) for one in each],
            "summary": {name: dump(one) for name, one in summary.items()},
            "macro_f1": macro(each),
            "reports_a_second": round(rate),
        }
        print(json.dumps(plain, indent=1))
        return
    print(
        f"Half {chosen.half}: {len(kept)} reports; {len(mine) - len(kept)} untagged left out; "
        f"{int(new.sum())} texts do not stand in the other half; {rate:.0f} reports a second"
    )
    print("| finding | tagged | labelled | precision | recall | F1 |")
    print("|---|---|---|---|---|---|")
    for one in each:
        print(
            f"| {one.name} | {one.tagged} | {one.labelled} | {one.precision} | {one.recall} | {one.f1} |"
        )
    for name, one in summary.items():
        print(f"{name}: precision {one.precision}, recall {one.recall}, F1 {one.f1}")
    print(f"macro F1 {macro(each):.3f}")


if __name__ == "__main__":
    main()

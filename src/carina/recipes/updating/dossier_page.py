"""A dossier in Markdown, in the order of the FDA's Predetermined Change Control Plan.

Description of the modifications, modification protocol, impact assessment (Marketing Submission
Recommendations for a Predetermined Change Control Plan, final guidance, December 2024).
"""

from collections.abc import Sequence
from dataclasses import fields

from carina.bundles import AnswerRule
from carina.measures import MINIMUM_OF_CLASS
from carina.recipes.updating.changes import FindingChange, How
from carina.recipes.updating.dossier import Dossier
from carina.recipes.updating.gate import ALL, Check, Ground, Outcome

__all__ = ["dossier_page"]

_OFTEN = 10  # uses of a locked set from which the page warns
_SIGN = (
    "Clinical lead: is the change wanted, and is the margin one that patients can bear?",
    "Statistics: are the test films those that the reader meets, and enough of them?",
    "Privacy: may the new reader leave the house, beside the old one?",
    "Quality: is the record whole? Its digest stands at the top.",
)


def dossier_page(dossier: Dossier) -> str:
    """The page."""
    made = f"version {dossier.version}" if dossier.replaced else "the reader was not replaced"
    parts = [
        f"# Update {dossier.update}: {dossier.outcome}",
        (
            f"{dossier.when} UTC. Version {dossier.parent} (reader {dossier.before}) was in "
            f"service; {made}{f' (reader {dossier.after})' if dossier.replaced else ''}. Digest of "
            f"the history before: {dossier.lineage}. Research use only, not for diagnosis."
        ),
        "## Description of the modification",
        *_description(dossier),
        "## Modification protocol",
        *_protocol(dossier),
        "## Impact assessment",
        *_impact(dossier),
        "## What is kept",
        _kept(dossier),
        "## For the study team",
        _table(["question", "name", "date", "signature"], [[q, "", "", ""] for q in _SIGN]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _description(dossier: Dossier) -> list[str]:
    data = dossier.data
    aside = [f"{count} {reason}" for reason, count in data.set_aside.items()]
    told = [
        (
            f"{dossier.strategy} learned from {data.learned_films} of {data.films} films, of "
            f"{data.learned_patients} of {data.patients} patients, of "
            f"{data.source or 'data without a name'} (digest {data.digest})."
        ),
        f"Left out: {'; '.join(aside)}." if aside else "",
        (
            f"{data.passed_over} label(s) had taught the reader before and were passed over."
            if data.passed_over
            else ""
        ),
        (
            f"**{data.corrected} film(s) have other labels than those that taught the reader. An "
            "update learns new labels and unlearns none: the old ones still stand.**"
            if data.corrected
            else ""
        ),
        _changes(dossier.findings),
    ]
    for finding, one in dossier.waiting.items():
        told.append(
            f"{finding} waits: its new labels come from {one.positives} patient(s) with it and "
            f"{one.negatives} without, wanted are {one.wanted} of either. Nothing of them is kept; "
            "bring the films again with more."
        )
    return told


def _changes(findings: Sequence[FindingChange]) -> str:
    rows = [
        [
            change.finding,
            str(change.how),
            f"{change.positives} / {change.negatives}"
            + (f" / {change.soft} soft" if change.soft else ""),
            _moved(change),
            f"{change.calibration}: {_sigmoid(change.before)} to {_sigmoid(change.after)}",
            f"{change.threshold}: {_cut(change.before)} to {_cut(change.after)}",
        ]
        for change in findings
        if change.how is not How.UNCHANGED
    ]
    same = [change.finding for change in findings if change.how is How.UNCHANGED]
    header = [
        *("finding", "how", "films with / without it"),
        *("change of weights", "calibration", "yes from score"),
    ]
    parts = [_table(header, rows)] if rows else []
    if same:
        parts.append(f"Unchanged to the bit: {', '.join(same)}.")
    return "\n\n".join(parts)


def _moved(change: FindingChange) -> str:
    if change.distance is None:
        return "new"
    turned = "" if change.cosine is None else f", cosine {change.cosine:.3f}"
    return f"{change.distance:.3f} of their length{turned}"


def _sigmoid(rule: AnswerRule | None) -> str:
    return "none" if rule is None else f"{rule.slope:.3g} x + {rule.intercept:.3g}"


def _cut(rule: AnswerRule | None) -> str:
    return "none" if rule is None else f"{rule.threshold:.4g}"


def _protocol(dossier: Dossier) -> list[str]:
    protocol, checks = dossier.protocol, dossier.gate.checks
    whole = [check for check in checks if check.group == ALL]
    made = [check for check in checks if check.ground not in (Ground.BYTES, Ground.NONE)]
    without = [check for check in whole if check.ground is Ground.NONE]
    return [
        (
            f"The new reader passes where every finding that changed is shown to be worse by no "
            f"more than {protocol.margin:g} in AUROC, one-sided at 5 %, and no finding is shown to "
            f"be worse by more in a group of films ({', '.join(protocol.groups) or 'none'}), or by "
            f"more than {protocol.margin_of_answers:g} in the balanced accuracy of its answers. "
            "Since all must pass, nothing is adjusted for their number. A check takes "
            f"{protocol.test_from} patients of either class; a finding is learned from "
            f"{protocol.learn_from} new patients of either class on; a threshold is chosen from "
            f"{MINIMUM_OF_CLASS['threshold']} films of either class on. Where the gate cannot tell, the policy "
            f"is to {protocol.undecided} the reader."
        ),
        (
            f"{len(made)} check(s) were made, {sum(check.group == ALL for check in made)} of whole "
            f"findings and the others of groups; {len(without)} finding(s) changed without a film "
            "to check them on."
            if checks
            else ""
        ),
        _changed_protocol(dossier),
        _locked(dossier),
        _checks([check for check in checks if check.group == ALL]),
        _checks([check for check in checks if check.group != ALL]),
    ]


def _changed_protocol(dossier: Dossier) -> str:
    before = dossier.protocol_before
    if before is None:
        return ""
    others = [
        f"{each.name} {getattr(before, each.name)!s} to {getattr(dossier.protocol, each.name)!s}"
        for each in fields(before)
        if getattr(before, each.name) != getattr(dossier.protocol, each.name)
    ]
    return f"**The protocol is not that of the update before: {'; '.join(others)}.**"


def _locked(dossier: Dossier) -> str:
    locked = dossier.locked
    if locked is None:
        return (
            "There is no locked test set. Checks stand on the new films, each scored by a reader "
            "that never learned from its patient; they tell nothing of films like the earlier ones."
        )
    often = (
        " **A set that is used often stops being a test: readers are chosen by it.**"
        if locked.uses >= _OFTEN
        else ""
    )
    unknown = (
        " What taught version 1 is not known to the history, so whether its patients are apart from "
        "this set's, nobody checked."
        if locked.patients_unknown
        else ""
    )
    return (
        f"Locked test set {locked.digest}: {locked.films} films of {locked.patients} patients, "
        f"opened {locked.uses} time(s), this one included.{often}{unknown}"
    )


def _checks(checks: Sequence[Check]) -> str:
    rows = [
        [
            check.finding,
            check.group,
            str(check.measure),
            str(check.ground),
            _number(check.old),
            _number(check.new),
            _number(check.difference),
            "" if check.lower is None else f"{check.lower:+.3f}",
            _outcome(check),
        ]
        for check in checks
        if check.ground is not Ground.BYTES
    ]
    if not rows:
        return ""
    header = [
        *("finding", "films", "measure", "ground", "before", "after"),
        *("difference", "at least", "outcome"),
    ]
    return _table(header, rows)


def _number(estimate: object) -> str:
    return "" if estimate is None else str(estimate)


def _outcome(check: Check) -> str:
    more = (
        f"; about {check.further_positives} more positive films would tell"
        if check.further_positives
        else ""
    )
    return f"{check.outcome}: {check.why}{more}"


def _impact(dossier: Dossier) -> list[str]:
    parts = []
    if dossier.flips:
        rows = [
            [
                one.finding,
                str(one.films),
                f"{one.to_yes} ({one.to_yes_absent} known to be without it)",
                f"{one.to_no} ({one.to_no_present} known to have it)",
            ]
            for one in dossier.flips
        ]
        parts += [
            f"Answers that change on {dossier.flips_on}:",
            _table(["finding", "films", "no to yes", "yes to no"], rows),
        ]
    moved = [change.finding for change in dossier.findings if change.how is How.MOVED]
    if moved:
        parts.append(
            f"Not taught, but moved with what was: {', '.join(moved)}. Their calibration and "
            "thresholds are as before, and may no longer fit."
        )
    if dossier.gate.untested:
        rows = [
            [one.finding, one.group, str(one.positives), str(one.negatives)]
            for one in dossier.gate.untested
        ]
        header = ["finding", "group", "patients with it", "patients without"]
        parts += ["Groups too small for a check, and so untested:", _table(header, rows)]
    if dossier.outcome is Outcome.UNDECIDED and dossier.replaced:
        parts.append(
            "**The new reader is in service by policy, though the gate could not tell that it is "
            "no worse.**"
        )
    return parts or ["Nothing changed."]


def _kept(dossier: Dossier) -> str:
    if not dossier.replaced:
        return "Nothing of the data is kept but their digest and the counts on this page."
    size = "; ".join(f"{kind} {count:,} bytes" for kind, count in dossier.kept_bytes.items())
    fewest = dossier.fewest_patients
    told = [f"Kept to learn on: {size or 'nothing'}."]
    if fewest is not None:
        told.append(f"Every sum is over {fewest} patient(s) or more.")
    if dossier.single_patients:
        told.append(
            "A sum or a class behind the reader may be of a single patient: keep it like the films."
        )
    for names, what in (
        (dossier.stays, "learned, and stays in service as it left the house last"),
        (dossier.withheld, "is not in service, for it may not leave the house"),
    ):
        told += [f"{finding} {what}: {why}." for finding, why in names.items()]
    told.append(
        "Whoever has the reader before and the one after knows the change, which comes from "
        f"{dossier.data.learned_patients} patient(s); the fewer, the more it tells of each."
    )
    return " ".join(told)


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)

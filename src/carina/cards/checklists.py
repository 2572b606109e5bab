"""Reporting checklists, filled with what a run knows of itself.

What a run cannot know is left to the study team, and said to be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from carina.cards.checklist_items import CLAIM, TRIPOD
from carina.cards.content import chosen_where, encoders_of
from carina.cards.tables import Cell, Sentence, estimated, told
from carina.evaluation import Results

__all__ = ["Item", "Sheet", "claim_sheet", "tripod_sheet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a checklist.

    Attributes:
        number: The authors'.
        asks: What it asks, in words of our own.
        answer: What the run says to it; nothing where it is for the study team.
    """

    number: str
    asks: str
    answer: Sentence


Sheet = tuple[Item, ...]
"""A checklist, in its order."""


def tripod_sheet(results: Results) -> Sheet:
    """TRIPOD+AI, item by item."""
    known = _known(results)
    answers: Mapping[str, Sentence] = {
        "4": known["goal"],
        "5a": known["sources"],
        "7": known["prepared"],
        "8a": known["outcome"],
        "9a": ("All of the frozen features are used; none was chosen.",),
        "9b": known["predictors"],
        "11": known["missing"],
        "12a": known["divided"],
        "12b": known["entered"],
        "12c": known["model"],
        "12d": known["groups"],
        "12e": known["measures"],
        "12f": ("None arises from the evaluation: calibration and thresholds come before it.",),
        "12g": known["computed"],
        "13": ("See the strategy in recipe.json; probabilities are calibrated after it.",),
        "14": known["fairness"],
        "15": known["output"],
        "18f": known["code"],
        "20a": known["flow"],
        "21": known["counts"],
        "22": known["available"],
        "23a": known["performance"],
        "23b": known["groups"],
        "24": ("Each step of the stream is an update; the card shows what each gave and took.",),
        "26": known["limits"],
        "27a": known["poor_input"],
    }
    return _filled(TRIPOD, answers)


def claim_sheet(results: Results) -> Sheet:
    """CLAIM 2024, item by item."""
    known = _known(results)
    answers: Mapping[str, Sentence] = {
        "6": known["goal"],
        "7": known["sources"],
        "9": known["prepared"],
        "11": (
            (
                "carina writes no identifier, date or file name; how the data were de-identified "
                "before is for the study team."
            ),
        ),
        "12": known["missing"],
        "14": known["outcome"],
        "19": known["divided"],
        "20": known["disjoint"],
        "22": known["model"],
        "23": known["code"],
        "24": known["begins"],
        "25": known["model"],
        "26": ("The learner after the last step; the card shows every step before it.",),
        "27": ("None, but for the folds that choose calibration and thresholds.",),
        "28": known["measures"],
        "29": known["uncertainty"],
        "30": known["groups"],
        "32": known["performance"],
        "33": ("None in this run; everything is of one data set.",),
        "35": known["flow"],
        "36": known["fairness"],
        "37": known["performance"],
        "38": known["output"],
        "40": known["limits"],
        "43": known["available"],
    }
    return _filled(CLAIM, answers)


def _filled(items: Sequence[tuple[str, str]], answers: Mapping[str, Sentence]) -> Sheet:
    return tuple(
        Item(number=number, asks=asks, answer=answers.get(number, ())) for number, asks in items
    )


def _known(results: Results) -> dict[str, Sentence]:
    """What the run can say, by subject."""
    steps = len(results.experiences)
    auroc = results.summary["auroc"]
    headline, transfer = auroc[results.headline], auroc["backward_transfer"]
    learned = results.out_of_fold
    return {
        "goal": (
            f"Development with internal evaluation of a reader that learns in {steps} step",
            "" if steps == 1 else "s",
            f" ({results.plan_kind}, {results.plan_variant}). The clinical aim is for the study team.",
        ),
        "sources": (
            "Data set ",
            told(results.source, "source"),
            "; how it was collected, and whom it stands for, is for the study team.",
        ),
        "prepared": (
            (
                "Films were encoded by frozen encoders (preprocessing in encoders.json); those that "
                "could not be read were set aside, each with its reason. What was done before is for "
                "the study team."
            ),
        ),
        "outcome": (
            (
                f"Presence of {', '.join(results.labels)} as the data set's labels have it; uncertain "
                "and unmentioned labels by the policy in recipe.json. Who labelled, and how, is for the "
                "study team."
            ),
        ),
        "predictors": (
            "Pooled features of ",
            encoders_of(results),
            *(piece for piece in _widths(results)),
            ". Nothing but the film enters: no age, no sex, no report.",
        ),
        "missing": (
            *_set_aside(results),
            " A label that is not known is neither learned from nor scored.",
        ),
        "divided": (
            told(learned.images, "out_of_fold", "images"),
            " films of ",
            told(learned.patients, "out_of_fold", "patients"),
            " patients held apart for choices, "
            if results.held_apart
            else " patients to learn from, ",
            told(results.test_images, "test_images"),
            " films of ",
            told(results.test_patients, "test_patients"),
            (
                " patients held back. Calibration and thresholds come from scores of the former, "
                f"{chosen_where(results)}; the latter were scored once."
            ),
        ),
        "disjoint": (
            "Patients: no patient is in two parts."
            if not results.leaks
            else "Not disjoint by patient: the split is a published one that leaks.",
        ),
        "entered": ("As they are, scaled as recipe.json and encoders.json say.",),
        "model": (
            told(results.strategy, "strategy"),
            (
                " on frozen features; every setting is in recipe.json, internal validation is by "
                f"{'patients held apart' if results.held_apart else 'patient-grouped folds'}. How settings were chosen is for the study team."
            ),
        ),
        "begins": (
            (
                "Encoders by their published weights, named by digest; what is learned begins from the "
                "seed "
            ),
            told(results.seed, "seed"),
            ".",
        ),
        "measures": (
            (
                "AUROC and average precision, F1 and exact match, Brier, ECE, slope and intercept, net "
                "benefit; backward transfer, forgetting, learning, potential and retention. Each is "
                "defined on the card."
            ),
        ),
        "uncertainty": (
            (
                "95 % intervals by resampling patients; DeLong's beside them for AUROC; Wilson's for "
                "shares. carina compare adjusts over findings (Holm)."
            ),
        ),
        "computed": (
            (
                "By the learner in learners/, with the maps and thresholds in rules.json; carina bundle "
                "packs them for use."
            ),
        ),
        "groups": _groups(results),
        "fairness": _groups(results),
        "output": (
            (
                "A probability and a yes or no for each finding. The threshold is where F1 was best out "
                "of fold; other operating points, with predictive values, are on the card."
            ),
        ),
        "code": ("carina; versions of it and of every package are in environment.json.",),
        "flow": (
            *_set_aside(results),
            " Films with each finding are counted in the tables of the card.",
        ),
        "counts": (
            "Films, patients and positives of each analysis stand beside its number in results.json.",
        ),
        "available": (
            (
                "The learner of every step is in learners/; whether it, and the data, may be had is for "
                "the study team."
            ),
        ),
        "performance": (
            f"Mean AUROC over {results.headline} ",
            estimated(headline, "summary", "auroc", results.headline),
            "; backward transfer ",
            estimated(transfer, "summary", "auroc", "backward_transfer"),
            ". Each finding and each group of patients is on the card.",
        ),
        "limits": _limits(results),
        "poor_input": (
            (
                "A film that is no frontal chest radiograph, or is inverted or turned, is refused by "
                "carina predict; a film that cannot be read is set aside."
            ),
        ),
    }


def _widths(results: Results) -> Sentence:
    pieces: list[str | Cell] = []
    for index, encoder in enumerate(results.encoders):
        if encoder.modality == "image":
            pieces += [", ", told(encoder.dim, "encoders", index, "dim"), " wide"]
    return tuple(pieces)


def _set_aside(results: Results) -> Sentence:
    if not results.set_aside:
        return ("No film was set aside.",)
    pieces: list[str | Cell] = ["Set aside: "]
    for reason, count in sorted(results.set_aside.items()):
        pieces += [told(count, "set_aside", reason), f" ({reason}); "]
    return (*pieces[:-1], str(pieces[-1]).removesuffix("; "), ".")


def _groups(results: Results) -> Sentence:
    told_of = [name for name, found in results.subgroups.items() if len(found.groups) > 1]
    if not told_of:
        return (
            (
                "No attribute of patients has two groups with enough of them; groups are for the study "
                "team."
            ),
        )
    return (
        (
            f"By {', '.join(told_of)} after every step, with the gap of the worst group, on the card. "
            "Nothing was done to close a gap."
        ),
    )


def _limits(results: Results) -> Sentence:
    pieces = ["One data set, no external test. "]
    if any(encoder.exposed for encoder in results.encoders):
        pieces.append("An encoder has, or may have, seen films of it. ")
    if results.leaks:
        pieces.append("Its split leaks. ")
    if not results.zero_shot:
        pieces.append("Nothing here speaks of vision-language models. ")
    return ("".join(pieces) + "Others are for the study team.",)

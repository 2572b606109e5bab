"""The three answers in words: did it learn, did it forget, what is kept."""

from dataclasses import dataclass

from carina.cards.language import steered
from carina.cards.tables import Cell, Sentence, estimated, pointer, size, told
from carina.core import Estimate
from carina.evaluation import Results
from carina.streams import tells

__all__ = [
    "WHY_TWO_DECISIONS",
    "WHY_TWO_FORGETTINGS",
    "Answer",
    "answers",
    "notices",
    "verdict",
    "why_two_scores",
]

_CHANCE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One of the three questions.

    Attributes:
        question: As it stands at the head.
        figure: The number that answers it.
        unit: What that number is.
        short: The answer in a few words, for the verdict.
        said: The answer in sentences.
    """

    question: str
    figure: Cell
    unit: str
    short: Sentence
    said: tuple[Sentence, ...]


def answers(results: Results) -> tuple[Answer, Answer, Answer]:
    """Did it learn, did it forget, what is kept."""
    return _learned(results), _forgot(results), _kept(results)


def verdict(results: Results) -> Sentence:
    """The three answers in one line."""
    learned, forgot, kept = answers(results)
    leaking = " ‡" if results.leaks else ""
    return (*learned.short, f"{leaking}; ", *forgot.short, "; ", *kept.short, ".")


def notices(results: Results) -> tuple[Sentence, ...]:
    """What a reader has to know before the numbers."""
    told_first: list[Sentence] = []
    if results.leaks:
        told_first.append(
            (
                "‡ The split of these data leaks: ",
                told(results.leaks, "leaks"),
                (
                    ". Every figure here is too good by an unknown amount; it compares with figures "
                    "of others on the same split and says nothing of new patients."
                ),
            )
        )
    for index, encoder in enumerate(results.encoders):
        if encoder.exposed:
            told_first.append(
                (
                    f"† {encoder.name} has, or may have, seen films of this data set: ",
                    told(encoder.exposed, "encoders", index, "exposed"),
                    ". Its figures on the test films are too good by an unknown amount",
                    *_unseen(results),
                )
            )
    told_first += _confounded(results)
    if not results.zero_shot:
        told_first.append(
            (
                "No zero-shot: ",
                told(results.why_no_zero_shot, "why_no_zero_shot"),
                ". The text prior is off, and nothing here speaks of vision-language models.",
            )
        )
    return tuple(told_first)


def _confounded(results: Results) -> list[Sentence]:
    """A warning for each finding that the site alone tells, by the experience where it tells most."""
    worst: dict[str, tuple[float, int]] = {}
    for step, experience in enumerate(results.experiences):
        for finding, own in experience.confounding.items():
            if own.value is not None and tells(own):
                worst[finding] = max(worst.get(finding, (0.0, step)), (own.value, step))
    return [
        (
            (
                "Site and finding go together: among the films of "
                f"{results.experiences[step].name}, the site alone tells {finding} with AUROC "
            ),
            estimated(
                results.experiences[step].confounding[finding],
                *("experiences", step, "confounding", finding),
            ),
            (
                ". What was learned may be the look of a site's films; trust no figure of it but "
                "on films of a single site."
            ),
        )
        for finding, (_, step) in worst.items()
    ]


def _unseen(results: Results) -> Sentence:
    if results.unseen is None:
        return (". No test film is surely unseen.",)
    place = ("unseen", "summary", "auroc", results.headline)
    return (
        "; on the ",
        told(results.unseen.images, "unseen", "images"),
        " test films that are surely unseen, AUROC is ",
        estimated(results.unseen.summary["auroc"][results.headline], *place),
        ".",
    )


def why_two_scores(results: Results) -> Sentence:
    """Why there are two AUROCs, and which one to trust."""
    sound = (
        "AUROC ranks films by what was trained: the positive prompt's score less the negative's, "
        "or a head's score. The authors' AUROC ranks them by the positive prompt alone, as "
        "RE-tune's code does; a film that lies close to every prompt then scores high whatever "
        "it shows, so the two differ, and only the first judges what was learned."
    )
    authors = results.summary["auroc_authors"][results.headline]
    if authors.defined:
        return (sound,)
    return (f"{sound} Here the authors' is undefined: {authors.why_undefined}.",)


WHY_TWO_DECISIONS = (
    "A finding is called present from the threshold where its F1 was best on films held out of "
    "learning, never on the test films. "
    "RE-tune's code calls it present where the trained score is above 0: with positive prompts "
    "nearer than negative ones, as often as not. Where training leaves a rare finding's scores below "
    "0, that answers no throughout; a head's score above 0 is another thing again. So both stand "
    "here, the authors' under their own name; only the first is how carina decides."
)
"""Why there are decisions of two kinds."""

WHY_TWO_FORGETTINGS = (
    "Forgetting is a maximum less the last score. Some code lets the maximum run over the last step "
    "too, and then it can never be below 0. But any maximum of scores that scatter lies above the "
    "last one: the lines by chance say how far a reader that forgets nothing would seem to forget on "
    "these films. Backward transfer searches for no maximum, and is the number to trust."
)
"""Why forgetting stands here in several forms."""


def _learned(results: Results) -> Answer:
    place = ("summary", "auroc", results.headline)
    value = results.summary["auroc"][results.headline]
    figure = estimated(value, *place)
    gain = results.summary["auroc"].get("gain_over_zero_shot")
    seen = " †" if any(encoder.exposed for encoder in results.encoders) else ""
    if not value.defined:
        short: Sentence = (f"There is no AUROC to judge it by ({value.why_undefined})",)
    elif gain is not None and gain.defined:
        cell = estimated(gain, "summary", "auroc", "gain_over_zero_shot")
        short = (
            _over_zero_shot(gain),
            figure,
            " over ",
            results.headline,
            ", gain over zero-shot ",
            cell,
        )
    else:
        short = (_over_chance(value), figure, f"{seen} over {results.headline}")
    steps = len(results.experiences)
    after = "After the only step" if steps == 1 else f"After the last of {steps} steps"
    said: list[Sentence] = [
        (
            f"{after}, on ",
            told(results.test_images, "test_images"),
            " test films of ",
            told(results.test_patients, "test_patients"),
            f" patients: mean over {results.headline}; 95 % interval by resampling patients.",
        )
    ]
    if gain is not None and gain.defined:
        said.append(
            (
                "Over zero-shot, for all findings: ",
                estimated(gain, "summary", "auroc", "gain_over_zero_shot"),
                ".",
            )
        )
    else:
        said.append(("There is no zero-shot baseline to hold it against.",))
    said += steered(results)
    return Answer(
        question="Did it learn?", figure=figure, unit="AUROC", short=short, said=tuple(said)
    )


def _over_zero_shot(gain: Estimate) -> str:
    if gain.value == gain.low == gain.high == 0:
        return "Nothing was learned, the answers are zero-shot's: AUROC "
    if gain.low is not None and gain.low > 0:
        return "It learned: AUROC "
    if gain.high is not None and gain.high < 0:
        return "It fell below zero-shot: AUROC "
    return "No clear gain over zero-shot: AUROC "


def _over_chance(value: Estimate) -> str:
    if value.low is not None and value.low > _CHANCE:
        return "It learned: AUROC "
    return "It is not shown to have learned, chance is 0.5: AUROC "


def _forgot(results: Results) -> Answer:
    transfer = results.summary["auroc"]["backward_transfer"]
    figure = estimated(transfer, "summary", "auroc", "backward_transfer")
    if len(results.experiences) == 1:
        said: Sentence = ("There was one step only, so there was nothing to forget.",)
        short: Sentence = ("one step, so nothing to forget",)
    elif not transfer.defined:
        said = (f"Backward transfer is undefined: {transfer.why_undefined}.",)
        short = (f"whether it forgot is undefined ({transfer.why_undefined})",)
    else:
        said = (
            "Later steps changed earlier findings' AUROC by this, on average. Below 0 is harm.",
        )
        short = (_harm(transfer), figure)
    return Answer(
        question="Did it forget?",
        figure=figure,
        unit="backward transfer",
        short=short,
        said=(said, *_forgetting(results)),
    )


def _harm(transfer: Estimate) -> str:
    if transfer.value == transfer.low == transfer.high == 0:
        return "it forgot nothing, backward transfer "
    if transfer.high is not None and transfer.high < 0:
        return "it forgot, backward transfer "
    if transfer.low is not None and transfer.low > 0:
        return "later steps helped earlier findings, backward transfer "
    return "no forgetting is shown, backward transfer "


def _forgetting(results: Results) -> tuple[Sentence, ...]:
    auroc = results.summary["auroc"]
    if not auroc["forgetting"].defined:
        return ()
    return (
        (
            "Forgetting from a finding's best step: ",
            estimated(auroc["forgetting"], "summary", "auroc", "forgetting"),
            "; a reader that forgets nothing would show by chance alone: ",
            estimated(auroc["forgetting_by_chance"], "summary", "auroc", "forgetting_by_chance"),
            ".",
        ),
    )


def _kept(results: Results) -> Answer:
    last = len(results.experiences) - 1
    left, place = results.experiences[last].lived, ("experiences", last, "lived")
    total = sum(left.kept_bytes.values())
    figure = Cell(text=size(total), pointer=pointer(*place, "kept_bytes", "*"), form="size")
    kinds: list[str | Cell] = []
    for kind, count in sorted(left.kept_bytes.items()):
        kinds += [", " if kinds else "", f"{kind} "]
        kinds.append(
            Cell(text=size(count), pointer=pointer(*place, "kept_bytes", kind), form="size")
        )
    said: list[Sentence] = [("By kind: ", *kinds, ".") if kinds else ("Nothing is kept.",)]
    if left.fewest_patients is None:
        said.append(("No sum over patients is kept.",))
    else:
        said.append(
            (
                "The smallest sum kept is over ",
                told(left.fewest_patients, *place, "fewest_patients"),
                " patients; a sum over few can tell of them.",
            )
        )
    if left.patient_rows:
        said.append(
            (
                "It keeps patients' data: ",
                told(left.patient_rows, *place, "patient_rows"),
                " rows of features of single patients, as they are.",
            )
        )
    elif left.single_patients:
        said.append(
            (
                (
                    "Some of what is kept stems from single patients: a sum, or a class that "
                    "weights were learned from, covers fewer than five."
                ),
            )
        )
    else:
        said.append(
            (
                (
                    "Every sum, and every class that weights were learned from, covers five "
                    "patients or more; what weights may tell of one all the same is not measured."
                ),
            )
        )
    people = "no class of under five patients"
    if left.single_patients:
        people = "some of it of single patients"
    if left.patient_rows:
        people = "patients' data among it"
    return Answer(
        question="What is kept?",
        figure=figure,
        unit="after the last step",
        short=("it keeps ", figure, f", {people}"),
        said=tuple(said),
    )

"""The card of a bundle, written from the bundle and nothing else."""

from carina.bundles.bundle import Bundle, UpdateState
from carina.encoders import EncoderCard

__all__ = ["bundle_card"]


def bundle_card(bundle: Bundle, state: UpdateState | None) -> str:
    """Markdown: what it answers, on what it stands, what taught it, what is inside."""
    return (
        "\n\n".join(
            [
                f"# Bundle {bundle.fingerprint}",
                f"**{bundle.intended_use}**",
                "## What it answers",
                _answers(bundle),
                (
                    "Where several images belong to one imaging study, its answer is that for the mean "
                    "of their scores: the mean of their calibrated log odds."
                ),
                "## What it stands on",
                _encoders(bundle),
                "## What taught it",
                *(_lessons(bundle) or ["Nothing is known of it."]),
                "## What is inside",
                _inside(bundle, state),
            ]
        )
        + "\n"
    )


def _answers(bundle: Bundle) -> str:
    rules = {rule.label: rule for rule in bundle.rules}
    rows = []
    for label in bundle.labels:
        rule, auroc = rules.get(label), bundle.auroc.get(label)
        said = "calibrated" if rule else "not calibrated: a score only"
        cut = f"score {rule.threshold:.4g}: {rule.rule}" if rule else "no answer"
        rows.append([label, said, cut, "not measured" if auroc is None else str(auroc)])
    header = ["finding", "probability", "yes from", "AUROC on patients held back"]
    return _table(header, rows)


def _encoders(bundle: Bundle) -> str:
    cards = [*bundle.encoders, *([bundle.text_encoder] if bundle.text_encoder else [])]
    rows = [
        [
            card.name,
            card.modality,
            f"{card.revision} ({card.fingerprint}, weights {card.weights})",
            card.licence or "not stated",
            _seen(card),
            card.citation,
        ]
        for card in cards
    ]
    header = ["encoder", "reads", "revision", "licence", "its weights have seen", "source"]
    together = ""
    if len(bundle.encoders) > 1:
        together = "\n\nEach image encoder's features are brought to unit length, then joined."
    if bundle.text_encoder:
        together += "\n\nThe text encoder's work is done: predicting does not need it."
    if (over := bundle.pretrained) is not None:
        together += (
            f"\n\nBetween encoders and readout stands a frozen Adaptor ({over.fingerprint}), a "
            f"{type(over.config).__name__} of {over.learned:,} numbers pre-trained on {over.pairs:,} "
            f"pairs of films and reports of {over.patients:,} patients."
        )
    return _table(header, rows) + together


def _seen(card: EncoderCard) -> str:
    said = [f"{exposure.source}: {exposure.what}" for exposure in card.exposed_to]
    return "; ".join(said) or "nothing declared"


def _lessons(bundle: Bundle) -> list[str]:
    return [
        f"{number}. {lesson.recipe} ({lesson.strategy}) on {lesson.source or 'data without a name'}"
        f", seed {lesson.seed}: run {lesson.run}, plan {lesson.plan_id}, after {lesson.after} "
        f"experience(s): {', '.join(lesson.experiences)}."
        for number, lesson in enumerate(bundle.lineage, start=1)
    ]


def _inside(bundle: Bundle, state: UpdateState | None) -> str:
    rows = [[kind, f"{count:,}"] for kind, count in bundle.bytes.items()]
    if state is None:
        told = (
            "No image and no report is inside, nor what learning on needs."
            if bundle.single_patients
            else "No image, report, row or sum of the patients it was taught on is inside."
        )
    else:
        rows += [[f"update state: {kind}", f"{count:,}"] for kind, count in state.bytes.items()]
        fewest = state.fewest_patients
        told = (
            "The update state, written on request, is what learning on needs. "
            + (f"Every sum in it is over {fewest} patient(s) or more." if fewest else "")
        ).strip()
    if bundle.single_patients:
        told += (
            " A sum behind it, or a class it was learned from, may cover fewer than five patients, "
            "whose features its numbers may then give away: keep it like the films."
        )
    elif state is not None and state.single_patients:
        told += " The update state may hold traces of single patients: keep it like the films."
    if state is not None and state.withheld:
        told += "\n\nWithheld from the update state:\n\n" + "\n".join(
            f"- {label}: {why}." for label, why in state.withheld.items()
        )
    return f"{_table(['kind', 'bytes'], rows)}\n\n{told}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)

"""The backbones' tables as Markdown, from what their trials came to."""

from collections.abc import Callable, Mapping

from benchmarks.backbones_authors import beside_the_authors
from benchmarks.backbones_forms import FILMS, SECONDS
from benchmarks.backbones_held import OVER, OWN, SITES
from benchmarks.backbones_outcome import Outcome
from benchmarks.backbones_whole import LESS, NIH
from benchmarks.results_rows import said
from benchmarks.results_rows import table as rows_of
from carina.evaluation import Retrieval
from carina.studies import LEVELS, Disturbance

__all__ = ["table"]

DEPTHS = ("1", "5", "10")
ASKED = [f"{way}, R@{depth}" for way in ("report to film", "film to report") for depth in DEPTHS]
TENTH, WHOLE = "10% of the labels", "100% of the labels"


def table(outcomes: list[Outcome]) -> list[str]:
    """Every table of which there are outcomes."""
    lines = []
    for part, (title, about, laid) in PARTS.items():
        some = [one for one in outcomes if one.trial.part == part]
        if some:
            lines += [f"### {title}", "", about, "", *laid(some)]
    return [*lines, *_authors(outcomes)]


def _authors(outcomes: list[Outcome]) -> list[str]:
    if not any(one.trial.part == "agnostic" for one in outcomes):
        return []
    return [
        "### How much the text encoder is worth, theirs and ours",
        "",
        "AUROC over text encoders, for each image encoder. Theirs, decoded from their notebook: RSNA pneumonia, five text encoders trained on texts, a head of 512 by gradient, one draw of the labels, the highest value logged on test. Ours: six drawn findings, three text encoders of which two know nothing, ridge readers, ten draws of a tenth, nothing chosen on test. Levels do not compare; what lies between lowest and highest does.",
        "",
        *beside_the_authors(outcomes),
    ]


def _agnostic(outcomes: list[Outcome]) -> list[str]:
    header = ["image encoder", "text encoder", *ASKED, *(f"AUROC, {what}" for what in PROBED)]
    body = [
        [
            one.trial.image,
            one.trial.text,
            *_recalls(one.retrieval),
            *(said(one.auroc[what]) for what in PROBED),
        ]
        for one in outcomes
    ]
    return rows_of(header, body)


def _alone(outcomes: list[Outcome]) -> list[str]:
    header = ["image encoder", *(f"AUROC, {what}" for what in PROBED)]
    return rows_of(
        header,
        [[one.trial.image, *(said(one.auroc[what]) for what in PROBED)] for one in outcomes],
    )


def _asked(outcomes: list[Outcome]) -> list[str]:
    header = ["", "image encoder", *ASKED]
    return rows_of(
        header, [[one.trial.what, one.trial.image, *_recalls(one.retrieval)] for one in outcomes]
    )


def _ways(outcomes: list[Outcome]) -> list[str]:
    header = ["", "CPU s", "of it encoding", "peak MB", "numbers learned", "of all numbers"]
    header += [f"{way}, R@10" for way in ("report to film", "film to report")]
    header += [f"AUROC, {what}" for what in PROBED] + [NIH, "less the encoder as it came"]
    body = []
    for one in reversed(outcomes):
        figures, retrieval = one.figures, one.retrieval
        assert retrieval is not None
        share = f"{figures['learned'] / figures['all']:.1%}" if "all" in figures else ""
        body.append(
            [
                one.trial.what,
                _number(figures, "seconds"),
                _number(figures, "of encoding"),
                _number(figures, "peak", scale=1e-6),
                _number(figures, "learned"),
                share,
                said(retrieval.text_to_image.recall["10"]),
                said(retrieval.image_to_text.recall["10"]),
                *(said(one.auroc[what]) for what in PROBED),
                said(one.auroc[NIH]) if NIH in one.auroc else "as above",
                said(one.auroc[LESS]) if LESS in one.auroc else "0",
            ]
        )
    return rows_of(header, body)


def _forms(outcomes: list[Outcome]) -> list[str]:
    header = ["form", "numbers learned", "epochs", "best", "CPU s", *ASKED]
    body = [
        [
            one.trial.what,
            *(
                _number(one.figures, name)
                for name in ("learned", "epochs", "best epoch", "seconds")
            ),
            *_recalls(one.retrieval),
        ]
        for one in outcomes
    ]
    return rows_of(header, body)


def _disturbed(outcomes: list[Outcome]) -> list[str]:
    steps = (1, 2, 3)
    body = [
        [
            reader,
            f"{one.trial.what}: {', '.join(f'{each:g}' for each in LEVELS[Disturbance(one.trial.what)])}",
            *(said(one.auroc[f"{reader}, step {step}"]) for step in steps),
        ]
        for reader in (OVER, OWN)
        for one in outcomes
    ]
    return rows_of(["reader", "disturbance", *(f"step {step}" for step in steps)], body)


def _sites(outcomes: list[Outcome]) -> list[str]:
    body = [
        [
            reader,
            one.trial.what,
            _number(one.figures, "labelled"),
            *(said(one.auroc[f"{reader}, at {where}"]) for where in SITES),
        ]
        for reader in (OVER, OWN)
        for one in outcomes
    ]
    return rows_of(["reader", "learned at", "films", *(f"asked at {each}" for each in SITES)], body)


def _recalls(found: Retrieval | None) -> list[str]:
    assert found is not None
    ways = (found.text_to_image, found.image_to_text)
    return [said(way.recall[depth]) for way in ways for depth in DEPTHS]


def _number(figures: Mapping[str, float], name: str, *, scale: float = 1.0) -> str:
    return f"{figures[name] * scale:,.0f}" if name in figures else ""


PROBED = (TENTH, WHOLE)
PARTS: Mapping[str, tuple[str, str, Callable[[list[Outcome]], list[str]]]] = {
    "agnostic": (
        "Do the backbones matter?",
        "An Adaptor over each pair of frozen encoders, learned from the same pairs. *Shuffled*: the same layers, the numbers of each tensor in random order.",
        _agnostic,
    ),
    "alone": (
        "The image encoders without an Adaptor",
        "Probes of their own vectors.",
        _alone,
    ),
    "references": (
        "What retrieval is held against",
        "On the same pairs. The probes are logistic and told the labels of the films that Adaptors learn from, and read reports without a fault.",
        _asked,
    ),
    "ways": (
        "Frozen, or end to end?",
        "Each from the files on, in a process of its own that computes in one thread; seconds of the processor, decoding beside it too.",
        _ways,
    ),
    "forms": (
        "Three forms, equally large, on the same pairs",
        f"On the first {FILMS} films, at most {SECONDS:.0f} s of the processor each; one that no longer gets better on `val` ends earlier.",
        _forms,
    ),
    "notes": (
        "Real films and masked notes",
        "covid-chestxray, names of diseases and words for pneumonia masked; notes in two splits are left out.",
        _asked,
    ),
    "disturbed": (
        "Films as others would have left them",
        "AUROC lost on the drawn test films.",
        _disturbed,
    ),
    "sites": (
        "Learned at one site, asked at another",
        "Adaptor and reader of films from one hospital.",
        _sites,
    ),
}
"""Part of the trials to its title, what it is about, and its layout."""

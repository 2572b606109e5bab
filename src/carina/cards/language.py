"""How much of the score comes from language: the prompts beside what says less in their place."""

from carina.cards.content import marked
from carina.cards.tables import Cell, Sentence, Table, estimated, text
from carina.core import Estimate
from carina.evaluation import Results

__all__ = ["language_table", "steered"]

_MEANING = {
    "random": "vectors of random direction, as long as the prompts",
    "permuted": "the prompts of other findings",
    "one-hot": "a coordinate of its own for each finding and side",
    "positives-only": "positive prompts as they are, one and the same negative for all findings",
}
_LEAST = ("random", "one-hot", "permuted")
"""Controls without any language, the plainest first."""
_LEARNED = "Each was learned with the same strategy, films, labels and seed, once; differences are paired by patient, on the test films."


def language_table(results: Results) -> Table:
    """Every control: what the same way of learning reaches with it, and what the prompts gave."""
    rows = [
        (
            text(control),
            text(_MEANING[control]),
            estimated(found.auroc, "language", control, "auroc"),
            estimated(found.lost, "language", control, "lost"),
        )
        for control, found in results.language.items()
    ]
    return Table(
        caption=marked(f"In the place of the prompts, AUROC over {results.headline}", results),
        header=("control", "what stands there", "AUROC with it", "the prompts less it"),
        rows=tuple(rows),
        notes=(_LEARNED,),
        words=(1,),
    )


def steered(results: Results) -> tuple[Sentence, ...]:
    """How much comes from language, in a sentence; none where no control without any was run."""
    found = next((c for c in _LEAST if c in results.language), None)
    if found is None:
        return ()
    lost = results.language[found].lost
    cell: Cell = estimated(lost, "language", found, "lost")
    by = f"(in the place of the prompts: {_MEANING[found]})"
    if not lost.defined:
        return ((f"How much comes from language is undefined {by}: {lost.why_undefined}.",),)
    if not results.zero_shot:
        why = f"; images and prompts share no space, so prompts are anchors, not language {by}."
        return (("The prompts gave ", cell, why),)
    return ((_gave(lost), cell, f" of the AUROC {by}."),)


def _gave(lost: Estimate) -> str:
    if lost.low is not None and lost.low > 0:
        return "Language gave "
    if lost.high is not None and lost.high < 0:
        return "Language cost: it gave "
    return "Nothing is shown to come from language, which gave "

"""What the steps gave and took: transfer in every convention, and learning step by step."""

from carina.cards.content import METRIC_NAMES, marked
from carina.cards.tables import Cell, Table, estimated, text, told
from carina.evaluation import PROGRESS, Results

__all__ = ["progress_table", "transfer_table"]

_TRANSFER = {
    "gain_over_zero_shot": (
        "gain over zero-shot",
        "after the last step, less before any: what learning gave",
    ),
    "backward_transfer": (
        "backward transfer",
        "after the last step, less just after it was taught; below 0 is harm",
    ),
    "forward_transfer": (
        "forward transfer",
        "just before it was taught, less before any step: what earlier steps gave",
    ),
    "forgetting": (
        "forgetting",
        "best from its own step to the last but one, less after the last; below 0 is a gain",
    ),
    "forgetting_by_chance": (
        "forgetting, by chance alone",
        "what a reader that forgets nothing would show on these films",
    ),
    "forgetting_with_last": (
        "forgetting, last step counted",
        "the same with the last step among the best, as some code has it: never below 0",
    ),
    "forgetting_with_last_by_chance": (
        "forgetting, last step counted, by chance alone",
        "what a reader that forgets nothing would show",
    ),
    "learning": (
        "learning",
        "mean over steps: after it, less before it, on the findings it showed",
    ),
    "potential": (
        "potential",
        "mean over steps: before it, on what the step before showed, less on what it was to show",
    ),
    "retention": (
        "retention",
        "mean over steps: after it, on what earlier steps showed, the latest weighing most",
    ),
}
_RANKED = ("auroc", "auroc_authors", "average_precision")
_PUBLISHED = "Learning, potential and retention are those of Burgon et al. (2026), with the findings a step showed as its data set. What nobody had met scores by chance."


def transfer_table(results: Results) -> Table:
    """What learning gave and took, in every convention."""
    rows = []
    for name, (called, meaning) in _TRANSFER.items():
        cells = [
            estimated(results.summary[metric][name], "summary", metric, name) for metric in _RANKED
        ]
        rows.append((text(called), text(meaning), *cells))
    return Table(
        caption=marked("What the steps gave and took, as means over findings", results),
        header=("", "a finding's score", *(METRIC_NAMES[metric] for metric in _RANKED)),
        rows=tuple(rows),
        notes=(_PUBLISHED,),
        words=(1,),
    )


def progress_table(results: Results) -> Table:
    """What each step added, what there was to add, what is left of the steps before."""
    rows: list[tuple[Cell, ...]] = []
    for step, experience in enumerate(results.experiences):
        cells = [
            estimated(results.progress["auroc"][name][step], "progress", "auroc", name, step)
            for name in PROGRESS
        ]
        rows.append((told(experience.name, "experiences", step, "name"), *cells))
    return Table(
        caption=marked("Each step on its own findings and on those before, AUROC", results),
        header=("experience", *PROGRESS),
        rows=tuple(rows),
    )

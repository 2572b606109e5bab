"""The card of one run: what a person reads first."""

from pathlib import Path

from carina.cards.checklists import claim_sheet, tripod_sheet
from carina.cards.content import (
    encoder_table,
    encoders_of,
    finding_table,
    kept_table,
    mean_table,
    plan_table,
    record_table,
    set_aside_table,
    step_table,
    time_table,
)
from carina.cards.decisions import (
    decided_table,
    deciding_table,
    operating_table,
    steps_decided_table,
)
from carina.cards.drawn import drawn
from carina.cards.groups import gap_table, group_table
from carina.cards.heat import heat_map
from carina.cards.language import language_table
from carina.cards.probabilities import calibration_steps_table, calibration_table, ways_table
from carina.cards.progress import progress_table, transfer_table
from carina.cards.rendering import render
from carina.cards.verdict import (
    WHY_TWO_DECISIONS,
    WHY_TWO_FORGETTINGS,
    answers,
    notices,
    verdict,
    why_two_scores,
)
from carina.core import MissingFile, write_text
from carina.evaluation import Results, Scores, read_results, read_scores
from carina.studies import LabelSpace

__all__ = ["write_run_card"]


def write_run_card(folder: Path) -> Path:
    """Write ``card.html``, ``card.md`` and ``checklists.html`` into a run's folder.

    The pages stand alone: no script, no outside address. The same run gives the same bytes.

    Returns:
        The path of card.html.

    Raises:
        MissingFile, UnreadableFile, ConfigError: where the folder holds no finished run.
    """
    results = read_results(folder / "results.json")
    scores = _test_scores(folder, results)
    content = {
        "results": results,
        "encoders": encoders_of(results),
        "verdict": verdict(results),
        "notices": notices(results),
        "answers": answers(results),
        "two_scores": why_two_scores(results),
        "two_forgettings": WHY_TWO_FORGETTINGS,
        "two_decisions": WHY_TWO_DECISIONS,
        "steps": step_table(results),
        "progress": progress_table(results),
        "heat_table": heat_map(results),
        "transfer": transfer_table(results),
        "findings": finding_table(results),
        "means": mean_table(results),
        "language": language_table(results),
        "decided": decided_table(results),
        "steps_decided": steps_decided_table(results),
        "deciding": deciding_table(results),
        "operating": operating_table(results),
        "calibration": calibration_table(results),
        "calibration_steps": calibration_steps_table(results),
        "ways": ways_table(results),
        "groups": group_table(results),
        "gaps": gap_table(results),
        "kept": kept_table(results),
        "plan": plan_table(results),
        "time": time_table(results),
        "encoder_table": encoder_table(results),
        "set_aside": set_aside_table(results),
        "record": record_table(results),
    }
    card = folder / "card.html"
    write_text(folder / "card.md", render("run.md.j2", **content))
    sheets = {"TRIPOD+AI": tripod_sheet(results), "CLAIM 2024": claim_sheet(results)}
    for form in ("html", "md"):
        page = render(f"checklists.{form}.j2", results=results, sheets=sheets)
        write_text(folder / f"checklists.{form}", page)
    write_text(card, render("run.html.j2", **content, plots=drawn(results, scores)))
    return card


def _test_scores(folder: Path, results: Results) -> Scores:
    path = folder / "scores.parquet"
    if not path.is_file():
        raise MissingFile(
            f"The run {folder.name} has results.json but no scores.parquet, from which its curves "
            "are drawn; run the recipe again."
        )
    names = tuple(experience.name for experience in results.experiences)
    return read_scores(path, names, LabelSpace(names=results.labels))["test"]

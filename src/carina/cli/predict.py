"""``carina predict``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from carina.cli.runs import free_for_folder
from carina.cli.terminal import note, print_json, print_table, progress
from carina.core import ConfigError, UnreadableFile, write_bytes
from carina.serving import (
    FindingAnswer,
    Predictions,
    Predictor,
    SetAside,
    images_in,
    load_predictor,
)

__all__ = ["predict"]


def predict(
    bundle: Path,
    *images: Path,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    weights: Path | None = None,
    trust_input: bool = False,
    heatmap: Path | None = None,
) -> None:
    """Answer for images: a calibrated probability a finding. Research use only.

    A picture that is probably inverted, rotated, a lateral view or no chest film is out of scope
    and gets no answer. DICOM files of one study also get one answer together: the mean of their calibrated log odds.

    Args:
        bundle: A bundle's folder.
        images: PNG, JPEG or DICOM files, or folders of them.
        as_json: Print the answers for machines.
        weights: File of weights, for an encoder that comes without.
        trust_input: Answer for every picture, whatever it looks like.
        heatmap: Folder for pictures of where the reader sees what it says is present (of the most
            probable finding where it says so of none), numbered in the order of the answers.
    """
    if not images:
        raise ConfigError("Name one image or more: carina predict BUNDLE IMAGE...")
    place = None if heatmap is None else free_for_folder(heatmap, option="--heatmap")
    predictor = load_predictor(bundle, weights=weights, check_input=not trust_input)
    if place is not None:
        predictor.require_grid()
    files = images_in(images)
    with progress() as bars:
        said = list(bars.track(predictor.predict(files), total=len(files), description="predict"))
    found = predictor.gathered(said)
    if as_json:
        print_json(found)
    elif found.images:
        _show(found)
    if place is not None:
        _write_heat(predictor, found, place)
    for aside in found.set_aside:
        note(f"Set aside: {aside.image}: {aside.reason}")
    if not found.images:
        raise UnreadableFile(_none(found.set_aside))


def _show(found: Predictions) -> None:
    rows = []
    for one in found.images:
        if one.out_of_scope:
            rows.append([str(one.image), "out of scope", ", ".join(one.out_of_scope), "", "-"])
        rows += _rows(str(one.image), one.findings)
    for study in found.studies:
        rows += _rows(f"study of {', '.join(path.name for path in study.images)}", study.findings)
    print_table(
        f"bundle {found.bundle}: research use only, not for diagnosis",
        ["image", "finding", "probability", "yes from", "present"],
        rows,
        words=(1, 4),
    )


def _write_heat(predictor: Predictor, found: Predictions, folder: Path) -> None:
    """A PNG for each finding seen on each image; its name is a number, since files name patients."""
    for number, one in enumerate(found.images, start=1):
        seen = [name for name, answer in one.findings.items() if answer.present]
        if not seen and one.findings:
            seen = [max(one.findings, key=lambda name: _told_of(one.findings[name]))]
        for heat in predictor.heat(one.image, seen) if seen else ():
            slug = heat.finding.lower().replace(" ", "_")
            write_bytes(folder / f"{number:03}-{slug}.png", heat.picture)
        note(f"Heat maps {number:03}: {one.image}: {', '.join(seen) or 'out of scope, none'}")


def _told_of(answer: FindingAnswer) -> tuple[float, float]:
    """What orders findings: probability, and the score of those without."""
    return (-1.0 if answer.probability is None else answer.probability, answer.score)


def _rows(name: str, findings: Mapping[str, FindingAnswer]) -> list[list[str]]:
    """A row a finding; the name stands in the first."""
    return [
        [name if index == 0 else "", finding, *_words(answer)]
        for index, (finding, answer) in enumerate(findings.items())
    ]


def _words(answer: FindingAnswer) -> tuple[str, str, str]:
    if answer.probability is None:
        return answer.why_undefined or "", "", "-"
    yes = "yes" if answer.present else "no"
    return f"{answer.probability:.3f}", f"{answer.threshold_probability:.3f}", yes


def _none(aside: tuple[SetAside, ...]) -> str:
    if len(aside) == 1:
        return f"No answer: {aside[0].reason}"
    return f"No answer: none of {len(aside)} images could be read; see above."

"""Small finished runs, and a way to read a card as a browser would."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carina.evaluation import (
    CalibrationWay,
    Drift,
    EncoderUsed,
    ExperienceResult,
    Fitted,
    Language,
    Lived,
    Part,
    PartResults,
    Results,
    Scores,
    assess,
    calibration_way,
    cells_of,
    judge_calibration,
    operated,
    subgroups,
    write_results,
    write_scores,
)
from carina.measures import best_f1, brier_over_prevalence, delong, youden
from carina.studies import LabelSpace

FINDINGS = ("Cardiomegaly", "Edema", "Hernia")
RANKED = ("auroc", "auroc_authors", "average_precision")
MakeRun = Callable[..., Path]


def _scores(
    name: str, names: tuple[str, ...], steps: tuple[str, ...], *, zero_shot: bool, seed: int
) -> Scores:
    """Answers that get better by the step; the last finding has no positive film."""
    rng = np.random.default_rng(seed)
    images, labels = 60, len(names)
    target = rng.random((images, labels)) < 0.5
    target[:, -1] = False
    known = rng.random((images, labels)) < 0.9
    difference = rng.normal(size=(len(steps) + 1, images, labels))
    difference += np.arange(len(steps) + 1)[:, None, None] * 0.8 * target
    probability = 1 / (1 + np.exp(-difference))
    probability[0] = np.nan
    positive = difference + rng.normal(size=difference.shape)
    if not zero_shot:
        positive[:] = np.nan
        for step in range(len(steps)):  # one finding a step
            for array in (difference, probability):
                array[step, :, step:] = np.nan
    decision = np.where(np.isnan(probability), np.nan, (probability > 0.5).astype(np.float64))
    return Scores(
        part=Part(
            name=name,
            images=tuple(f"{name}-{row:040x}" for row in range(images)),
            patients=np.arange(images),
            target=target & known,
            known=known,
            unseen=np.arange(images) < 20,
        ),
        space=LabelSpace(names=names),
        experiences=steps,
        difference=difference,
        positive=positive,
        probability=probability,
        decision=decision,
        why_undefined={} if zero_shot else dict.fromkeys(names, "not met by this step; no space"),
    )


def _judged(test: Scores, names: tuple[str, ...]) -> dict[str, Any]:
    """What a run says of probabilities, thresholds and groups, of all findings but the last."""
    cells, part = cells_of(test, draws=40, rng=np.random.default_rng(4)), test.part
    labels, draws = test.space.indices(names), cells.draws.resamples
    calibration, operating = {}, {}
    for c, name in zip(labels, names, strict=True):
        known = part.known[:, c]
        found = judge_calibration(
            test.probability[-1, :, c],
            part.target[:, c],
            known,
            draws,
            fitted=Fitted(way="own", positives=30, negatives=70),
            rng=np.random.default_rng(c),
        )
        assert found is not None
        calibration[name] = found
        scores, target = test.difference[-1, :, c], part.target[:, c]
        operating[name] = operated(
            (best_f1(scores[known], target[known]), youden(scores[known], target[known])),
            scores,
            target,
            known,
            draws,
            prevalence=0.1,
            stated=c == 0,
        )
    prevalence = np.full(len(test.space), 0.3)
    ways: dict[str, CalibrationWay] = {}
    for way, there in (("own", labels), ("isotonic", [])):
        said = np.full_like(test.probability[-1], np.nan)
        said[:, there] = test.probability[-1][:, there]
        ways[way] = calibration_way(cells, said, prevalence, draws, names=names)
    over = [
        brier_over_prevalence(
            test.probability[step][:, labels[:1]],
            prevalence[:1],
            part.target[:, labels[:1]],
            draws,
            known=part.known[:, labels[:1]],
        )
        for step in range(1, len(test.experiences) + 1)
    ]
    sex = ["F" if patient % 2 else "M" for patient in part.patients]
    ages = ["18-39" if patient < 56 else "80 and over" for patient in part.patients]
    return {
        "delong": {
            name: delong(
                test.difference[-1, :, c], part.target[:, c], part.patients, known=part.known[:, c]
            )
            for c, name in zip(labels, names, strict=True)
        },
        "calibration": calibration,
        "over_prevalence": tuple(over),
        "calibration_ways": ways,
        "operating": operating,
        "subgroups": subgroups(cells, {"sex": sex, "age": ages}, names=names),
    }


def _moved(steps: tuple[str, ...], taught: int) -> Drift:
    since = tuple(None if at + 1 < taught else 1.0 - 0.1 * at for at in range(len(steps)))
    return Drift(positive=since, negative=since, opposition=tuple(c and -c for c in since))


def _run(
    folder: Path,
    *,
    names: tuple[str, ...] = FINDINGS,
    steps: tuple[str, ...] = FINDINGS,
    recipe: str = "small-by-class",
    plan_id: str = "plan-one",
    zero_shot: bool = True,
    exposed: str = "",
    set_aside: dict[str, int] | None = None,
    seed: int = 0,
) -> Path:
    """Write results.json and scores.parquet of a run that never ran."""
    outside = _scores("out-of-fold", names, steps, zero_shot=zero_shot, seed=seed + 1)
    test = _scores("test", names, steps, zero_shot=zero_shot, seed=seed)
    headline = f"{len(names) - 1} findings"
    groups = {headline: names[:-1], f"all {len(names)}": names}
    taught = np.minimum(np.arange(len(names)) + 1, len(steps))
    shown = np.equal.outer(np.arange(1, len(steps) + 1), taught)

    def assessed(scores: Scores, **some: Any) -> Any:
        cells = cells_of(scores, draws=40, rng=np.random.default_rng(4))
        return assess(cells, groups=groups, shown=shown, **some)

    def part(scores: Scores, **some: Any) -> PartResults:
        numbers = assessed(scores, **some)
        return PartResults(
            images=len(scores.part.images),
            patients=len(np.unique(scores.part.patients)),
            macro=numbers.macro,
            summary=numbers.summary,
        )

    numbers, judged = assessed(test), _judged(test, names[:-1])
    assert test.part.unseen is not None
    results = Results(
        run=folder.name,
        recipe=recipe,
        strategy="Ridge",
        source="drawn squares",
        plan_kind="by-class",
        plan_variant="all-rows",
        plan_id=plan_id,
        seed=27,
        labels=names,
        taught=tuple(int(step) for step in taught),
        positives={name: 20 - index for index, name in enumerate(names)},
        groups=groups,
        headline=headline,
        experiences=tuple(
            ExperienceResult(
                name=name,
                visible=(name,),
                images=100 + index,
                patients=50 + index,
                marks=("no negative of it",) if index == 0 else (),
                lived=Lived(
                    seconds=0.004 + index * 70.4,
                    optimiser_steps=10 * index,
                    kept_bytes={"head": 900 * (index + 1), "sums": 7_340_640},
                    fewest_patients=2 if index else None,
                    single_patients=False,
                    patient_rows=0,
                ),
            )
            for index, name in enumerate(steps)
        ),
        zero_shot=zero_shot,
        why_no_zero_shot="" if zero_shot else "image and text share no space",
        scores=numbers.scores,
        baseline=numbers.baseline,
        macro=numbers.macro,
        progress=numbers.progress,
        decisions=numbers.decisions,
        summary=numbers.summary,
        **judged,
        drift={name: _moved(steps, step) for name, step in zip(names, taught, strict=True)},
        language={
            "random": Language(
                auroc=numbers.summary["auroc"][headline],
                lost=numbers.summary["auroc"]["backward_transfer"],
            )
        },
        test_images=60,
        test_patients=60,
        out_of_fold=part(outside, metrics=RANKED),
        unseen=part(test.limited_to(test.part.unseen)) if exposed else None,
        encoders=(
            EncoderUsed(
                name="toy-image",
                fingerprint="8642b00bff29c933eec2",
                weights="744f3be4251eea5c6a375ffd27b5ee6176b0a67f",
                modality="image",
                dim=576,
                licence="Apache-2.0",
                citation="Howard et al., Searching for MobileNetV3, ICCV 2019",
                exposed=exposed,
            ),
        ),
        set_aside=set_aside or {},
        seconds={"fold-0": 2.125, "refit": 1.5, "total": 340.25},
        peak_memory_bytes=445_554_688,
        citations=("Efron and Tibshirani, An Introduction to the Bootstrap, 1993",),
    )
    folder.mkdir(parents=True)
    write_results(folder / "results.json", results)
    write_scores(folder / "scores.parquet", outside, test)
    return folder


@pytest.fixture(scope="session")
def make_run() -> MakeRun:
    """Writes a small run into a folder that is not there yet."""
    return _run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a zero-shot baseline, an encoder that has seen films, and films set aside."""
    return _run(
        tmp_path_factory.mktemp("runs") / "0123456789abcdef",
        exposed="up to 40 of the 60 test films",
        set_aside={"truncated PNG": 3},
    )


@dataclass
class Page(HTMLParser):
    """What a page says: its numbers with their source, its words, its elements."""

    told: list[tuple[dict[str, str], str]] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    drawn: list[str] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, int | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.elements.append((tag, given))
        if tag == "meta":
            return
        at = self._open[-1][1] if self._open else None
        if "data-path" in given:
            at = len(self.told)
            self.told.append((given, ""))
        self._open.append((tag, at))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1][0] == tag, f"{tag} closes {self._open[-1][0]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self._open]
        at = self._open[-1][1] if self._open else None
        if "style" in tags:
            return
        if "svg" in tags:
            self.drawn.append(data.strip())
        elif at is None:
            self.outside.append(data.strip())
        else:
            given, before = self.told[at]
            self.told[at] = (given, before + data)


@pytest.fixture(scope="session")
def read_page() -> Callable[[Path], Page]:
    """Parses a page; elements that do not nest fail."""

    def read(path: Path) -> Page:
        page = Page()
        page.feed(path.read_text())
        page.close()
        assert page._open == []
        return page

    return read


@pytest.fixture(scope="session")
def look_up() -> Callable[[Path, str], Any]:
    """What a JSON pointer stands for in a run's results.json; ``*`` sums."""

    def look(folder: Path, pointer: str) -> Any:
        value = json.loads((folder / "results.json").read_text())
        parts = [p.replace("~1", "/").replace("~0", "~") for p in pointer.split("/")[1:]]
        return _found(value, parts)

    return look


def _found(value: Any, parts: list[str]) -> Any:
    if not parts:
        return value
    first, rest = parts[0], parts[1:]
    if first == "*":
        inner = value.values() if isinstance(value, dict) else value
        return sum(_found(one, rest) for one in inner)
    return _found(value[int(first)] if isinstance(value, list) else value[first], rest)


@pytest.fixture(scope="session")
def as_read() -> Callable[[Any, str], set[str]]:
    """How a value of results.json may be written, worked out apart from the room."""

    def written(value: Any, form: str) -> set[str]:
        if form == "number":
            return {f"{value:.3f}"}
        if form in ("estimate", "value"):
            if value["value"] is None:
                return {"undefined"}
            ends = "" if value["low"] is None else f" [{value['low']:.3f}, {value['high']:.3f}]"
            return {f"{value['value']:.3f}{'' if form == 'value' else ends}"}
        if form == "size":
            scales = {"B": 1, "kB": 1e3, "MB": 1e6}
            return {f"{value} B"} | {f"{value / s:.1f} {u}" for u, s in scales.items() if s > 1}
        if form == "duration":
            return {"under 0.01"} if value < 0.01 else {f"{value:.2f}", f"{value:.0f}"}
        return {("yes" if value else "no") if isinstance(value, bool) else str(value)}

    return written

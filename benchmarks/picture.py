"""Draw the README's picture from a demo's runs: ``python benchmarks/picture.py --demo .demo``."""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from carina.evaluation import Results, read_results
from carina.phantoms import draw

NAMES = {
    "Ridge": "masked ridge head",
    "Heads": "logistic head a finding",
    "RETune": "RE-tune on an Adaptor",
    "ZeroShot": "prompts on an Adaptor",
}
FILMS = ((27, 0), (27, 22), (27, 30), (27, 34))


def by_class(demo: Path) -> list[Results]:
    """The demo's class-incremental runs, in the order of the legend."""
    found = [read_results(path) for path in demo.glob("runs/*/results.json")]
    return sorted(
        (run for run in found if run.plan_kind == "by-class"),
        key=lambda run: list(NAMES).index(run.strategy),
    )


def mean_of_met(run: Results, step: int) -> float:
    """Mean AUROC after a step over the findings taught by then."""
    met = [name for name, taught in zip(run.labels, run.taught, strict=True) if taught <= step]
    values = [run.scores["auroc"][step - 1][name].value for name in met]
    return float(np.mean([value for value in values if value is not None]))


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/demo.png"))
    given = parser.parse_args()
    mpl.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False})
    figure = plt.figure(figsize=(9.2, 3.1), layout="constrained")
    halves: np.ndarray = np.atleast_1d(figure.subfigures(1, 2, width_ratios=(1, 1.25)))  # type: ignore[arg-type]
    films, curves = halves
    for axis, (seed, patient) in zip(films.subplots(2, 2).flat, FILMS, strict=True):
        phantom = draw(seed, patient, 0)
        axis.imshow(phantom.pixels, cmap="gray", vmin=0, vmax=1)
        present = [name for name, there in phantom.findings.items() if there]
        axis.set_title(", ".join(present) or "no finding", fontsize=6.5)
        axis.axis("off")
    axis = curves.subplots()
    for run in by_class(given.demo):
        met = [mean_of_met(run, step) for step in range(1, len(run.experiences) + 1)]
        axis.plot(range(1, len(met) + 1), met, marker="o", label=NAMES[run.strategy])
    axis.axhline(0.5, color="0.7", linewidth=0.8)
    names = [experience.name for experience in run.experiences]
    axis.set_xticks(range(1, len(names) + 1), names, rotation=20)
    axis.set_ylabel("mean AUROC over the findings met")
    axis.set_title("One finding at a time, on patients held back")
    axis.legend(frameon=False)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(given.out, dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()

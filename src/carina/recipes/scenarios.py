"""Named recipes of scenarios beyond class, label and data: by published stream, by site, and on phantoms.

Needs, for ``rclp-...``: ``carina encode both.toml --encoder efficientnet-lite0 --store S``, where
``both.toml`` joins CheXpert and ChestX-ray14 (docs/how-to/join-data-sets.md); for ``carl-cxr-...``
one that joins MIMIC-CXR-JPG and CheXpert; for ``phantom-...`` what ``carina demo`` draws.
Runs: ``carina run NAME --data DATA --store S --out O``.
"""

from collections.abc import Callable
from dataclasses import replace

from carina.adaptors import Mlp, Sides
from carina.learning import RETune, StrategyConfig, ZeroShot
from carina.recipes.demo import demo_baselines
from carina.recipes.methods import METHODS, text_of, tuned
from carina.recipes.recipe import Align, Continual
from carina.streams import (
    ByClass,
    BySite,
    ByTime,
    CellMatched,
    Confounded,
    Corrected,
    Deletion,
    NewFromText,
    NewInstancesAndClasses,
    StreamPlan,
    Task,
    TaskRows,
)
from carina.studies import POLICIES

__all__ = ["RCLP_FINDINGS", "RCLP_TASKS", "SCENARIOS", "carl_cxr", "phantom", "rclp"]

_CHEXPERT, _NIH, _MIMIC = "chexpert", "nih-chestxray14", "mimic-cxr-jpg"

RCLP_FINDINGS = (
    "Lung Opacity",
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Pleural Effusion",
    "Emphysema",
    "Enlarged Cardiomediastinum",
    "Fibrosis",
    "Fracture",
    "Hernia",
    "Infiltration",
    "Lung Lesion",
    "Mass",
    "Nodule",
    "Pleural Thickening",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
)
"""The nineteen of Ceccon et al., in the order of their class numbers (src/Create_Scenario.py)."""

RCLP_TASKS = tuple(
    Task(findings=tuple(RCLP_FINDINGS[number] for number in numbers), site=site)
    for numbers, site in (
        ((3, 17, 18), _CHEXPERT),
        ((3, 17, 18), _NIH),
        ((0, 7, 9, 12, 16), _CHEXPERT),
        ((1, 2, 4, 5), _CHEXPERT),
        ((1, 2, 4, 5), _NIH),
        ((6, 8, 10, 11), _NIH),
        ((13, 14, 15), _NIH),
    )
)
"""Their seven tasks, by class number and data set."""

_RCLP: dict[str, tuple[StreamPlan, str]] = {
    "published": (
        NewInstancesAndClasses(tasks=RCLP_TASKS),
        "seven tasks by their rule: films that show one of the task's findings",
    ),
    "sound": (
        NewInstancesAndClasses(tasks=RCLP_TASKS, variant=TaskRows.ALL_OF_SITE),
        "their seven tasks on all films of the task's data set",
    ),
    "joint": (
        CellMatched(of=NewInstancesAndClasses(tasks=RCLP_TASKS)),
        "the cells of the seven tasks at once",
    ),
}
_BY_SITE = BySite(sites=(_MIMIC, _CHEXPERT))
_CARL: dict[str, tuple[StreamPlan, str]] = {
    "in-order": (_BY_SITE, "MIMIC-CXR, then CheXpert, the data set unknown when judged"),
    "joint": (CellMatched(of=_BY_SITE), "MIMIC-CXR and CheXpert at once"),
}
_CARL_FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Fracture",
    "Lung Lesion",
    "Lung Opacity",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
    "Support Devices",
    "No Finding",
)
_LEAVING = Deletion(of=ByClass())
_PHANTOMS: dict[str, tuple[StreamPlan, str]] = {
    "by-site": (BySite(), "one hospital after another"),
    "by-time": (ByTime(parts=4), "four periods of the study date"),
    "new-from-text": (
        NewFromText(finding="Pneumothorax", films=5, negatives=45),
        "five findings, the sixth in words, then its first five films",
    ),
    "corrected": (Corrected(), "a tenth of the labels told wrong, taken back, told right"),
    "deletion": (_LEAVING, "one finding at a time, then a tenth of the patients taken back"),
    "deletion-joint": (CellMatched(of=_LEAVING), "at once, without the patients that leave"),
    "confounded": (
        Confounded(of=ByClass(), finding="Pneumothorax", site="east"),
        "one finding at a time, films of one site alone showing Pneumothorax, on purpose",
    ),
}


def rclp(plan: str, method: str) -> Continual:
    """The stream of Ceccon et al. (WACV 2025, arXiv 2404.06859) on CheXpert and ChestX-ray14.

    As theirs: blank and uncertain labels of CheXpert count as absent, of each patient one film is
    read and a tenth of the patients is held back, both of which the collection says. Theirs alone
    are the lists of films, drawn once without a seed, and the films judged, which by their rule
    show one of the task's findings; here all test films are judged. A finding that a data set does
    not label is unknown on its films, in learning and when judged.

    Args:
        plan: "published", "sound" or "joint".
        method: One of `METHODS`.
    """
    return Continual(
        name=f"rclp-{plan}-{method}",
        encoders=("efficientnet-lite0",),
        strategy=tuned(method, plan),
        plan=_RCLP[plan][0],
        text_encoder=text_of(method),
        policy=POLICIES["zeros"],
        findings=RCLP_FINDINGS,
    )


def carl_cxr(plan: str, method: str) -> Continual:
    """The stream of CARL-CXR (Kavitha et al., arXiv 2602.15811): MIMIC-CXR, then CheXpert.

    Which data set a film is from is told to nobody. Which of the labels they learn and how they
    count uncertain ones is not in what we could read of the paper: here the fourteen that both
    have, uncertain ones ignored and blank ones absent.

    Args:
        plan: "in-order" or "joint".
        method: One of `METHODS`.
    """
    return Continual(
        name=f"carl-cxr-{plan}-{method}",
        encoders=("efficientnet-lite0",),
        strategy=tuned(method, plan),
        plan=_CARL[plan][0],
        text_encoder=text_of(method),
        policy=POLICIES["ignore"],
        findings=_CARL_FINDINGS,
    )


_RETUNE = RETune(
    sides=Sides(adaptor=Mlp(hidden=256, out=128)),
    rate=5e-4,
    batch=128,
    steps=60,
    epochs=None,
    normalise=True,
    noise=0.3,
    scale=10.0,
    learn_scale=True,
)


def phantom(plan: str, method: str) -> Continual:
    """A scenario on drawn radiographs, whose sites, days and reports `carina demo` makes up.

    Image and text are aligned by ridge on the reports of the pretrain patients. RE-tune's steps were
    chosen out of fold: joint training has the budget of several experiences.

    Args:
        plan: "by-site", "by-time", "new-from-text", "corrected", "deletion", "deletion-joint" or
            "confounded".
        method: "retune", one of `demo_baselines`, or "zero-shot".
    """
    strategies: dict[str, StrategyConfig] = {
        "retune": replace(_RETUNE, steps=200) if plan.endswith("joint") else _RETUNE,
        "zero-shot": ZeroShot(),
        **demo_baselines(),
    }
    return Continual(
        name=f"phantom-{plan}-{method}",
        encoders=("efficientnet-lite0",),
        text_encoder="minilm-l6",
        prompts="retune-1",
        align=Align(),
        strategy=strategies[method],
        plan=_PHANTOMS[plan][0],
    )


def _named(
    make: Callable[[str, str], Continual], plan: str, method: str, what: str
) -> Callable[[], Continual]:
    def made() -> Continual:
        return make(plan, method)

    made.__doc__ = f"{what}: {METHODS.get(method, 'prompts alone, nothing learned')}."
    return made


SCENARIOS: dict[str, Callable[[], Continual]] = {
    f"{name}-{plan}-{method}": _named(make, plan, method, f"{data}, {what}")
    for name, make, plans, data in (
        ("rclp", rclp, _RCLP, "CheXpert and ChestX-ray14"),
        ("carl-cxr", carl_cxr, _CARL, "Two hospitals"),
        ("phantom", phantom, _PHANTOMS, "Phantoms"),
    )
    for plan, (_, what) in plans.items()
    for method in (
        *(m for m in METHODS if name != "phantom" or m in ("retune", *demo_baselines())),
        *(["zero-shot"] if plan == "new-from-text" else []),
    )
}
"""Name to recipe."""

"""RE-tune's published experiments, to the letter of its authors' code.

Needs: CheXpert with its VisualCheXbert labels, and BioViL's weights (``carina encode CHEXPERT
--encoder biovil-image-512 --weights FILE --mapping visualchexbert.toml --store S``; the text
encoder's by the user's settings).  Runs: ``carina run retune-paper-joint --data CHEXPERT --mapping
visualchexbert.toml --store S --out O``, where the mapping reads ``reader = "chexpert"`` and ``labels =
"visualchexbert"``.

Five findings in the authors' order; cached pooled features; the mean of four adapted prompts a side;
the difference of two cosines without a temperature; binary cross-entropy; Adam at 1e-4 with its state
carried over; batches of 6,144; ten epochs an experience; seed 27.  Learned from is train alone; thresholds and
calibration, which theirs have none of, are chosen on the films of val.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from carina.adaptors import AdaptorConfig, Combine, Linear, Mlp, Sharing, Sides
from carina.learning import Every, RETune, StrategyConfig, WeightReset
from carina.recipes.recipe import Continual
from carina.streams import (
    AllAtOnce,
    ByClass,
    ByData,
    ByLabel,
    ClassRows,
    DataOrder,
    LabelRows,
    StreamPlan,
)

__all__ = ["PAPER", "PAPER_FINDINGS", "retune_paper"]

PAPER_FINDINGS = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
"""The five of CheXpert's competition, in the order the authors teach them."""

_SCENARIOS: dict[str, tuple[StreamPlan, str]] = {
    "joint": (AllAtOnce(order=PAPER_FINDINGS), "all data and labels at once"),
    "class-pos-neg": (
        ByClass(variant=ClassRows.CONTIGUOUS_CHUNKS, order=PAPER_FINDINGS),
        "class-incremental, a fifth of the films each",
    ),
    "class-pos": (
        ByClass(variant=ClassRows.POSITIVES_ONLY, order=PAPER_FINDINGS),
        "class-incremental, films that show the finding",
    ),
    "label-pos-neg": (
        ByLabel(variant=LabelRows.NEW_FILMS, order=PAPER_FINDINGS),
        "label-incremental, a fifth of the films each",
    ),
    "label-pos": (
        ByLabel(variant=LabelRows.POSITIVES_OF_NEWEST, order=PAPER_FINDINGS),
        "label-incremental, films that show the newest finding",
    ),
    **{
        f"data-{parts}": (
            ByData(parts=parts, arrangement=DataOrder.AS_LISTED, order=PAPER_FINDINGS),
            f"data-incremental in {parts} parts",
        )
        for parts in (5, 10, 20)
    },
}
_ADAPTORS: dict[str, AdaptorConfig] = {"mlp": Mlp(), "dense": Linear()}
_RESETS = {"": None, "mycl": Every.STEP, "profcl": Every.EPOCH}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variant:
    """One of the authors' settings; its first value of each is what a bare name means."""

    scenario: str
    adaptor: str
    sharing: Sharing
    combine: Combine
    reset: str

    @property
    def name(self) -> str:
        """As on the command line: "retune-paper-data-5-dense-shared-max-mycl"."""
        parts = (
            self.scenario,
            self.adaptor if self.adaptor != "mlp" else "",
            self.sharing if self.sharing is not Sharing.DOUBLE else "",
            self.combine if self.combine is not Combine.MEAN else "",
            self.reset,
        )
        return "-".join(["retune-paper", *filter(None, parts)])


def retune_paper(
    scenario: str,
    *,
    adaptor: str = "mlp",
    sharing: Sharing = Sharing.DOUBLE,
    combine: Combine = Combine.MEAN,
    reset: str = "",
) -> Continual:
    """One of RE-tune's published experiments on CheXpert and BioViL.

    Args:
        scenario: "joint", "class-pos-neg", "class-pos", "label-pos-neg", "label-pos", "data-5",
            "data-10" or "data-20".
        adaptor: "mlp" (128-256-128) or "dense" (128-128).
        sharing: Which sides have an adaptor.
        combine: The mean of a side's prompts, or the largest of their similarities.
        reset: "" for plain fine-tuning, "mycl" or "profcl" for small movements undone after every
            step or every epoch, the threshold growing from 0.01 by 0.001 an epoch.
    """
    tuned = RETune(sides=Sides(adaptor=_ADAPTORS[adaptor], sharing=sharing), combine=combine)
    every = _RESETS[reset]
    strategy: StrategyConfig = tuned
    if every is not None:
        from_first = every is Every.EPOCH and scenario.startswith("data-")
        strategy = WeightReset(base=tuned, every=every, from_first=from_first)
    variant = _Variant(
        scenario=scenario, adaptor=adaptor, sharing=sharing, combine=combine, reset=reset
    )
    return Continual(
        name=variant.name,
        encoders=("biovil-image-512",),
        text_encoder="biovil-text",
        prompts="retune-4",
        strategy=strategy,
        plan=_SCENARIOS[scenario][0],
        findings=PAPER_FINDINGS,
        headline=PAPER_FINDINGS,
        folds=0,
        seed=27,
    )


def _maker(variant: _Variant) -> Callable[[], Continual]:
    def make() -> Continual:
        return retune_paper(
            variant.scenario,
            adaptor=variant.adaptor,
            sharing=variant.sharing,
            combine=variant.combine,
            reset=variant.reset,
        )

    make.__doc__ = (
        f"RE-tune as published: {_SCENARIOS[variant.scenario][1]}; add -dense, then -shared, -image "
        "or -text, then -max, then -mycl or -profcl."
    )
    return make


PAPER: dict[str, Callable[[], Continual]] = {
    variant.name: _maker(variant)
    for variant in (
        _Variant(scenario=scenario, adaptor=adaptor, sharing=sharing, combine=combine, reset=reset)
        for scenario, adaptor, sharing, combine, reset in product(
            _SCENARIOS, _ADAPTORS, Sharing, Combine, _RESETS
        )
    )
}
"""Name to recipe, every combination; a name without endings is the mlp on both sides, mean prompts."""

"""Ridge probes of any features of some films: readers of a share of the labels, and what they are worth."""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from carina.adaptors import Readout, answer_in_blocks
from carina.core import Estimate, generator
from carina.evaluation import Part, Replicate, Scores, replicated
from carina.learning import Heads, Learned, Ridge, Setting, follow
from carina.streams import AllAtOnce, Labelled, lay_out, nested_shares, view
from carina.studies import Manifest, Presence, patient_codes

__all__ = ["DRAWS", "TENTH", "probed", "reader", "scores_of"]

RIDGE = Ridge(lambdas=(1e-4, 1e-3, 1e-2, 1e-1, 0.5, 1.0), betas=(0.0,))
"""In closed form; penalties are chosen by folds of the films learned from. Vectors of an encoder lie
close together and want far smaller ones than an Adaptor's: with 0.5 and 1 alone the encoder would
look worse than it is."""
TENTH, DRAWS, RESAMPLES, SEED = 0.1, 10, 1000, 27


def probed(
    features: Float[Tensor, "rows dim"],
    manifest: Manifest,
    *,
    learn: Int[np.ndarray, " learn"],
    judge: Int[np.ndarray, " judge"],
    share: float = TENTH,
    names: tuple[str, ...] = (),
) -> Estimate:
    """Mean AUROC over findings, of ridge readers that learn from a share of the labels.

    The interval holds the patients judged and, where the share is not the whole, its draws.

    Args:
        features: Of every row of the manifest.
        manifest: Whose films.
        learn: Rows of which a share is drawn, by patient, alike in what it shows.
        judge: Rows asked about.
        share: Of the patients; the whole is learned once.
        names: Findings of the mean; all where not given.
    """
    codes = patient_codes(manifest.patient, "backbones")
    present = manifest.labels[learn] == Presence.PRESENT
    runs = []
    for draw in range(DRAWS if share < 1 else 1):
        rng = generator(SEED, "shares", draw)
        rows = learn[nested_shares(codes[learn], present, (share,), rng=rng)[share]]
        scores = scores_of(reader(features, manifest, rows), features, manifest, judge)
        shown = np.ones((1, len(scores.space)), dtype=bool)
        levels: Mapping[str, int] = {"draw": draw}
        runs.append(Replicate(scores=scores, shown=shown, levels=levels))
    return replicated(
        runs,
        names=names or manifest.space.names,
        draws=RESAMPLES,
        rng=generator(SEED, "resamples"),
    )


def reader(
    features: Float[Tensor, "rows dim"],
    manifest: Manifest,
    rows: Int[np.ndarray, " rows"],
    *,
    by: Ridge | Heads = RIDGE,
) -> Readout:
    """What a head learned from some rows of the features, all findings at once."""
    labelled = Labelled(
        space=manifest.space,
        features=features,
        target=manifest.labels == Presence.PRESENT,
        known=np.isin(manifest.labels, (Presence.PRESENT, Presence.ABSENT)),
        patients=patient_codes(manifest.patient, "backbones"),
        images=np.arange(len(features)),
    )
    ground = labelled.ground(rows=rows, validation=rows[:0], digest="")
    views = (view(one, labelled) for one in lay_out(AllAtOnce(), ground).experiences)
    *_, (_, last) = follow(by, Setting(image_dim=features.shape[1]), views, seed=SEED)
    assert isinstance(last, Learned)
    assert last.learner.readout is not None
    return last.learner.readout


def scores_of(
    readout: Readout,
    features: Float[Tensor, "rows dim"],
    manifest: Manifest,
    judge: Int[np.ndarray, " judge"],
) -> Scores:
    """A reader's answers about some rows, as a table of scores with one step."""
    asked, said = manifest.take(judge), answer_in_blocks(readout, features[torch.from_numpy(judge)])
    nothing = np.full((2, len(judge), len(manifest.space)), np.nan)
    difference = nothing.copy()
    difference[1][:, manifest.space.indices(readout.labels)] = said.difference.double().numpy()
    codes = patient_codes(asked.patient, "backbones")
    return Scores(
        part=Part(
            name="judged",
            images=tuple(map(str, judge)),
            patients=np.unique(codes, return_inverse=True)[1].astype(np.int64),
            target=asked.labels == Presence.PRESENT,
            known=np.isin(asked.labels, (Presence.PRESENT, Presence.ABSENT)),
        ),
        space=manifest.space,
        experiences=("all",),
        difference=difference,
        positive=nothing,
        probability=nothing,
        decision=nothing,
    )

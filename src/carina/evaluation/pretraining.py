"""What a pre-training leaves for machines to read: the form of pretraining.json."""

from dataclasses import dataclass

from carina.evaluation.retrieval import Retrieval
from carina.learning import Epoch

__all__ = ["PretrainingResults"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingResults:
    """``pretraining.json``: what came of a pre-training.

    Attributes:
        name: The recipe's.
        run: Name of the folder.
        learned: Numbers the Adaptor has learned.
        pairs: To learn from, to stop by.
        patients: Learned from.
        left_out: Rows without a pair, counted by reason.
        epochs: In order; none of one that was fitted in closed form.
        best_epoch: Whose weights were kept, from 1; 0 likewise.
        retrieval: On the patients judged.
        oracle: What who knows the labels of films and reports, and no more, would reach; None
            where the table has no labels.
        seconds: The whole run, as far as this attempt went.
        correlations: Of image and report along each direction of one fitted in closed form, on the
            pairs held out.
    """

    name: str
    run: str
    learned: int
    pairs: tuple[int, int]
    patients: int
    left_out: dict[str, int]
    epochs: tuple[Epoch, ...]
    best_epoch: int
    retrieval: Retrieval
    oracle: Retrieval | None
    seconds: float
    correlations: tuple[float, ...] = ()

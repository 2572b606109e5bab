"""What a run answered: scores of every image and finding after every experience."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Int

from carina.core import InvalidValue, MissingFile, UnreadableFile, partial_path
from carina.studies import LabelSpace

__all__ = ["OUT_OF_FOLD", "VALIDATION", "Part", "Scores", "read_scores", "write_scores"]

OUT_OF_FOLD = "out-of-fold"
"""Name of the part of training patients, each scored by a learner that never saw them."""
VALIDATION = "validation"
"""Name of the part of patients that are held apart from learning, for choices."""

_NOT_CALIBRATED = "not calibrated: no experience by this step showed both classes of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The images that were scored, and what is known of them.

    Attributes:
        name: "test", `OUT_OF_FOLD` or `VALIDATION`.
        images: Digest of each image.
        patients: A number for each image's patient, the unit that is resampled; in what a run
            writes it counts from 0 within the part and leads back to nobody.
        target: (images, labels); False where not known.
        known: (images, labels).
        unseen: Whether the encoder's weights have surely not seen the image; None where every
            encoder is unexposed to the data set.
    """

    name: str
    images: tuple[str, ...]
    patients: Int[np.ndarray, " images"]
    target: Bool[np.ndarray, "images labels"]
    known: Bool[np.ndarray, "images labels"]
    unseen: Bool[np.ndarray, " images"] | None = None

    def taken(self, rows: Int[np.ndarray, " rows"]) -> "Part":
        """Some of the images, in the order asked for."""
        return replace(
            self,
            images=tuple(self.images[row] for row in rows),
            patients=self.patients[rows],
            target=self.target[rows],
            known=self.known[rows],
            unseen=None if self.unseen is None else self.unseen[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Scores of one part after each step; index 0 of the first axis is before any experience.

    A NaN stands for a score that does not exist, such as that of a finding not yet met.

    Attributes:
        part: Which images.
        space: Which findings, in the order of the last axis.
        experiences: Names, in order; the first axis is one longer.
        difference: (steps, images, labels): the trained quantity, positive minus negative.
        positive: (steps, images, labels): the authors' score, the positive prompt alone.
        probability: (steps, images, labels): the calibrated answer.
        decision: (steps, images, labels): 1.0 where the answer is yes, 0.0 where no.
        why_undefined: Reason by finding, for findings with steps that have no score.
        why_no_probability: Reason by finding, for those with a score and no probability.
        why_no_decision: Reason by finding, for those with a score and no decision.
    """

    part: Part
    space: LabelSpace
    experiences: tuple[str, ...]
    difference: Float[np.ndarray, "steps images labels"]
    positive: Float[np.ndarray, "steps images labels"]
    probability: Float[np.ndarray, "steps images labels"]
    decision: Float[np.ndarray, "steps images labels"]
    why_undefined: Mapping[str, str] = field(default_factory=dict)
    why_no_probability: Mapping[str, str] = field(default_factory=dict)
    why_no_decision: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wanted = (len(self.experiences) + 1, len(self.part.images), len(self.space))
        if self.difference.shape != wanted:
            raise InvalidValue(f"Scores are {self.difference.shape}, wanted {wanted}.")

    def of(self, which: str) -> Float[np.ndarray, "steps images labels"]:
        """One of the four tables by its name, or "sign": 1.0 where the difference is above 0."""
        if which == "sign":
            return np.where(np.isnan(self.difference), np.nan, self.difference > 0)
        table: np.ndarray = getattr(self, which)
        return table

    def why_not(self, which: str, name: str) -> str:
        """Why a finding with a score has no "probability" or no "decision"."""
        reasons = self.why_no_probability if which == "probability" else self.why_no_decision
        return reasons.get(name, _NOT_CALIBRATED)

    def after_last(self) -> "Scores":
        """The last step alone, beside what was before any."""
        arrays = {name: getattr(self, name)[[0, -1]] for name in _ARRAYS}
        return replace(self, experiences=self.experiences[-1:], **arrays)

    def of_findings(self, names: tuple[str, ...]) -> "Scores":
        """The scores of some of the findings only.

        Raises:
            UnknownName: for a finding there is none of.
        """
        columns = self.space.indices(names)
        part = self.part
        return replace(
            self,
            part=replace(part, target=part.target[:, columns], known=part.known[:, columns]),
            space=LabelSpace(names=names),
            **{name: getattr(self, name)[:, :, columns] for name in _ARRAYS},
        )

    def limited_to(self, images: Bool[np.ndarray, " images"]) -> "Scores":
        """The scores of some of the images only."""
        return self.taken(np.flatnonzero(images))

    def taken(self, rows: Int[np.ndarray, " rows"]) -> "Scores":
        """The scores of some of the images, in the order asked for."""
        arrays = {name: getattr(self, name)[:, rows] for name in _ARRAYS}
        return replace(self, part=self.part.taken(rows), **arrays)


_ARRAYS = ("difference", "positive", "probability", "decision")


def write_scores(path: Path, *tables: Scores) -> None:
    """One Parquet file, a row an image, step and finding; whole or not at all.

    Rows carry image digests and the part's numbers of patients, nothing else that could identify.
    """
    blocks = []
    for scores in tables:
        steps, images, labels = scores.difference.shape
        part = scores.part
        step, image, label = (
            grid.ravel()
            for grid in np.meshgrid(range(steps), range(images), range(labels), indexing="ij")
        )
        digests = pa.DictionaryArray.from_arrays(image.astype(np.int32), list(part.images))
        names = pa.DictionaryArray.from_arrays(label.astype(np.int32), list(scores.space.names))
        unseen = part.unseen if part.unseen is not None else np.ones(images, dtype=bool)
        blocks.append(
            pa.table(
                {
                    "part": pa.array([part.name] * len(step)).dictionary_encode(),
                    "after": step.astype(np.int32),
                    "image": digests,
                    "patient": part.patients[image],
                    "finding": names,
                    "target": part.target[image, label],
                    "known": part.known[image, label],
                    "unseen": unseen[image],
                    **{name: getattr(scores, name).ravel() for name in _ARRAYS},
                }
            )
        )
    partial = partial_path(path)
    try:
        pq.write_table(pa.concat_tables(blocks, promote_options="permissive"), partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_scores(path: Path, experiences: tuple[str, ...], space: LabelSpace) -> dict[str, Scores]:
    """The tables `write_scores` wrote, by name of the part.

    Raises:
        MissingFile: where there is none.
        UnreadableFile: where it is damaged, or does not hold those steps and findings.
    """
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise MissingFile(f"There is no file {path.name}; run the recipe again.") from None
    except (pa.ArrowException, OSError):
        raise UnreadableFile(f"{path.name} is damaged; run the recipe again.") from None
    tables = {}
    for name in table["part"].combine_chunks().unique().to_pylist():
        rows = table.filter(pa.compute.equal(table["part"], name))
        column = {
            key: rows[key].to_numpy() for key in (*_ARRAYS, "patient", "target", "known", "unseen")
        }
        shape = (len(experiences) + 1, -1, len(space))
        if len(rows) % (shape[0] * shape[2]):
            raise UnreadableFile(
                f"{path.name} does not hold {shape[0]} steps of {shape[2]} findings."
            )
        first = {key: value.reshape(shape)[0] for key, value in column.items()}
        digests = rows["image"].to_pylist()[: len(first["target"]) * len(space) : len(space)]
        unseen = first["unseen"][:, 0]
        part = Part(
            name=name,
            images=tuple(digests),
            patients=first["patient"][:, 0],
            target=first["target"],
            known=first["known"],
            unseen=None if unseen.all() else unseen,
        )
        arrays = {key: column[key].reshape(shape) for key in _ARRAYS}
        tables[name] = Scores(part=part, space=space, experiences=experiences, **arrays)
    return tables

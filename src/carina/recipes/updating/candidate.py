"""The reader that would take the old one's place: weights, rules, what learning on from it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from carina.adaptors import Readout
from carina.bundles import AnswerRule, Bundle, History, Lesson
from carina.core import Estimate, InvalidValue
from carina.learning import Learner
from carina.recipes.updating.answering import Ruled, ruled
from carina.recipes.updating.changes import unchanged
from carina.recipes.updating.gate import ALL, Gate, Measure
from carina.recipes.updating.learning_on import LearnedOn
from carina.recipes.updating.new_cells import NewCells, Read
from carina.recipes.updating.restoring import Restored
from carina.streams import Stream

__all__ = ["Candidate", "candidate_of"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A reader that is not in service yet.

    Attributes:
        learner: That learned on.
        readout: Its own.
        stream: What it learned.
        ruled: By finding that was learned, its rule now.
        rules: By finding, the rule before and the rule now.
        unchanged: Findings of which not a bit changed.
        lesson: For the bundle's lineage.
    """

    learner: Learner
    readout: Readout
    stream: Stream
    ruled: Mapping[str, Ruled]
    rules: Mapping[str, tuple[AnswerRule | None, AnswerRule | None]]
    unchanged: frozenset[str]
    lesson: Lesson

    def bundle(self, old: Bundle, found: Gate) -> Bundle:
        """It as a bundle; the AUROC its card states is what the gate found, or as before."""
        measured: dict[str, Estimate] = {
            check.finding: replace(check.new, method=f"{check.new.method}, on {check.ground}")
            for check in found.checks
            if check.group == ALL and check.measure is Measure.RANKING and check.new is not None
        }
        kept = {name: estimate for name, estimate in old.auroc.items() if name in self.unchanged}
        after = (rule for _, rule in self.rules.values())
        return replace(
            old,
            readout=self.readout,
            rules=tuple(rule for rule in after if rule is not None),
            lineage=(*old.lineage, self.lesson),
            auroc={**kept, **measured},
            single_patients=self.learner.single_patients,
        )


def candidate_of(
    bundle: Bundle,
    reader: Restored,
    read: Read,
    cells: NewCells,
    learned: LearnedOn,
    history: History,
) -> Candidate:
    """What came of learning, with rules made of held-out scores where there are enough.

    Raises:
        InvalidValue: where the strategy left nothing that predicts.
    """
    readout = learned.learner.readout
    if readout is None:
        raise InvalidValue("The strategy left nothing that predicts.")
    before = {rule.label: rule for rule in bundle.rules}
    name = f"update {history.lineage.updates + 1}"
    found: dict[str, Ruled] = {}
    for column, label in enumerate(cells.learned):
        at = read.labelled.space.index(label)
        rows = cells.learn[(read.certain[:, at] & cells.labelled.known[:, column])[cells.learn]]
        scores = learned.apart[rows, column]
        there = rows[scores == scores]
        found[label] = ruled(
            label,
            before.get(label),
            learned.learner.calibration.get(label),
            learned.apart[there, column],
            read.truth[there, at],
            when=name,
        )
    after = {**before, **{label: one.rule for label, one in found.items()}}
    rules = {label: (before.get(label), after.get(label)) for label in readout.labels}
    return Candidate(
        learner=learned.learner,
        readout=readout,
        stream=learned.stream,
        ruled=found,
        rules=rules,
        unchanged=unchanged(bundle.readout, readout, rules),
        lesson=Lesson(
            recipe=reader.recipe.name,
            strategy=type(reader.recipe.strategy).__name__,
            source=read.films.manifest.source,
            run=history.lineage.digest[:20],
            plan_id=learned.stream.plan_id,
            seed=reader.recipe.seed,
            after=1,
            experiences=(name,),
        ),
    )

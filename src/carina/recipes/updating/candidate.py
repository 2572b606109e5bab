"""The reader that would take the old one's place: weights, rules, what learning on from it needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from carina.adaptors import Readout
from carina.bundles import AnswerRule, Bundle, History, Lesson
from carina.core import Estimate, InvalidValue
from carina.learning import Learner, leaving
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
        home: The learner that learned on, as it stays here.
        left: What of it may leave, and would be in service.
        readout: That one's.
        stream: What was learned.
        ruled: By finding that was learned and would be in service anew, where its rule comes from.
        rules: By finding that would be in service, the rule before and the rule now.
        home_rules: Rules of all findings.
        unchanged: Findings of which not a bit changes in service.
        stays: Findings that learned, and stay in service as they left last, and why.
        withheld: Findings that may not leave, and why.
        lesson: For the bundle's lineage.
    """

    home: Learner
    left: Learner
    readout: Readout
    stream: Stream
    ruled: Mapping[str, Ruled]
    rules: Mapping[str, tuple[AnswerRule | None, AnswerRule | None]]
    home_rules: Mapping[str, AnswerRule | None]
    unchanged: frozenset[str]
    stays: Mapping[str, str]
    withheld: Mapping[str, str]
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
            single_patients=self.left.single_patients,
        )

    def at_home(self, served: Bundle) -> Bundle | None:
        """The reader as it stays here; None where all of it may leave."""
        if self.home is self.left or self.home.readout is None:
            return None
        return replace(
            served,
            readout=self.home.readout,
            rules=tuple(rule for rule in self.home_rules.values() if rule is not None),
            single_patients=self.home.single_patients,
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

    Args:
        bundle: In service.
        reader: Who learned.
        read: The films.
        cells: What of them was learned.
        learned: What came of it.
        history: Of the reader.

    Raises:
        InvalidValue: where the strategy left nothing that predicts.
    """
    out = leaving(learned.learner, before=reader.left)
    if out.home.readout is None or out.learner.readout is None:
        raise InvalidValue("The strategy left nothing that predicts.")
    name = f"update {history.lineage.updates + 1}"
    before = {rule.label: rule for rule in reader.home.rules}
    made = dict(_ruled(before, read, cells, learned, name))
    after = {label: before.get(label) for label in out.home.readout.labels}
    after |= {label: one.rule for label, one in made.items()}
    served = {rule.label: rule for rule in bundle.rules}
    rules = {
        label: (served.get(label), (served if label in out.unchanged else after).get(label))
        for label in out.learner.readout.labels
    }
    return Candidate(
        home=out.home,
        left=out.learner,
        readout=out.learner.readout,
        stream=learned.stream,
        ruled={
            label: one
            for label, one in made.items()
            if label in rules and label not in out.unchanged
        },
        rules=rules,
        home_rules=after,
        unchanged=unchanged(bundle.readout, out.learner.readout, rules),
        stays=out.unchanged,
        withheld=out.withheld,
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


def _ruled(
    before: Mapping[str, AnswerRule], read: Read, cells: NewCells, learned: LearnedOn, name: str
) -> Iterator[tuple[str, Ruled]]:
    """The rule of every finding that was learned."""
    for column, label in enumerate(cells.learned):
        at = read.labelled.space.index(label)
        certain = read.certain[:, at] & cells.labelled.known[:, column]
        rows = cells.learn[certain[cells.learn] & ~np.isnan(learned.apart[cells.learn, column])]
        yield (
            label,
            ruled(
                label,
                before.get(label),
                learned.learner.calibration.get(label),
                learned.apart[rows, column],
                read.truth[rows, at],
                when=name,
            ),
        )

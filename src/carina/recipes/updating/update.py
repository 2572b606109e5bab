"""A reader in service learns on, is tested, and takes the old one's place where it passes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from carina.bundles import (
    Bundle,
    History,
    Opened,
    begin_history,
    commit,
    history_folder,
    open_history,
    read_bundle,
    read_state,
)
from carina.encoders import ImageEncoder
from carina.features import Store
from carina.recipes.passes import Progress
from carina.recipes.threads import one_thread
from carina.recipes.updating.candidate import Candidate, candidate_of
from carina.recipes.updating.dossier import Dossier
from carina.recipes.updating.films import Films, read_films
from carina.recipes.updating.gate import Gate, Outcome, Trial, gate
from carina.recipes.updating.learning_on import LearnedOn, learn_on
from carina.recipes.updating.locked_set import registered
from carina.recipes.updating.new_cells import NewCells, Read, new_cells, read_labels
from carina.recipes.updating.prompting import prompts_of
from carina.recipes.updating.protocol import UpdateProtocol
from carina.recipes.updating.putting_down import Case, put_down
from carina.recipes.updating.restoring import Restored, at_home, restored
from carina.recipes.updating.trials import locked_trial, new_trial
from carina.studies import Manifest

__all__ = ["decide", "update"]


def update(
    folder: Path,
    data: Manifest,
    store: Store | None,
    load: Callable[[], tuple[ImageEncoder, ...]],
    *,
    locked: Manifest | None = None,
    protocol: UpdateProtocol | None = None,
    check_input: bool = True,
) -> Iterator[Progress | Dossier]:
    """Let the reader of a bundle learn what is new in data; last comes the dossier.

    The reader is tested before it takes the old one's place, and the old one stays where the test
    fails or, but for another policy, cannot tell. A history that is not there is begun.

    Args:
        folder: The bundle's.
        data: The new films and labels.
        store: Where their features are, or are put; None keeps them in the history while they are
            needed, and no longer.
        load: Loads the bundle's image encoders.
        locked: The locked test set, whose patients never teach.
        protocol: By which rules; the default ones where none is given.
        check_input: Whether films that are out of scope are set aside.

    Raises:
        InvalidValue: where the bundle has no update state, there is nothing to learn, or the
            locked set is missing or not apart from what taught the reader.
        Mismatch: where the history is of another bundle, or the locked set another.
        MissingFile, UnreadableFile: where bundle or history is missing, damaged or in use.
    """
    bundle = read_bundle(folder)
    restored(bundle, read_state(folder))  # says at once where nothing can be learned
    if not history_folder(folder).exists():
        begin_history(folder, None)
    with open_history(folder) as history:
        history.check_serving()
        bundle, reader = read_bundle(folder), at_home(history, history.lineage.serving)
        kept = Store(history.staged / "features") if store is None else store
        found: list[Films] = []
        for manifest in (data, *([locked] if locked is not None else [])):
            for event in read_films(manifest, kept, bundle, load, check_input=check_input):
                if isinstance(event, Films):
                    found.append(event)
                else:
                    yield event
        with one_thread():
            yield from decide(
                history,
                bundle,
                reader,
                found[0],
                locked=found[1] if locked is not None else None,
                protocol=protocol or UpdateProtocol(),
            )


def decide(
    history: History,
    bundle: Bundle,
    reader: Restored,
    films: Films,
    *,
    locked: Films | None,
    protocol: UpdateProtocol,
) -> Iterator[Progress | Dossier]:
    """Learn from films with features, test, put down, and replace the reader or not.

    Args:
        history: The reader's, held.
        bundle: What is in service.
        reader: Its learner and recipe.
        films: The new ones.
        locked: Those of the locked test set.
        protocol: By which rules.
    """
    read = read_labels(films, reader.recipe, bundle.labels)
    test = None if locked is None else read_labels(locked, reader.recipe, bundle.labels)
    history = registered(history, test, protocol)
    cells = new_cells(read, history=history, recipe=reader.recipe, locked=test, protocol=protocol)
    case = Case(
        history=history, bundle=bundle, reader=reader, read=read, cells=cells, protocol=protocol
    )
    if not cells.learned:
        yield put_down(case, None, Gate(), (), Outcome.PENDING)
        return
    prompts = prompts_of(bundle, protocol.prompts or reader.recipe.prompts, cells.learned)
    cells = replace(cells, labelled=replace(cells.labelled, prompts=prompts))
    learned: LearnedOn | None = None
    for event in learn_on(reader, cells, digest=films.digest):
        if isinstance(event, LearnedOn):
            learned = event
        else:
            yield event
    assert learned is not None  # noqa: S101 - learn_on ends with it
    new = candidate_of(bundle, reader, read, cells, learned, history)
    if test is not None:  # counted before it is looked at
        opened = Opened(locked=test.films.digest, update=history.lineage.updates + 1)
        history = commit(history, opened)
    trials = _trials(read, test, cells, learned, bundle, new, protocol)
    found = gate(
        new.readout.labels,
        unchanged=new.unchanged,
        known_before=bundle.labels,
        stated=bundle.auroc,
        trials=trials,
        protocol=protocol,
    )
    yield put_down(replace(case, history=history, cells=cells), new, found, trials, found.outcome)


def _trials(
    read: Read,
    locked: Read | None,
    cells: NewCells,
    learned: LearnedOn,
    bundle: Bundle,
    new: Candidate,
    protocol: UpdateProtocol,
) -> tuple[Trial, ...]:
    """The locked set goes before the new films."""
    fresh = new_trial(
        read,
        cells,
        learned,
        bundle.readout,
        new.readout,
        new.rules,
        new.ruled,
        protocol.groups,
    )
    if locked is None:
        return (fresh,)
    fixed = locked_trial(locked, bundle.readout, new.readout, new.rules, protocol.groups)
    return (fixed, fresh)

"""``carina bundle``."""

from pathlib import Path

from carina.bundles import begin_history, check_no_history, write_bundle
from carina.cli.runs import run_folder
from carina.cli.terminal import note
from carina.recipes import bundle_of, home_of, taught_in

__all__ = ["bundle"]


def bundle(run: Path, *, out: Path, after: int | None = None, updatable: bool = False) -> None:
    """Pack all that predicting needs, and no more: the readout, its calibration, its card.

    Args:
        run: A run's folder, or a folder that holds just one.
        out: Folder of the bundle; a bundle that is there is replaced.
        after: After how many experiences of the run; all of them by default.
        updatable: Also pack what learning on needs, such as sums over patients, and begin a
            history beside the bundle; findings with fewer than 10 positive or 10 negative patients
            are then left out of the bundle.
    """
    folder = run_folder(run)
    check_no_history(out)
    packed, state = bundle_of(folder, after=after, updatable=updatable)
    write_bundle(out, packed, state=state)
    if state is not None:
        begin_history(out, taught_in(folder), home=home_of(folder))
    missing = len(packed.labels) - len(packed.rules)
    note(
        f"Bundle {packed.fingerprint}: {len(packed.labels)} finding(s), {len(packed.rules)} "
        f"calibrated{f', {missing} with a score only' if missing else ''}, "
        f"{sum(packed.bytes.values()):,} bytes."
    )
    if state is not None:
        fewest = state.fewest_patients
        note(
            f"Update state: {sum(state.bytes.values()):,} bytes"
            + (f", sums of {fewest} patient(s) or more." if fewest is not None else ".")
        )
        for label, why in state.withheld.items():
            note(f"Withheld: {label}: {why}.")
        if state.single_patients:
            note("It may hold traces of single patients: keep it where the films are.")
    note(f"Bundle: {out}\nCard:   {out / 'card.md'}")

"""``carina forget``."""

from pathlib import Path

from carina.cli.terminal import note
from carina.features import Store
from carina.features import forget as take_out

__all__ = ["forget"]


def forget(*, patient: str, store: Path) -> None:
    """Take a patient's rows out of a feature store, and keep them out.

    Args:
        patient: The identifier, as the data's table has it.
        store: The store's folder.
    """
    gone = take_out(Store(store), patient)
    if gone.before and not gone.rows:
        note("The patient was forgotten before; nothing of theirs is here.")
        return
    note(
        f"{gone.rows} row(s) of {gone.images} image(s) removed from {gone.segments} segment(s). "
        "A later encode sets this patient's rows aside."
    )
    if gone.shared:
        note(
            f"{gone.shared} of the images stood under another patient too; encode again for theirs."
        )
    note(
        "Runs and bundles made before are as they were: their cards say what they carry. Images "
        "and tables are not carina's; remove the patient there too."
    )

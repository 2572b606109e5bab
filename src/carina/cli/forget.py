"""``carina forget``."""

from pathlib import Path

from carina.cli.terminal import note
from carina.core import ConfigError
from carina.features import Store
from carina.features import forget as take_out_of_store
from carina.recipes import take_out
from carina.studies import read_data

__all__ = ["forget"]

_AGAIN = (
    "If one learned from this patient's films and reports, pre-train it again, which leaves out "
    "whom the store forgot: carina pretrain DATA --recipe RECIPE --store STORE --out OUT."
)


def forget(
    *,
    patient: str,
    store: Path,
    bundle: Path | None = None,
    data: Path | None = None,
    mapping: Path | None = None,
) -> None:
    """Take a patient's rows out of a feature store, and keep them out.

    With a bundle, what the patient taught is first taken back from the reader in service and from
    every version in its history, which takes the patient's films and labels as they were. An Adaptor
    that was pre-trained on the patient's pairs is left as it is: pre-train again for one without.

    Args:
        patient: The identifier, as the data's table has it.
        store: The store's folder.
        bundle: The bundle's folder, made with --updatable; its history lies beside it.
        data: Folder, or table, of the patient's films and labels; with a bundle.
        mapping: TOML that names the columns of the data's table.
    """
    if (bundle is None) != (data is None):
        raise ConfigError(
            "Taking a patient out of a reader takes both: --bundle, and --data with the films and "
            "labels that taught it."
        )
    if bundle is not None and data is not None:
        _from_reader(bundle, patient, data, mapping, store)
    gone = take_out_of_store(Store(store), patient)
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
    others = "Other bundles" if bundle is not None else "Runs and bundles"
    note(
        f"{others} made before are as they were: their cards say what they carry. Images and tables "
        "are not carina's; remove the patient there too."
    )
    note(f"Pre-trained Adaptors are as they were, too. {_AGAIN}")


def _from_reader(bundle: Path, patient: str, data: Path, mapping: Path | None, store: Path) -> None:
    out = take_out(bundle, patient, read_data(data, mapping), Store(store))
    if out.before:
        note("The patient was taken out of the reader before.")
        _tell_beneath(out.pretrained_on)
        return
    freed = ", ".join(map(str, out.freed))
    note(f"What {out.films} film(s) of the patient taught was taken back from version(s) {freed}.")
    if out.removed:
        note(
            f"Removed, for they could not be freed: version(s) {', '.join(map(str, out.removed))}."
        )
    if out.first_unknown:
        note("What taught version 1 is not known to the history: it may hold the patient still.")
    note("A copy of an earlier version outside the history still holds the patient.")
    _tell_beneath(out.pretrained_on)


def _tell_beneath(patients: int | None) -> None:
    """That an Adaptor is not freed; which patients it learned from it does not know."""
    if patients is not None:
        note(
            f"The reader stands on a frozen Adaptor, pre-trained on pairs of {patients} patients, "
            "which is as it was: if this patient was one of them, the reader is not free of what "
            "their pairs taught. Next: pre-train again, run the recipe over the new Adaptor, and "
            "bundle that run."
        )

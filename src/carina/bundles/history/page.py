"""A lineage for people to read."""

from carina.bundles.history.lineage import (
    Began,
    Event,
    Forgot,
    Lineage,
    Locked,
    Opened,
    RolledBack,
    Updated,
)

__all__ = ["history_page"]


def history_page(lineage: Lineage) -> str:
    """Markdown: what became of the reader, first to last, and which version is in service."""
    kept = ", ".join(map(str, lineage.versions))
    rows = [f"| {entry.when} | {_told(entry.event)} |" for entry in lineage.entries]
    return "\n".join(
        [
            "# History of a reader",
            "",
            f"In service: version {lineage.serving}. Kept: {kept}.",
            "",
            "| when (UTC) | what |",
            "| --- | --- |",
            *rows,
            "",
            f"The digest of the lineage is {lineage.digest}.",
            "",
        ]
    )


def _told(event: Event) -> str:
    match event:
        case Began(films=None):
            return "Begun with version 1; what taught it is not known here."
        case Began(films=films, patients=patients):
            return f"Begun with version 1, taught by {films} films of {patients} patients."
        case Locked(locked=locked, films=films, patients=patients, why=why):
            because = f" It takes the place of another: {why}" if why else ""
            return (
                f"Locked test set {locked} registered: {films} films of {patients} patients."
                f"{because}"
            )
        case Opened(locked=locked, update=update):
            return f"Locked test set {locked} opened for update {update}."
        case Updated(version=None):
            return (
                f"Update {event.update} of version {event.parent}: {event.outcome}; the reader was "
                "not replaced."
            )
        case Updated():
            return (
                f"Update {event.update} of version {event.parent}: {event.outcome}; version "
                f"{event.version} is in service, taught by {event.films} more films of "
                f"{event.patients} patients."
            )
        case RolledBack(version=version):
            return f"Rolled back: version {version} is in service."
        case Forgot(freed=freed, removed=removed):
            gone = f"; removed: {', '.join(map(str, removed))}" if removed else ""
            return f"A patient was taken out of version(s) {', '.join(freed) or 'none'}{gone}."

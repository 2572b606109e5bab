"""The card of a probe: what heads answer on frozen features, from ever fewer labels."""

from collections.abc import Iterator
from pathlib import Path

from carina.core import read_json, write_text
from carina.evaluation import ProbeResults

__all__ = ["probe_rows", "write_probe_card"]

_UNSEEN = "No encoder's card names any of these films among what its weights have seen."


def probe_rows(results: ProbeResults) -> Iterator[list[str]]:
    """A header, then a row for each share: how much it holds, and the means over the headline.

    Where findings exclude each other, the share of films classed right stands last.
    """
    classed = [share.accuracy is not None for share in results.shares]
    header = ["share", "patients", "films", "draws", "AUROC", "AP"]
    yield header + ["accuracy"] * any(classed)
    for share in results.shares:
        yield [
            f"{share.share:.3g}",
            str(share.patients),
            f"{share.films:.0f}",
            str(share.draws),
            str(share.means["auroc"]),
            str(share.means["average_precision"]),
            *([] if share.accuracy is None else [str(share.accuracy)]),
        ]


def write_probe_card(folder: Path) -> Path:
    """Write ``card.md`` into a probe's folder.

    Args:
        folder: A finished probe's.

    Raises:
        MissingFile, ConfigError: where the folder holds no finished probe.
    """
    results = read_json(folder / "probe.json", ProbeResults)
    shares = [f"{share.share:.3g}" for share in results.shares]
    findings = (
        [name, *(str(share.findings[name]) for share in results.shares)]
        for name in results.shares[0].findings
    )
    measured = (
        f"Means are over {', '.join(results.headline)}. Brackets are 95 % over patients and draws of "
        "the shares, of accuracy over patients alone."
    )
    asked = (
        f"Asked about {results.test_films} films of {results.test_patients} patients; heads stopped "
        f"by {results.validation_films} others."
    )
    through = f", and so is what they pass, {results.adaptor}" if results.adaptor else ""
    are = "are" if len(results.encoders) > 1 else "is"
    kept = (
        f"{' + '.join(results.encoders)} {are} frozen{through}; a head has {results.trainable:,} "
        f"parameters over {results.dim} numbers. No film is kept; the answers to each stand in "
        "scores.parquet, under its digest."
    )
    seen = [f"{name} has seen: {what}." for name, what in results.exposed.items()]
    parts = [
        f"# {results.name}",
        "Research use only, not for diagnosis.",
        asked,
        _table(*probe_rows(results)),
        measured,
        "AUROC by finding and share:",
        _table(["finding", *shares], *findings),
        kept,
        f"Scores are too good: {results.leaks}." if results.leaks else "",
        "\n".join(seen) or _UNSEEN,
        f"Data: {results.source}. Run: {results.run}.",
    ]
    card = folder / "card.md"
    write_text(card, "\n\n".join(filter(None, parts)) + "\n")
    return card


def _table(header: list[str], *rows: list[str]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))

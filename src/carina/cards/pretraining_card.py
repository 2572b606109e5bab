"""The card of a pre-training: what an Adaptor learned, and what it finds on unseen patients."""

from pathlib import Path

from carina.core import read_json, write_text
from carina.evaluation import Direction, PretrainingResults

__all__ = ["write_pretraining_card"]


def write_pretraining_card(folder: Path) -> Path:
    """Write ``card.md`` into a pre-training's folder.

    Args:
        folder: A finished pre-training's.

    Raises:
        MissingFile, ConfigError: where the folder holds no finished pre-training.
    """
    results = read_json(folder / "pretraining.json", PretrainingResults)
    found = results.retrieval
    depths = sorted(found.text_to_image.recall, key=int)
    ways = {"report to film": found.text_to_image, "film to report": found.image_to_text}
    rows = [_found(name, way) for name, way in ways.items()]
    rows += [_by_chance(f"{name}, at random", way) for name, way in ways.items()]
    if results.oracle is not None:
        rows.append(_found("report to film, by the labels", results.oracle.text_to_image))
        rows.append(_found("film to report, by the labels", results.oracle.image_to_text))
    header = ["", *(f"R@{depth}" for depth in depths), "median rank"]
    learned = (
        f"Both encoders are frozen; {results.learned:,} numbers were learned from {results.pairs[0]} "
        f"pairs of {results.patients} patients, and {results.pairs[1]} pairs of others told when to "
        "stop. Of the pairs nothing is kept."
    )
    asked = (
        "Retrieval among all films and reports of the patients judged, each different report asked "
        "once. Brackets are 95 % by resampled patients."
    )
    aside = [f"- {count} film(s) {why}" for why, count in results.left_out.items()]
    parts = [
        f"# {results.name}",
        "Research use only, not for diagnosis.",
        "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)),
        asked,
        learned,
        "\n".join(["Left out:", *aside]) if aside else "",
        f"Run: {results.run}.",
    ]
    card = folder / "card.md"
    write_text(card, "\n\n".join(filter(None, parts)) + "\n")
    return card


def _found(name: str, way: Direction) -> list[str]:
    depths = sorted(way.recall, key=int)
    shares = [str(way.recall[depth]) for depth in depths]
    return [name, *shares, f"{way.median_rank} of {way.searched}"]


def _by_chance(name: str, way: Direction) -> list[str]:
    depths = sorted(way.recall, key=int)
    shares = [f"{way.chance[depth]:.3f}" for depth in depths]
    return [name, *shares, f"{way.chance_rank:.1f} of {way.searched}"]

"""The card of a segmentation: scores beside those of predictors that look at no film."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from carina.core import write_bytes, write_text
from carina.evaluation import DECODER, MASK_SCORES, MaskResults, ShareMean, read_mask_results

__all__ = ["mask_rows", "write_mask_card"]

_KEPT = {
    False: "No film, mask or row of a patient is kept.",
    True: "But for the films shown below, no film, mask or row of a patient is kept.",
}
_UNSEEN = "The encoder's card names none of these films among what its weights have seen."


def mask_rows(results: MaskResults) -> Iterator[list[str]]:
    """A row for each share and predictor: share, films, predictor, then each of `MASK_SCORES`.

    One draw stands with its interval by patient, several as mean, standard deviation between
    draws, and how many.
    """
    pairs = dict.fromkeys((one.share, one.predictor) for one in results.lines)
    for share, predictor in sorted(pairs, key=lambda pair: (pair[0], pair[1] != DECODER)):
        lines = [one for one in results.lines if (one.share, one.predictor) == (share, predictor)]
        told = results.over_draws(predictor, share)
        cells = [
            str(lines[0].scores[name]) if len(lines) == 1 else _over(told[name], len(lines))
            for name in MASK_SCORES
        ]
        yield [f"{share:.0%}", str(lines[0].films), predictor, *cells]


def write_mask_card(folder: Path, pictures: Mapping[str, bytes] | None = None) -> Path:
    """Write ``card.md`` into a segmentation's folder, and the pictures it shows.

    Args:
        folder: A finished segmentation's.
        pictures: What a picture shows -> its PNG; where films are patients', for who asked.

    Raises:
        MissingFile, ConfigError, Mismatch: where the folder holds no finished segmentation.
    """
    results = read_mask_results(folder / "segmentation.json")
    header = ["share", "films", "predictor", *MASK_SCORES]
    table = [header, ["---"] * len(header), *mask_rows(results)]
    aside = [f"- {count} x {reason}" for reason, count in results.set_aside.items()]
    judged = (
        f"Judged on {results.judged} films of {results.patients} patients ({results.judged_on}), "
        f"{results.positive} of them with the structure, as masks of {results.size} x "
        f"{results.size} pixels."
    )
    measured = (
        f"dice_positive and iou_positive are over images with the structure; {results.empty_masks}. "
        f"Distances are in {results.spacing}, over images on which both masks have a pixel. "
        "Brackets are 95 % by resampled patients, ± the standard deviation between draws of a share. "
        "all-empty draws nothing; mean-mask draws what is inside on half of the films learned from."
    )
    through = f", and so is what its cells pass, {results.adaptor}" if results.adaptor else ""
    kept = (
        f"The encoder is frozen{through}; {results.trainable:,} parameters were taught, kept in "
        f"{results.decoder_bytes:,} bytes. {_KEPT[bool(pictures)]}"
    )
    parts = [
        f"# {results.structure} drawn over {results.encoder}",
        "Research use only, not for diagnosis.",
        judged,
        "\n".join(f"| {' | '.join(row)} |" for row in table),
        measured,
        kept,
        f"Scores are too good: {results.leaks}." if results.leaks else "",
        f"The encoder has seen: {results.exposure}." if results.exposure else _UNSEEN,
        "\n".join(["Masks set aside:", *aside]) if aside else "",
        _shown(folder, pictures or {}),
        f"Data: {results.source}. Recipe: {results.recipe}. Run: {results.run}.",
    ]
    card = folder / "card.md"
    write_text(card, "\n\n".join(filter(None, parts)) + "\n")
    return card


def _shown(folder: Path, pictures: Mapping[str, bytes]) -> str:
    """The pictures, written beside the card, in Markdown."""
    told = []
    for number, (what, picture) in enumerate(pictures.items(), start=1):
        name = f"outlines-{number}.png"
        write_bytes(folder / name, picture)
        told.append(f"![{what}]({name}) {what}")
    if told:
        told.insert(0, "Outlines on films judged, the decoder's in orange over the true in blue:")
    return "\n\n".join(told)


def _over(score: ShareMean, draws: int) -> str:
    if score.mean is None:
        return "undefined"
    spread = "" if score.deviation is None else f" ± {score.deviation:.3f}"
    return f"{score.mean:.3f}{spread} ({score.draws} of {draws})"

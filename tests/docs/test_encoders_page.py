"""The page of encoders lists what there is, and how nearly each gives upstream's numbers."""

from pathlib import Path

from carina.encoders import EncoderInfo, ShelfInfo, listing, shelves

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "encoders.md"
INTRODUCTION = """\
# Encoders

All are frozen, and run without torchvision unless their package brings it.
`carina encoders` says which are here, [Use your own encoder](../how-to/use-your-own-encoder.md) how to name their weights.

*Against upstream* is the largest difference from what upstream's own code computes, in units of the standard deviation of its output, float32, weights drawn by the names of upstream's tensors; measured by `make inputs` and `make extras`, see [the results](../results.md).
No published weights could be fetched where these figures were made: that a release's own file loads is held by upstream's names and shapes alone.

This page is made by `python tests/docs/test_encoders_page.py`.
"""
GOLDEN, SMALL, EXTRA = "golden of its own code", "transformers, small models", "its package"
AGAINST = {
    "biovil-image": (GOLDEN, "4.6e-06"),
    "biovil-image-512": (GOLDEN, "as biovil-image, at another size"),
    "biovil-text": (GOLDEN, "2.2e-06"),
    "biovil-t-image": (GOLDEN, "6.7e-06"),
    "biovil-t-text": (GOLDEN, "as biovil-text"),
    "cxr-bert-general": (GOLDEN, "as biovil-text, unprojected"),
    "chexzero-image": (GOLDEN, "2.9e-06"),
    "chexzero-text": (GOLDEN, "3.8e-06"),
    "clip-openai-image": (GOLDEN, "2.9e-06"),
    "clip-openai-text": (GOLDEN, "3.8e-06"),
    "resnet-ae": (GOLDEN, "6.7e-06"),
    "rad-dino": (SMALL, "0"),
    "dinov2-base": (SMALL, "0"),
    "medsiglip-image": (SMALL, "0"),
    "medsiglip-text": (SMALL, "4.5e-07"),
    "bert-base": (SMALL, "0"),
    "biobert": (SMALL, "0"),
    "clinicalbert": (SMALL, "0"),
    "pubmedbert": (SMALL, "0"),
    "medclip-image": ("its layers, written again", "below 1e-04"),
    "medclip-text": ("its layers, written again", "below 1e-04"),
    "cxr-clip-image": ("its layers, written again", "below 1e-04"),
    "cxr-clip-text": ("its layers, written again", "below 1e-04"),
    "medclip-resnet-image": ("its layers, written again", "below 1e-04"),
    "medclip-resnet-text": ("its layers, written again", "below 1e-04"),
    "cxr-clip-resnet-image": ("its layers, written again", "below 1e-04"),
    "cxr-clip-resnet-text": ("its layers, written again", "below 1e-04"),
    "biomedclip-image": (EXTRA, "0"),
    "biomedclip-text": (EXTRA, "3.5e-06"),
    "timm": (EXTRA, "0"),
    "open-clip-image": (EXTRA, "0"),
    "open-clip-text": (EXTRA, "2.6e-06"),
    "xrv": (EXTRA, "0"),
    "dinov2": (SMALL, "0"),
    "siglip": (SMALL, "4.0e-07"),
    "clip": (SMALL, "5.6e-07"),
    "bert": (SMALL, "0"),
}
OWN = {
    *("efficientnet-lite0", "mobilenet-cxr14", "minilm-l6", "toy-image", "toy-text"),
    *("embeddings", "embeddings-text", "pyramid"),
}
"""Packaged or brought: their tests compare with the package, the layers or nothing at all."""


def page() -> str:
    """The introduction, a table of encoders and one of kinds."""
    lines = [
        INTRODUCTION,
        "| encoder | reads | width | licence | may be used for | has seen | against upstream |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *map(row, listing()),
        "",
        "## Kinds, named after a colon",
        "",
        "| kind | name it as | may be used for | against upstream |",
        "| --- | --- | --- | --- |",
        *map(kind_row, shelves()),
    ]
    return "\n".join(lines) + "\n"


def row(info: EncoderInfo) -> str:
    card = info.card
    seen = ", ".join(exposure.source for exposure in card.exposed_to)
    cells = (f"`{card.name}`", card.modality, str(card.dim), card.licence, info.use, seen)
    return "| " + " | ".join((*cells, against(card.name))) + " |"


def kind_row(kind: ShelfInfo) -> str:
    prefix = prefix_of(kind)
    return "| " + " | ".join((f"`{prefix}:`", kind.argument, kind.use, against(prefix))) + " |"


def prefix_of(kind: ShelfInfo) -> str:
    return kind.name.partition(":")[0]


def against(name: str) -> str:
    return ": ".join(AGAINST[name]) if name in AGAINST else ""


def test_the_page_lists_every_encoder_there_is() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "Encoders have changed; rewrite their page: python tests/docs/test_encoders_page.py"
    )


def test_every_encoder_says_against_what_it_was_held() -> None:
    names = {info.card.name for info in listing()} | {prefix_of(kind) for kind in shelves()}

    assert names - OWN == set(AGAINST)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""Features computed elsewhere, for whoever has no model at hand: ``embeddings:NAME``.

NAME is the user's for whatever made the features. carina takes it at its word: files under one NAME
and of one width are of one encoder, and images and texts under one NAME are of one space.
"""

import re
from dataclasses import replace
from pathlib import Path

from carina.core import InvalidValue, fingerprint
from carina.encoders.card import FROM_FILE, UNKNOWN_SOURCE, EncoderCard, Exposure
from carina.encoders.family import SHELVES, Family, Shelf
from carina.encoders.given import GivenImages, GivenTexts, read_given

__all__ = ["IMAGES", "TEXTS"]

_NAME = re.compile(r"[\w.-]{1,64}")


def _images(name: str) -> Family:
    return _family("embeddings", "image", name)


def _texts(name: str) -> Family:
    return _family("embeddings-text", "text", name)


def _family(shelf: str, modality: str, name: str) -> Family:
    if not _NAME.fullmatch(name):
        raise InvalidValue(
            f"What stands after {shelf}: is your name for what made the features: up to 64 "
            "letters, digits, dots, dashes and underscores."
        )

    def build(card: EncoderCard, features: Path | None) -> GivenImages | GivenTexts:
        assert features is not None  # noqa: S101 - Family.load has asked for them
        given = read_given(features, modality, who=card.name)
        width = given.values.shape[1]
        card = replace(
            card,
            dim=width,
            weights=fingerprint({"embeddings": name, "width": width}),
            space=f"embeddings-{name}-{width}",
        )
        if modality == "image":
            return GivenImages(card=card, features=given)
        if given.names is None:
            raise InvalidValue(
                f"{card.name} finds its rows by text: wanted Parquet or CSV with a column text, "
                f"got {features.name}."
            )
        return GivenTexts(card=card, features=given)

    return Family(
        card=EncoderCard(
            name=f"{shelf}:{name}",
            modality=modality,
            revision="own features",
            recipe_version=1,
            weights="",
            dim=1,  # until a file is read
            batch=1,
            engine=FROM_FILE,
            licence="that of the model that made them",
            exposed_to=(
                Exposure(
                    source=UNKNOWN_SOURCE,
                    what="features from a file of the user's; what their model has seen is not "
                    "known",
                ),
            ),
        ),
        build=build,
        weights="required",
    )


IMAGES = SHELVES.register("embeddings")(
    Shelf(
        argument="your name for the model that made the features in --weights FEATURES.npy or "
        ".parquet",
        named=_images,
        use="as the licence of the model that made them says",
    )
)

TEXTS = SHELVES.register("embeddings-text")(
    Shelf(
        argument="your name for the model that made the features in a .parquet with a column text",
        named=_texts,
        use="as the licence of the model that made them says",
    )
)

"""An Adaptor for benchmarks: a named recipe over the films of a manifest, pre-trained where it is not yet."""

from pathlib import Path

from carina.encoders import load_image_encoder, load_text_encoder
from carina.features import Store, encode, encode_reports
from carina.recipes import PretrainingDone, find_pretraining, prepare_pairs, run_pretraining
from carina.studies import Manifest

__all__ = ["pretrained"]


def pretrained(name: str, manifest: Manifest, work: Path) -> Path:
    """The Adaptor's folder; store and pre-trainings are in the work folder.

    Args:
        name: Of the recipe.
        manifest: Films with reports.
        work: Where everything is kept.
    """
    recipe, store = find_pretraining(name), Store(work / "store")
    for _ in encode(manifest, load_image_encoder(recipe.image_encoder), store):
        pass
    for _ in encode_reports(manifest, load_text_encoder(recipe.text_encoder), store):
        pass
    with prepare_pairs(recipe, manifest, store) as pairs:
        *_, last = run_pretraining(recipe, pairs, work / "pretrainings")
    assert isinstance(last, PretrainingDone)
    return last.folder / "adaptor"

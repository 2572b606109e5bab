"""A finished run, and the films it was asked about."""

from dataclasses import dataclass
from pathlib import Path

from carina.evaluation import Results
from carina.features import Store, image_digests
from carina.recipes import Continual, Finished, prepare, run
from carina.studies import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A finished run and what it ran on: the file of each film by its digest."""

    folder: Path
    results: Results
    films: dict[str, Path]


def finished(recipe: Continual, manifest: Manifest, store: Store, out: Path) -> Ran:
    """Run a recipe to its end."""
    *_, last = run(recipe, prepare(recipe, manifest, store), out)
    assert isinstance(last, Finished)
    films = {
        digest: manifest.root / name
        for digest, name in zip(image_digests(manifest, store), manifest.image, strict=True)
        if digest is not None
    }
    return Ran(folder=last.folder, results=last.results, films=films)

"""Where a structure was marked on the films of a manifest: masks as pictures, boxes, run lengths."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Bool, Int

from carina.core import ConfigError, ManifestError, Mismatch, MissingFile, unknown
from carina.studies.findings import canonical
from carina.studies.labels import Presence
from carina.studies.manifest import Manifest
from carina.studies.pixels import read_image
from carina.studies.regions import Region, read_boxes
from carina.studies.sources.source import SOURCES

__all__ = ["Marks", "find_marks"]

_LATERAL = (
    "a lateral view, and masks are of frontal films. Take its mask out, or mend the view in the "
    "table."
)
_EMPTY: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The films on which somebody said where a structure is, and where to read it.

    A film whose label says that the finding is absent counts as marked with an empty mask, and so
    does one without a region in a data set that marked all of its films. A film of which nobody said
    anything is in neither mapping: it is left out, not taken for empty.

    Attributes:
        structure: What is marked.
        drawn: Row of the manifest -> file of its mask, or its regions; no region: an empty mask.
        set_aside: Row of the manifest -> why its mask is not used.
        drawn_on: Rows and columns of the images that regions were drawn on; None where each was
            drawn on its own film as it is.
    """

    structure: str
    drawn: Mapping[int, Path | tuple[Region, ...]]
    set_aside: Mapping[int, str]
    drawn_on: tuple[int, int] | None = None

    @property
    def rows(self) -> Int[np.ndarray, " rows"]:
        """Rows of the manifest that have a mask, in order."""
        return np.array(sorted(self.drawn), dtype=np.int64)

    def only(self, rows: Int[np.ndarray, " some"]) -> "Marks":
        """The marks of some rows of the manifest."""
        wanted = set(rows.tolist())
        return replace(self, drawn={row: one for row, one in self.drawn.items() if row in wanted})

    def mask(self, row: int, rows: int, cols: int) -> Bool[np.ndarray, "{rows} {cols}"]:
        """The mask of a film; several regions are one mask, boxes are filled.

        Args:
            row: Of the manifest.
            rows: Of the film as it is read.
            cols: Likewise.

        Raises:
            Mismatch: where the mask was drawn on an image of another size.
            MissingFile, UnreadableFile: where its file cannot be read.
        """
        drawn = self.drawn[row]
        if isinstance(drawn, Path):
            mask: np.ndarray = read_image(drawn).pixels >= 0.5
            _must_fit(mask.shape, (rows, cols))
            return mask
        if drawn and self.drawn_on is not None:
            _must_fit(self.drawn_on, (rows, cols))
        mask = np.zeros((rows, cols), dtype=np.bool_)
        for region in drawn:
            mask |= region.decode(rows, cols)
        return mask


def find_marks(manifest: Manifest, structure: str, where: Path | None = None) -> Marks:
    """Which films have a mask of a structure.

    Args:
        manifest: The films.
        structure: What is marked: a finding by any of its names, or an organ as its files are
            named.
        where: A folder of PNG masks, each named as its film (``FILM.png``) or as film and
            structure (``FILM-lungs.png``), white where it is; or a table of boxes, see
            `read_boxes`. None for what the published data set holds itself.

    Raises:
        ConfigError: where nothing was named and the data set holds no masks.
        MissingFile: where there is no such folder or table, or no file in it is of a film.
        UnknownName: where no region marks it, with what is marked.
        ManifestError: where two films would have one mask.
    """
    drawn_on = None
    if where is None:
        drawn, drawn_on = _of_source(manifest, structure)
    elif where.is_dir():
        drawn = _of_folder(manifest, structure, where)
    else:
        drawn = _of_regions(manifest, structure, read_boxes(where))
    lateral = {row for row, view in enumerate(manifest.view) if view == "LATERAL"}
    aside = {row: _LATERAL for row in sorted(drawn) if row in lateral}
    kept = {row: one for row, one in drawn.items() if row not in lateral}
    without = {row: _EMPTY for row in _absent(manifest, structure) if row not in lateral}
    return Marks(
        structure=structure,
        drawn={**without, **kept},
        set_aside=aside,
        drawn_on=drawn_on,
    )


def _absent(manifest: Manifest, structure: str) -> list[int]:
    """Rows whose label says that the structure, where it is a finding, is not there."""
    name = canonical(structure)
    names = [canonical(one) for one in manifest.space.names]
    if name not in names:
        return []
    said = manifest.labels[:, names.index(name)]
    return [int(row) for row in np.flatnonzero(said == Presence.ABSENT)]


def _of_source(
    manifest: Manifest, structure: str
) -> tuple[dict[int, Path | tuple[Region, ...]], tuple[int, int] | None]:
    known = manifest.source in SOURCES
    if not known or (regions := SOURCES[manifest.source].regions) is None:
        raise ConfigError(
            f"The data set {manifest.source or 'of this folder'} holds no masks of its own. Name a "
            "folder of PNG masks or a table of boxes: --masks PATH."
        )
    source = SOURCES[manifest.source]
    drawn = _of_regions(manifest, structure, regions(manifest.root))
    if source.marks_all:
        drawn = {row: drawn.get(row, _EMPTY) for row in range(len(manifest))}
    return drawn, source.drawn_on


def _of_folder(
    manifest: Manifest, structure: str, folder: Path
) -> dict[int, Path | tuple[Region, ...]]:
    there = {path.stem: path for path in sorted(folder.glob("*.png"))}
    slug = structure.strip().lower().replace(" ", "_")
    row_of = _by_name((PurePosixPath(name).stem for name in manifest.image), manifest)
    found: dict[int, Path | tuple[Region, ...]] = {}
    for stem, row in row_of.items():
        path = there.get(f"{stem}-{slug}") or there.get(stem)
        if path is not None:
            found[row] = path
    if not found:
        raise MissingFile(
            f"None of the {len(there)} PNG file(s) in {folder.name!r} is named as a film of the "
            f"data; wanted FILM.png or FILM-{slug}.png."
        )
    return found


def _of_regions(
    manifest: Manifest, structure: str, regions: Iterable[Region]
) -> dict[int, Path | tuple[Region, ...]]:
    name = canonical(structure)
    of_image: dict[str, list[Region]] = defaultdict(list)
    others = set()
    for region in regions:
        if canonical(region.finding) == name:
            of_image[region.image].append(region)
        else:
            others.add(region.finding)
    if not of_image:
        raise unknown("marked finding", structure, others)
    row_of = {image: row for row, image in enumerate(manifest.image)}
    return {row_of[image]: tuple(several) for image, several in of_image.items() if image in row_of}


def _by_name(names: Iterable[str], manifest: Manifest) -> dict[str, int]:
    """Name -> row, where no two films share one."""
    found: dict[str, int] = {}
    for row, name in enumerate(names):
        found.setdefault(name, row)
    if shared := len(manifest) - len(found):
        raise ManifestError(
            f"{shared} film(s) have the name of another in a second folder, so masks named as "
            "films cannot be told apart. Give the films names of their own."
        )
    return found


def _must_fit(drawn: tuple[int, ...], film: tuple[int, int]) -> None:
    if drawn != film:
        raise Mismatch(
            f"The mask was drawn on {drawn[0]} x {drawn[1]} pixels and its film has {film[0]} x "
            f"{film[1]}. Export the mask at the film's size, or take the film as it was published."
        )

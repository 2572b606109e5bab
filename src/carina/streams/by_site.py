"""Site-incremental streams: one hospital after another, every finding from the start."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from carina.core import InvalidValue, unknown
from carina.streams.experience import Experience
from carina.streams.stream import Ground, also_elsewhere, in_order, laid, left_out

__all__ = ["BySite", "at_site", "sites_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BySite:
    """All rows of one site after another, all findings visible in each.

    Nothing tells a reader which site a film is from, neither in learning nor when it is judged,
    which is on the test patients of every site: the task-unknown setting of CARL-CXR (Kavitha et
    al., arXiv 2602.15811), with MIMIC-CXR before CheXpert. Rows of no known site, and of sites
    that are not named, are left out and counted.

    Attributes:
        sites: In order; by name where none is given, and then all there are.
        order: Findings in the order of columns; all of the space's where none is named.
    """

    kind: ClassVar[str] = "by-site"
    variant: ClassVar[str] = "all-findings"

    sites: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """One a site.

        Raises:
            UnknownName: for a site or a finding there is not.
            InvalidValue: where there are not two sites or more.
        """
        there = sites_of(ground)
        sites = self.sites or there
        for site in sites:
            if site not in there:
                raise unknown("site", site, there)
        if len(set(sites)) < 2:
            raise InvalidValue(
                f"A stream by site has two sites or more; got {len(set(sites))}. Fill the column of "
                "sites, join data sets in a collection, or choose by data (ByData)."
            )
        visible = in_order(self.order, ground.space)
        rows = [at_site(ground, ground.rows, site) for site in sites]
        lost = left_out(ground, rows, "of no known site" if not self.sites else "of other sites")
        return tuple(
            laid(
                ground,
                name=site,
                visible=visible,
                rows=rows[place],
                validation=at_site(ground, ground.validation, site),
                marks=(*also_elsewhere(ground, rows, place), *(lost if place == 0 else ())),
            )
            for place, site in enumerate(sites)
        )


def sites_of(ground: Ground) -> tuple[str, ...]:
    """The sites of the rows to learn from, by name, without those nobody knows."""
    if not ground.sites:
        return ()
    return tuple(sorted({ground.sites[row] for row in ground.rows} - {""}))


def at_site(ground: Ground, rows: Int[np.ndarray, " _"], site: str) -> Int[np.ndarray, " _"]:
    """Those of some rows that are of a site."""
    there: np.ndarray = rows[np.array([ground.sites[row] == site for row in rows], dtype=bool)]
    return there

"""Streams in which a site and a finding go together on purpose."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from carina.core import ConfigError, InvalidValue, salted, unknown
from carina.streams.by_site import sites_of
from carina.streams.experience import Experience
from carina.streams.simple import Simple
from carina.streams.stream import Ground, left_out

__all__ = ["Confounded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confounded:
    """Another stream on those rows alone that make a site look like a finding.

    Films of the site that show the finding stay, and films of other sites that do not; of all
    others, those of a seeded share of the patients. A reader of such a stream may learn the look
    of the site's films instead of the finding, and looks good wherever the two still go together.
    To see whether a card tells.

    Attributes:
        of: The other plan.
        finding: Which finding goes with the site.
        site: Which site.
        exceptions: Share of the patients whose films that speak against it stay.
        seed: Of the hash by which these are chosen.
    """

    kind: ClassVar[str] = "confounded"

    of: Simple
    finding: str
    site: str
    exceptions: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.exceptions < 1:
            raise ConfigError(
                f"The share of exceptions is from 0 to below 1; got {self.exceptions}."
            )

    @property
    def variant(self) -> str:
        """Which stream: "by-class-all-rows"."""
        return f"{self.of.kind}-{self.of.variant}"

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """The other plan's, on fewer rows.

        Raises:
            UnknownName: for a finding or a site there is not.
            InvalidValue: where there is one site only, or no row is left; or as the other plan does.
        """
        if self.site not in (there := sites_of(ground)):
            raise unknown("site", self.site, there)
        if len(there) < 2:
            raise InvalidValue("Nothing can go with a site where there is only one.")
        rows = self.kept(ground, ground.rows)
        if not len(rows):
            raise InvalidValue(
                f"No film of {self.site} shows {self.finding}, nor does another not."
            )
        first, *others = self.of.experiences(
            replace(ground, rows=rows, validation=self.kept(ground, ground.validation))
        )
        lost = left_out(ground, [rows], f"that part {self.finding} from {self.site}")
        return (replace(first, marks=(*first.marks, *lost)), *others)

    def kept(self, ground: Ground, rows: Int[np.ndarray, " _"]) -> Int[np.ndarray, " _"]:
        """Those of some rows on which site and finding go together, and the exceptions.

        A film without a known site or label is left out.
        """
        column = ground.column(self.finding)
        sites = np.array([ground.sites[row] for row in rows], dtype=object)
        apart = column.target[rows] != (sites == self.site)
        salt = f"confounded {self.seed}"
        excepted = np.array(
            [
                salted(str(code), salt) < self.exceptions * 2**63
                for code in ground.patients[rows].tolist()
            ],
            dtype=bool,
        )
        usable = column.known[rows] & (sites != "")
        kept: np.ndarray = rows[usable & (~apart | excepted)]
        return kept

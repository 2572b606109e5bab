"""A number with its uncertainty, or the reason why there is none."""

from dataclasses import dataclass

from carina.core.errors import InvalidValue

__all__ = ["Estimate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A measured value, its 95 % interval, and what it was measured on.

    Attributes:
        value: The value on all the data, or None where it is undefined.
        low: Lower end of the 95 % interval; None where there is no interval.
        high: Upper end.
        n: Images (or cells) counted.
        positives: Of those, how many are positive.
        patients: Patients they come from: the unit that is resampled.
        method: How the interval was made ("patient bootstrap, 1000 draws, 3 redrawn").
        why_undefined: The reason, exactly where value is None.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    positives: int = 0
    patients: int = 0
    method: str = ""
    why_undefined: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) != (self.why_undefined is not None):
            raise InvalidValue("An estimate has a value or the reason why it has none, not both.")
        if (self.low is None) != (self.high is None):
            raise InvalidValue("An interval has two ends or none.")
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise InvalidValue(f"An interval runs upwards; got [{self.low}, {self.high}].")
        for number in (self.value, self.low, self.high):
            if number is not None and number != number:
                raise InvalidValue("NaN is no estimate; give value=None and say why_undefined.")

    @classmethod
    def undefined(
        cls, why: str, *, n: int = 0, positives: int = 0, patients: int = 0
    ) -> "Estimate":
        """No value, and the reason."""
        return cls(value=None, n=n, positives=positives, patients=patients, why_undefined=why)

    @property
    def defined(self) -> bool:
        """Whether there is a value."""
        return self.value is not None

    def __str__(self) -> str:
        """The value with its interval: ``0.842 [0.829, 0.855]``."""
        if self.value is None:
            return f"undefined ({self.why_undefined})"
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

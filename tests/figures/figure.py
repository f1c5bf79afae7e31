"""One line of the table."""

from dataclasses import dataclass, field
from statistics import median, quantiles


@dataclass
class Figure:
    """What was measured, in `unit`; `limit` is the most it should be, None if it is only there to compare with."""

    what: str
    unit: str
    values: list[float] = field(repr=False)
    limit: float | None = None

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def p90(self) -> float:
        return quantiles(self.values, n=10)[-1] if len(self.values) > 1 else self.values[0]

    @property
    def verdict(self) -> str:
        if self.limit is None:
            return ""
        return "met" if self.median <= self.limit else "**not met**"

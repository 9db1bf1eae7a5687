"""What the fault tests measured, kept beside them in figures.json."""

import json
from dataclasses import dataclass, field

from tests.faults.cases import FIGURES, figures


@dataclass(slots=True)
class Figures:
    """Figures of this run, by case and name."""

    taken: dict[str, dict[str, str]] = field(default_factory=dict)

    def note(self, case: str, name: str, value: float, unit: str) -> None:
        """Take one figure, as `note("C1", "slowest of 200", 3.14, "ms")`; a later one of that name replaces it."""
        self.taken.setdefault(case, {})[name] = f"{_rounded(value)} {unit}".strip()

    def record(self) -> None:
        """Write them; those of cases that were not run stay as they are."""
        both = figures() | self.taken
        FIGURES.write_text(json.dumps(both, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _rounded(value: float) -> str:
    """Three digits that say something, as a person would write them."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"

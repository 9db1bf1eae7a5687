"""What was found out about an upstream: one `Finding` for each question, in the words of the table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

Verdict = Literal["yes", "taken", "no", "ignored", "refused", "unclear"]
"""It can; it takes the request, and no answer tells whether it does it; it does not; it takes the request and does not
do it; it refuses the request; nobody knows."""


class Reading(NamedTuple):
    """What one answer means.

    `detail` is for people; `value` is a word for the configuration, where the verdict alone is not enough.
    """

    verdict: Verdict
    detail: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question.

    Args:
        name: of the question, for conclusions.
        subject: of the question, for people.
        reading: what was found.
    """

    name: str
    subject: str
    reading: Reading

    @property
    def verdict(self) -> Verdict:
        return self.reading.verdict


class Findings:
    """All findings by their names; a question that was not asked is unclear."""

    def __init__(self, findings: Mapping[str, Finding]) -> None:
        self._findings = findings

    def verdict(self, name: str) -> Verdict:
        """What was found."""
        found = self._findings.get(name)
        return found.verdict if found else "unclear"

    def value(self, name: str) -> str:
        """The word that was found."""
        found = self._findings.get(name)
        return found.reading.value if found else ""

    def detail(self, name: str) -> str:
        """What it said, for people."""
        found = self._findings.get(name)
        return found.reading.detail if found else ""

"""What can be read out of the user's words: the subjects, quotes, numbers and names to fill values with.

Plain rules of thumb, enough to make a demo look sensible. It knows no schema and no tool.
"""

import re
from collections.abc import Iterable

_QUOTED = re.compile(r"`([^`]+)`|\"([^\"]+)\"|“([^”]+)”|«([^»]+)»")
_URL = re.compile(r"https?://[^\s\"'<>)]+")
_PATH = re.compile(r"(?<![\w/])(?:\.{0,2}/)?(?:[\w.-]+/)*[\w-]+\.[A-Za-z]\w{0,5}\b")
_NUMBER = re.compile(r"(?<![\w.])-?\d{1,15}(?:\.\d{1,6})?(?!\w|\.\w)")
_CLAUSE = re.compile(r"[,;]\s*(?:and\s+)?|\s+(?:and|&|y|et|und)\s+|[?!]\s*|\.\s+", re.IGNORECASE)
_PREPOSITION = re.compile(r"\b(?:in|for|of|about|at|to|from|on)\s+", re.IGNORECASE)
_SUBJECT_END = re.compile(
    r"\s+(?:today|tomorrow|now|please|using|with|in|for|of|at|to|from|on|by|like|is|are)\b.*", re.IGNORECASE
)
_ARTICLE = re.compile(r"^(?:the|a|an|my|your|this|that)\s+", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")

_SUBJECT_WORDS = 3


def words(text: str) -> list[str]:
    """The words of a text or of a name such as `get_weather` or `getWeather`, in lower case."""
    return [word.lower() for word in _WORD.findall(_HUMP.sub(" ", text))]


def word_stems(text: str) -> set[str]:
    """The words without a plural's `s`, to compare by."""
    return {word.removesuffix("s") for word in words(text)}


def clipped(text: str, limit: int) -> str:
    """The text on one line, without control characters, cut after a word where there is one."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if len(line) <= limit:
        return line
    cut = line[:limit]
    return (cut.rsplit(" ", 1)[0] if " " in cut[limit // 2 :] else cut).rstrip() + "…"


def quoted(message: str) -> str | None:
    """What stands in the first quotation marks or backticks."""
    match = _QUOTED.search(message)
    return next(group for group in match.groups() if group) if match else None


def url(message: str) -> str | None:
    """The first web address."""
    match = _URL.search(message)
    return match[0].rstrip(".,;:!?") if match else None


def path(message: str) -> str | None:
    """The first thing that looks like a file's name."""
    match = _PATH.search(_URL.sub(" ", message))
    return match[0] if match else None


def numbers(message: str) -> list[float]:
    """Every number, in order."""
    return [float(number) for number in _NUMBER.findall(message)]


def subjects(message: str, known: Iterable[str] = ()) -> list[str]:
    """What the message is about: the words after `in`, `for`, `about`, each part of an `and` for itself.

    Args:
        known: stems of words that are no subject, such as the names of tools.
    """
    found: list[str] = []
    barred = set(known)
    for clause in _CLAUSE.split(message):
        subject = _subject(clause, follows_one=bool(found))
        if subject and not barred & word_stems(subject):
            found.append(subject)
    return found


def _subject(clause: str, *, follows_one: bool) -> str | None:
    match = _PREPOSITION.search(clause)
    if match is None and not (follows_one and len(clause.split()) <= _SUBJECT_WORDS):
        return None
    text = clause[match.end() :] if match else clause
    text = _ARTICLE.sub("", _SUBJECT_END.sub("", text.strip()))
    return " ".join(text.split()[:_SUBJECT_WORDS]).strip(" .,:;!?\"'`“”«»()[]{}") or None

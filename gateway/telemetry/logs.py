"""Log lines: one JSON object a line, or readable text on a terminal, through the standard library's logging.

Whatever a client or an upstream sends can neither break a line nor forge one, and texts of exceptions are left out:
they quote headers, bodies and prompts. What is logged is decided by those who call; keys and contents never are.
"""

import logging
import re
import time
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from os import environ
from types import TracebackType
from typing import TextIO

import orjson

from gateway.configuration import ConfigurationError
from gateway.settings import LoggingSettings
from gateway.telemetry.log_output import LogOutput

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that the current task works on; it is in each of its log lines."""

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_requests = logging.getLogger("gateway.requests")
_contents = logging.getLogger("gateway.contents")

_REQUEST_RECORD = vars(_requests.makeRecord(_requests.name, logging.INFO, __file__, 0, "request", (), None))
"""What the records of all finished requests have in common."""

_MOST_CONTENT_BYTES = 65_536
"""Of a prompt or an answer."""

# All that some reader of logs takes for the end of a line or for a command to the terminal.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def configure(
    stream: TextIO,
    environment: Mapping[str, str] = environ,
    settings: LoggingSettings = LoggingSettings(),  # noqa: B008 - it is frozen
) -> None:
    """Send all log lines of the process to the stream; `GATEWAY_LOG_LEVEL` goes before the level of the settings.

    Raises:
        ConfigurationError: when there is no such level.
    """
    level = environment.get("GATEWAY_LOG_LEVEL", settings.level).upper()
    if level not in LEVELS:
        raise ConfigurationError([f"GATEWAY_LOG_LEVEL: must be one of {', '.join(LEVELS)}"])
    output = _output_to(stream)
    is_text = stream.isatty() if settings.format == "auto" else settings.format == "text"
    output.setFormatter(TextFormatter() if is_text else JSONFormatter())
    # A line that cannot be formatted must not be printed raw, with its arguments, instead.
    logging.raiseExceptions = False
    _leave_out_what_no_line_shows()
    root = logging.getLogger()
    for other in [handler for handler in root.handlers if handler is not output]:
        root.removeHandler(other)
        other.flush()
        other.close()
    root.addHandler(output)
    root.setLevel(level)


def _leave_out_what_no_line_shows() -> None:
    """Saves a third of a line: https://docs.python.org/3/howto/logging.html#optimization."""
    logging._srcfile = None  # noqa: SLF001 - the documented way
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def _output_to(stream: TextIO) -> LogOutput:
    """The output that goes there already, or a new one."""
    for output in _outputs():
        if output.stream is stream:
            return output
    return LogOutput(stream)


def _outputs() -> list[LogOutput]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, LogOutput)]


def dropped_lines() -> int:
    """How many lines were not written because nobody took them."""
    return sum(output.dropped for output in _outputs())


def log_request(fields: dict[str, object]) -> None:
    """Write the one line of a finished request."""
    if _requests.isEnabledFor(logging.INFO):
        record = logging.LogRecord.__new__(logging.LogRecord)  # to make one anew takes longer than to write it
        record.__dict__ = {**_REQUEST_RECORD, "created": time.time(), "fields": fields}
        _requests.handle(record)


def log_contents(asked: bytes, answered: bytes) -> None:
    """Write what a client sent and got, as JSON each: only for operators who want that."""
    fields = {"asked": _beginning(asked), "answered": _beginning(answered)}
    _contents.info("contents", extra={"fields": fields})


def _beginning(body: bytes) -> str:
    return body[:_MOST_CONTENT_BYTES].decode("utf-8", "replace")


def _conceal(record: logging.LogRecord) -> None:
    """Takes out of a record of another library what it may quote.

    An unparsable request is the client's fault and no error of ours, and aiohttp's exception for it holds the raw
    line, which may be the one with the key. asyncio puts the repr of an exception into the further lines of a message.
    """
    if record.name.startswith("aiohttp") and _is_protocol_error(record):
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.exc_info = None
    record.msg, record.args = _message(record).split("\n", 1)[0], None


def _is_protocol_error(record: logging.LogRecord) -> bool:
    kind = record.exc_info[0] if record.exc_info else None
    return kind is not None and any(base.__module__ == "aiohttp.http_exceptions" for base in kind.__mro__)


class JSONFormatter(logging.Formatter):
    """One JSON object a line, in ASCII where a character could end the line."""

    def format(self, record: logging.LogRecord) -> str:
        line = _encoded(_entry(record))
        # JSON has no control characters but this one; to look at each character takes ten times as long.
        return line if line.isascii() and "\x7f" not in line else _printable(line)


class TextFormatter(logging.Formatter):
    """One line a record, for people; the stack of an exception follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        entry = _entry(record)
        time, level = str(entry.pop("time"))[11:19], entry.pop("level")
        message, name = entry.pop("message"), entry.pop("logger")
        stack = entry.pop("stack", ())
        rest = "".join(f" {key}={value}" for key, value in entry.items())
        lines = [f"{time} {level:<7} {name}: {message}{rest}"]
        lines.extend(f"    {frame}" for frame in (stack if isinstance(stack, list) else ()))
        return "\n".join(map(_printable, lines))


def _printable(line: str) -> str:
    return line if line.isprintable() else _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def _entry(record: logging.LogRecord) -> dict[str, object]:
    if not (record.name.startswith("gateway.") or record.name == "gateway"):
        _conceal(record)
    entry: dict[str, object] = {
        "time": f"{_second(int(record.created))}.{int(record.created % 1 * 1000):03d}+00:00",
        "level": record.levelname,
        "logger": record.name,
        "message": _message(record),
    }
    if (current := request_id.get()) is not None:
        entry["request_id"] = current
    fields = getattr(record, "fields", None)
    if isinstance(fields, dict):
        entry = {**entry, **fields, **entry}  # the first ones stay first, and are what they were
    if record.exc_info:
        entry.update(_exception(record.exc_info[1], record.exc_info[2]))
    return entry


@lru_cache(maxsize=1)
def _second(since_epoch: int) -> str:
    """The time without fractions: most lines share theirs with the one before."""
    return datetime.fromtimestamp(since_epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _message(record: logging.LogRecord) -> str:
    if not record.args and isinstance(record.msg, str):
        return record.msg
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return str(record.msg)


def _exception(error: BaseException | None, place: TracebackType | None) -> dict[str, object]:
    """Types and places only: the text of an exception may quote anything."""
    frames = traceback.extract_tb(place)
    stack = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"exception": " <- ".join(_kinds(error)), "stack": stack}


def _kinds(error: BaseException | None) -> list[str]:
    """The types of the exception and of what led to it."""
    kinds: list[str] = []
    while error is not None and len(kinds) < 10:
        kinds.append(type(error).__qualname__)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return kinds


def _encoded(entry: Mapping[str, object]) -> str:
    try:
        return orjson.dumps(entry, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # half a surrogate pair, or a number beyond 64 bits
        return orjson.dumps({_clean(key): _clean(value) for key, value in entry.items()}).decode()


def _clean(value: object) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode()

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Literal

import pytest
from aiohttp.http_exceptions import BadStatusLine

from gateway.configuration import ConfigurationError
from gateway.settings import LoggingSettings
from gateway.telemetry.logs import configure, log_request, request_id

log = logging.getLogger("gateway.test")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raising = list(root.handlers), root.level, logging.raiseExceptions
    # `configure` closes the handlers that it replaces, so those of the test runner are put aside first.
    root.handlers.clear()
    yield
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.handlers.extend(handlers)
    root.setLevel(level)
    logging.raiseExceptions = raising


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    configure(stream, {})
    return stream


@pytest.fixture
def terminal() -> Terminal:
    terminal = Terminal()
    configure(terminal, {})
    return terminal


def written(stream: io.StringIO) -> str:
    """All lines, also those that are on their way."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    return stream.getvalue()


def entries(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in written(stream).splitlines()]


def log_a_failure(name: str, error: BaseException, message: str = "it failed") -> None:
    try:
        raise error
    except BaseException:
        logging.getLogger(name).exception(message)


# One object a line


def test_a_line_is_an_object_with_time_level_logger_message_and_fields(stream: io.StringIO) -> None:
    log.warning("seen %d", 3, extra={"fields": {"model": "a/b", "bytes": 7}})
    (entry,) = entries(stream)
    time = str(entry.pop("time"))
    assert time.endswith("+00:00")
    assert "T" in time
    assert entry == {
        "level": "WARNING",
        "logger": "gateway.test",
        "message": "seen 3",
        "model": "a/b",
        "bytes": 7,
    }


def test_the_id_of_the_request_is_in_its_lines(stream: io.StringIO) -> None:
    token = request_id.set("req_1")
    log.info("inside")
    request_id.reset(token)
    log.info("outside")
    assert [entry.get("request_id") for entry in entries(stream)] == ["req_1", None]


def test_fields_cannot_replace_what_every_line_has(stream: io.StringIO) -> None:
    log.info("true", extra={"fields": {"message": "forged", "level": "x"}})
    (entry,) = entries(stream)
    assert (entry["message"], entry["level"]) == ("true", "INFO")


def test_the_line_of_a_request_is_its_fields(stream: io.StringIO) -> None:
    log_request({"status": 200, "termination": "completed"})
    (entry,) = entries(stream)
    assert (entry["logger"], entry["message"]) == ("gateway.requests", "request")
    assert (entry["status"], entry["termination"]) == (200, "completed")


CONTROLS = "a\nb\rc\x0bd\x0ce\x1bf\x00g\x85h\u2028i\u2029j\x7fk\u202el\x9bm\ud800n"


def test_no_character_breaks_a_line(stream: io.StringIO) -> None:
    log.info("m %s", CONTROLS, extra={"fields": {"value": CONTROLS, CONTROLS: [CONTROLS]}})
    text = written(stream)
    assert len(text.splitlines()) == 1
    assert text[:-1].isprintable()
    json.loads(text)


def test_control_characters_are_still_there_when_read_back(stream: io.StringIO) -> None:
    log.info("a\nb\u2028c\x1bd")
    assert entries(stream)[0]["message"] == "a\nb\u2028c\x1bd"


@pytest.mark.parametrize("value", [2**70, object, {1: 2}, {1, 2}, b"x", float("nan"), "\ud800"])
def test_a_value_of_any_kind_makes_a_line(stream: io.StringIO, value: object) -> None:
    log.info("m", extra={"fields": {"value": value}})
    assert "value" in entries(stream)[0]


def test_fields_that_are_none_are_left_alone(stream: io.StringIO) -> None:
    log.info("m", extra={"fields": "no mapping"})
    assert entries(stream)[0]["message"] == "m"


def test_a_wrong_format_string_still_makes_a_line_and_prints_nothing_else(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    log.info("%d", "geheim")
    assert entries(stream)[0]["message"] == "%d"
    assert capsys.readouterr() == ("", "")


# Exceptions


def test_an_exception_is_its_type_and_where_it_came_from_and_never_its_text(stream: io.StringIO) -> None:
    log_a_failure("gateway.test", ValueError("geheim"))
    (entry,) = entries(stream)
    assert entry["exception"] == "ValueError"
    assert "log_a_failure" in str(entry["stack"])
    assert "geheim" not in written(stream)


def test_what_led_to_an_exception_is_told_by_type(stream: io.StringIO) -> None:
    try:
        try:
            raise KeyError("geheim")
        except KeyError as error:
            raise ValueError("geheim") from error
    except ValueError:
        log.exception("it failed")
    assert entries(stream)[0]["exception"] == "ValueError <- KeyError"
    assert "geheim" not in written(stream)


def test_a_hidden_context_stays_hidden(stream: io.StringIO) -> None:
    try:
        try:
            raise KeyError
        except KeyError:
            raise ValueError from None
    except ValueError:
        log.exception("it failed")
    assert entries(stream)[0]["exception"] == "ValueError"


def test_an_exception_that_is_none_makes_a_line(stream: io.StringIO) -> None:
    assert sys.exc_info() == (None, None, None)
    log.error("m", exc_info=True)  # noqa: LOG014  # the case itself
    assert entries(stream)[0]["message"] == "m"


def test_a_line_that_cannot_be_parsed_as_http_is_neither_quoted_nor_an_error(stream: io.StringIO) -> None:
    log_a_failure("aiohttp.server", BadStatusLine("Authorization: Bearer geheim"), "Error handling request")
    (entry,) = entries(stream)
    assert (entry["level"], entry["message"]) == ("INFO", "Error handling request")
    assert "geheim" not in written(stream)
    assert "exception" not in entry


def test_a_bug_below_the_server_stays_an_error_without_its_text(stream: io.StringIO) -> None:
    log_a_failure("aiohttp.server", RuntimeError("geheim"), "Unhandled exception")
    (entry,) = entries(stream)
    assert (entry["level"], entry["exception"]) == ("ERROR", "RuntimeError")
    assert "geheim" not in written(stream)


def test_further_lines_of_a_library_are_left_out_because_they_quote(stream: io.StringIO) -> None:
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <%s>", "geheim")
    assert entries(stream)[0]["message"] == "Task exception was never retrieved"


# On a terminal


def test_on_a_terminal_a_line_is_readable(terminal: Terminal) -> None:
    log.info("hello", extra={"fields": {"status": 200}})
    line = written(terminal)
    assert line[2] == line[5] == ":"
    assert line[8:] == " INFO    gateway.test: hello status=200\n"


def test_on_a_terminal_no_character_breaks_a_line_either(terminal: Terminal) -> None:
    log.info("m %s", CONTROLS, extra={"fields": {"value": CONTROLS}})
    assert len(written(terminal).splitlines()) == 1
    assert written(terminal)[:-1].isprintable()


def test_on_a_terminal_the_stack_follows_indented(terminal: Terminal) -> None:
    log_a_failure("gateway.test", ValueError("geheim\nforged"))
    first, *rest = written(terminal).splitlines()
    assert first.endswith("exception=ValueError")
    assert rest
    assert all(line.startswith("    /") for line in rest)
    assert "geheim" not in written(terminal)


# Configuration


@pytest.mark.parametrize(("level", "told"), [("debug", 3), ("INFO", 2), ("ERROR", 1)])
def test_the_level_is_that_of_the_environment(level: str, told: int) -> None:
    stream = io.StringIO()
    configure(stream, {"GATEWAY_LOG_LEVEL": level})
    for write in (log.debug, log.info, log.error):
        write("m")
    assert len(entries(stream)) == told


def test_an_unknown_level_is_a_wrong_configuration() -> None:
    with pytest.raises(ConfigurationError, match="GATEWAY_LOG_LEVEL: must be one of DEBUG"):
        configure(io.StringIO(), {"GATEWAY_LOG_LEVEL": "loud"})


def test_configuring_again_replaces_and_does_not_double(stream: io.StringIO) -> None:
    other = io.StringIO()
    configure(other, {})
    log.info("m")
    assert (len(entries(stream)), len(entries(other))) == (0, 1)


@pytest.mark.parametrize(("form", "is_json"), [("auto", True), ("json", True), ("text", False)])
def test_the_form_can_be_chosen(form: Literal["auto", "json", "text"], *, is_json: bool) -> None:
    stream = io.StringIO()
    configure(stream, {}, LoggingSettings(format=form))
    log.info("m")
    assert written(stream).startswith("{") == is_json


def test_the_level_of_the_settings_counts_unless_the_environment_has_one() -> None:
    stream = io.StringIO()
    configure(stream, {}, LoggingSettings(level="error"))
    log.warning("m")
    configure(stream, {"GATEWAY_LOG_LEVEL": "INFO"}, LoggingSettings(level="error"))
    log.info("n")
    assert [entry["message"] for entry in entries(stream)] == ["n"]

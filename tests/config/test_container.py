"""The Dockerfile, as far as it can be checked where no image can be had: sources, pins, user, probe, and what it starts."""

import json
import re
import shlex
from fnmatch import fnmatch
from pathlib import Path

from click.testing import CliRunner

from gateway import cli, configuration
from gateway.settings import ServerSettings
from tests import debian

ROOT = debian.ROOT
CONFIG = ROOT / "config" / "container" / "gateway.toml"

Instruction = tuple[str, str]


def instructions() -> list[Instruction]:
    """Each instruction with its arguments, on one line."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def arguments(name: str, *, of_the_last_stage: bool = True) -> list[str]:
    found = instructions()
    last = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    return [text for word, text in (found[last:] if of_the_last_stage else found) if word == name]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps the path out; the last line that matches counts."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    out = False
    for line in (line for line in lines if line and not line.startswith("#")):
        pattern = line.removeprefix("!")
        if any(_matches(str(part), pattern) for part in (Path(path), *Path(path).parents[:-1])):
            out = not line.startswith("!")
    return out


def _matches(path: str, pattern: str) -> bool:
    """As Docker does: "*" is no slash, "**/" is any number of folders."""
    if pattern.startswith("**/"):
        return fnmatch(Path(path).name, pattern.removeprefix("**/"))
    return path.count("/") == pattern.count("/") and fnmatch(path, pattern)


def test_both_stages_are_the_same_pinned_image() -> None:
    images = [text.split()[0] for text in arguments("FROM", of_the_last_stage=False)]
    assert len(images) == 2
    assert len(set(images)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-bookworm", images[0])


def test_every_source_is_there_and_sent_to_the_builder() -> None:
    copied = [shlex.split(text) for text in arguments("COPY", of_the_last_stage=False)]
    sources = [word for words in copied if not words[0].startswith("--from") for word in words[:-1]]
    assert len(sources) >= 7
    for source in sources:
        assert (ROOT / source).exists(), source
        assert not ignored(source), source


def test_nothing_else_is_sent() -> None:
    for path in ("keys.toml", ".env", ".git/config", ".venv/bin/python", "tests/conftest.py", "config/gateway.toml"):
        assert ignored(path), path
    assert ignored("gateway/web/__pycache__/app.cpython-311.pyc")


def test_everything_that_is_fetched_has_a_hash() -> None:
    for text in arguments("RUN", of_the_last_stage=False):
        for command in re.findall(r"pip (?:--python \S+ )?install ([^&]*)", text):
            assert "--require-hashes" in command or "--no-deps /wheels/" in command


def test_it_runs_as_nobody_in_particular_and_stops_with_a_drain() -> None:
    (user,) = arguments("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert arguments("STOPSIGNAL") == ["SIGTERM"]


def test_it_probes_and_starts_with_the_programs_own_commands() -> None:
    (probe,), (entry,), (command,) = arguments("HEALTHCHECK"), arguments("ENTRYPOINT"), arguments("CMD")
    started = json.loads(entry) + json.loads(command)
    probing = json.loads(probe.split("CMD ", 1)[1])
    for words in (started, probing):
        assert words[0] == "responses-gateway"
        assert CliRunner().invoke(cli.commands, [*words[1:], "--help"]).exit_code == 0


def test_its_configuration_listens_where_it_is_published_and_writes_only_to_its_volume() -> None:
    settings = configuration.load(CONFIG, {})
    assert settings.server.host == "0.0.0.0"
    assert arguments("EXPOSE") == [str(settings.server.port)]
    assert settings.server.port == ServerSettings().port
    written = (settings.auth.keys_file, settings.sealing.keys_file, settings.state.path, settings.limits.budgets_file)
    (folder,) = {str(Path(path).parent) for path in written}
    assert arguments("WORKDIR") == [folder]
    assert f"{folder}" in " ".join(arguments("RUN"))
    assert configuration.load(CONFIG, {"LOCAL_API_KEY": "secret"}).providers[0].api_key == "secret"

import configparser
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import __version__

ROOT = Path(__file__).parent.parent
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))

MOST_RUNTIME_DISTRIBUTIONS = 25
"""With what builds the package. Each one could read every key: a further one needs a reason, and this number a change."""


def pinned(path: Path) -> dict[str, str]:
    """Name of each distribution with all that belongs to its line."""
    text = re.sub(r"^#.*\n", "", path.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return {line.split("==")[0]: line for line in text.splitlines() if line.strip()}


def declared() -> set[str]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options"]["install_requires"].splitlines()
    return {re.split(r"[<>=;\s]", line)[0].replace(".", "-") for line in lines if line and not line.startswith("#")}


def test_there_are_requirements_to_run_and_to_develop() -> None:
    assert [path.name for path in REQUIREMENTS] == ["agents.txt", "bench.txt", "dev.txt", "run.txt", "service.txt"]


def test_what_runs_is_few() -> None:
    assert len(pinned(ROOT / "requirements" / "run.txt")) <= MOST_RUNTIME_DISTRIBUTIONS


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_is_one_version_with_hashes(path: Path) -> None:
    for name, line in pinned(path).items():
        assert re.match(r"[a-z0-9-]+(\[[a-z]+\])?==[0-9][^ ]* ", line), name
        assert re.search(r" --hash=sha256:[0-9a-f]{64}", line), name


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_requirements_name_no_place_to_fetch_from(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"://|^\s*-(?!-hash)|--(?!hash=)|@", text, flags=re.MULTILINE)


def test_no_distribution_runs_code_when_python_starts() -> None:
    """A `.pth` file with an import is how stolen releases have taken keys; only what builds the package has one."""
    found = {
        (name, file.name)
        for name in pinned(ROOT / "requirements" / "run.txt")
        for file in importlib.metadata.files(name.split("[")[0]) or ()
        if file.suffix == ".pth"
    }
    assert found <= {("setuptools", "distutils-precedence.pth")}


def test_the_package_is_nothing_but_its_modules_and_data() -> None:
    files = [path for path in (ROOT / "gateway").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path.suffix for path in files} <= {".py", ".json", ".html", ".css", ".js", ".svg", ".typed"}
    assert not list(ROOT.glob("*.pth"))


def test_what_is_declared_is_pinned() -> None:
    assert declared() <= set(pinned(ROOT / "requirements" / "run.txt"))


def test_developers_run_the_versions_that_are_deployed() -> None:
    run, dev = (pinned(ROOT / "requirements" / name) for name in ("run.txt", "dev.txt"))
    assert {name: dev.get(name) for name in run} == run


DATABASES = {"async-timeout", "asyncpg", "redis"}
TRACES = {
    "certifi",
    "charset-normalizer",
    "googleapis-common-protos",
    "opentelemetry-api",
    "opentelemetry-exporter-http-transport[requests]",
    "opentelemetry-exporter-otlp-common",
    "opentelemetry-exporter-otlp-proto-common",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-proto",
    "opentelemetry-sdk",
    "opentelemetry-semantic-conventions",
    "protobuf",
    "requests",
    "urllib3",
}
"""Loaded only where `[tracing]` asks for them."""


def test_a_service_has_what_settings_may_ask_for_and_lacks_what_only_builds() -> None:
    run, dev, service = (pinned(ROOT / "requirements" / name) for name in ("run.txt", "dev.txt", "service.txt"))
    assert set(service) - set(run) == DATABASES | TRACES
    assert {name: dev.get(name) for name in service} == service, "what is deployed is what is tested"
    assert set(run) - set(service) == {"packaging", "setuptools", "wheel"}
    assert all(service[name] == run[name] for name in set(run) & set(service))


def test_the_metadata_has_the_version_of_the_package() -> None:
    metadata = importlib.metadata.metadata("responses-gateway")
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_console_script_is_the_command_line() -> None:
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="responses-gateway")
    assert script.value == "gateway.cli:main"
    code = f"import sys; sys.argv[1:] = ['--version']; from {script.module} import {script.attr} as main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert __version__ in done.stdout


def test_commands_that_need_no_server_start_without_one() -> None:
    code = "import sys, gateway.cli; print('aiohttp' in sys.modules, 'asyncio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"

"""The shipped units, as systemd's own programs judge them, and as far as they depend on the gateway's settings."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import cli, configuration
from gateway.process import stopping
from gateway.settings import ServerSettings
from tests import debian
from tests.fakes.nginx import SHIPPED as NGINX

SHIPPED = debian.ROOT / "config" / "systemd"
PROGRAM = "/usr/lib/responses-gateway/bin/responses-gateway"
UNITS = ("responses-gateway@.service", "responses-gateway@.socket", "responses-gateway.target")
MOST_EXPOSURE = 1.5
NAMES = ("responses-gateway@1.service", "responses-gateway@1.socket", "responses-gateway.target")


def settings_of(unit: str) -> dict[str, list[str]]:
    """All lines of a unit by their names: some may come more than once."""
    found: dict[str, list[str]] = {}
    for line in (SHIPPED / unit).read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith(("#", "[")):
            found.setdefault(name, []).append(value)
    return found


SERVICE = settings_of("responses-gateway@.service")


def verify(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    environment = debian.environment() | {"SYSTEMD_UNIT_PATH": f"{folder}:{debian.FOLDER}/lib/systemd/system:"}
    command = [str(debian.program("systemd-analyze")), "verify", "--man=no", *names]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units as they are installed, with a program that is there."""
    for unit in UNITS:
        text = (SHIPPED / unit).read_text(encoding="utf-8")
        (tmp_path / unit).write_text(text.replace(PROGRAM, sys.executable), encoding="utf-8")
    return tmp_path


def test_systemd_finds_nothing_to_say_about_the_units(units: Path) -> None:
    done = verify(units, *NAMES)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_would_say_something_about_a_mistake(units: Path) -> None:
    service = units / "responses-gateway@.service"
    service.write_text(service.read_text().replace("WatchdogSec", "WachdogSec"))
    assert "WachdogSec" in verify(units, *NAMES).stderr


def test_the_exposure_of_the_service_is_low() -> None:
    command = [str(debian.program("systemd-analyze")), "security", "--offline=true", "--no-pager"]
    command += [f"--threshold={MOST_EXPOSURE * 10:.0f}", str(SHIPPED / UNITS[0])]
    environment = debian.environment()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
    (score,) = re.findall(r"Overall exposure level for .*: ([\d.]+) ", done.stdout)
    assert float(score) <= MOST_EXPOSURE


def test_a_stop_waits_for_the_drain() -> None:
    after_the_limit = stopping._GRACE_SECONDS + stopping._LAST_WORDS_SECONDS + 10
    (stop,) = SERVICE["TimeoutStopSec"]
    packaged = configuration.load(SHIPPED / "gateway.toml", {}).server
    for server in (ServerSettings(), packaged):
        assert float(stop) > server.drain_seconds + after_the_limit


def test_what_needs_somebody_is_not_tried_again() -> None:
    (codes,) = SERVICE["RestartPreventExitStatus"]
    wanted = {cli.EXIT_USAGE, cli.EXIT_DAMAGED, cli.EXIT_CONFIGURATION}
    assert {int(code) for code in codes.split()} == wanted


SYSTEMD_STARTS, SYSTEMD_SECONDS = 5, 10
"""A unit that has been started so often within so many seconds is given up (systemd-system.conf(5))."""


def test_what_fails_again_and_again_is_tried_for_ever() -> None:
    """But for connections that start it: its socket gives up, and nginx asks the others."""
    (pause,) = SERVICE["RestartSec"]
    assert SYSTEMD_STARTS * float(pause) > SYSTEMD_SECONDS
    assert not {"StartLimitIntervalSec", "StartLimitBurst"} & set(SERVICE)


def test_the_units_and_nginx_mean_the_same_sockets() -> None:
    (path,) = settings_of("responses-gateway@.socket")["ListenStream"]
    assert SERVICE["AssertPathExists"] == [path]
    for variant in ("one-instance.conf", "several-instances.conf"):
        named = re.findall(r"server unix:(\S+) ", (NGINX / variant).read_text(encoding="utf-8"))
        assert named == [path.replace("%i", str(number)) for number in range(1, len(named) + 1)]


def test_the_service_can_write_only_where_its_configuration_writes() -> None:
    settings = configuration.load(SHIPPED / "gateway.toml", {"ADMIN_PORT": "9101"})
    assert settings.admin.port == 9101
    assert SERVICE["ProtectSystem"] == ["strict"]
    (folder,) = SERVICE["StateDirectory"]
    for written in (settings.state.path, settings.sealing.keys_file, settings.limits.budgets_file):
        assert Path(written).parent == Path("/var/lib") / folder
    (home,) = re.findall(r"(/var/lib/\S+)", (SHIPPED / "responses-gateway.sysusers").read_text())
    assert home == f"/var/lib/{folder}"


SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$LOG"
case "$1" in list-units)
    echo "responses-gateway@1.service loaded active running OpenAI Responses gateway, instance 1"
    echo "responses-gateway@2.service loaded active running OpenAI Responses gateway, instance 2";;
esac
"""


def restarted(folder: Path, *arguments: str, check: int = 0) -> tuple[int, list[str]]:
    """The exit status of the script, and what it asks of systemctl; `check` is that of the configuration."""
    log = folder / "log"
    log.touch()
    for name, text in (
        ("systemctl", SYSTEMCTL),
        ("responses-gateway", f'#!/bin/sh\n[ "$1" = check ] && exit {check}\n'),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    command = [str(SHIPPED / "responses-gateway-rolling-restart"), *arguments]
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "LOG": str(log)}
    done = subprocess.run(command, env=environment, check=False, timeout=20, stdout=subprocess.PIPE)
    calls = [line.replace("responses-gateway@", "") for line in log.read_text().splitlines()]
    return done.returncode, [call for call in calls if not call.startswith("list-units")]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            (),
            [
                "stop 1.socket",
                "stop 1.service",
                "start 1.service",
                "stop 2.socket",
                "stop 2.service",
                "start 2.service",
            ],
        ),
        (("7",), ["stop 7.service", "start 7.service"]),
    ],
)
def test_a_rolling_restart_takes_one_instance_after_the_other(
    tmp_path: Path, arguments: tuple[str, ...], expected: list[str]
) -> None:
    assert restarted(tmp_path, *arguments) == (0, expected)


def test_no_instance_is_stopped_for_a_configuration_that_would_not_start(tmp_path: Path) -> None:
    assert restarted(tmp_path, check=78) == (78, [])


def test_the_shipped_script_is_a_script_for_any_shell() -> None:
    shell = shutil.which("dash") or "sh"
    subprocess.run([shell, "-n", str(SHIPPED / "responses-gateway-rolling-restart")], check=True, timeout=20)

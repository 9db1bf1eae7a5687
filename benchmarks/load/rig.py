"""The set-up of one measurement: the mock upstream, the gateway in front of it, and single runs of the load client.

The gateway has a core of its own; the mock and the load client share another. Which loads are run is in
`benchmarks.load.scenarios`.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.load.measure import ProcessTree, calibrate, core_busy

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

Metrics = dict[str, object]
Option = str | float | None

_FAULTS = (
    "http_errors",
    "connect_errors",
    "io_errors",
    "incomplete",
    "timeouts",
    "failed_terminal",
    "token_mismatch",
    "seq_errors",
    "body_mismatch",
)
"""Counters of the load client that must be zero."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """One entry of `gateways.json`; `{port}`, `{up}`, `{folder}`, `{python}` and `{next_core}` are filled in."""

    command: list[str] = field(default_factory=list)
    render: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    headers: list[str] = field(default_factory=list)
    path: str = "/v1/responses"
    mode: str = "responses"
    model: str = "{model}"
    ready: str = "/health"
    json_expect: str = "completed"


@dataclass(slots=True)
class Load:
    """What one run of the load client gave, and what it cost.

    `disturbed` is the part of a core that other programs took meanwhile: rates and latencies of a run with much of it
    are not worth much, CPU time for each token still is.
    """

    report: dict[str, object]
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    calibration: float = 0.0
    disturbed: float = 0.0
    peak_bytes: int = 0
    watched: Metrics = field(default_factory=dict)

    def number(self, name: str, part: str | None = None) -> float:
        """A value of the client's report, or of one of its histograms."""
        value = self.report[name]
        if part is not None and isinstance(value, dict):
            value = value[part]
        return float(value) if isinstance(value, int | float) else 0.0

    @property
    def tokens(self) -> float:
        """Tokens that arrived; deltas where they bear no stamps."""
        return max(1.0, self.number("tokens") or self.number("deltas"))

    @property
    def faults(self) -> dict[str, object]:
        """What went wrong; empty for a good run."""
        return {name: self.report[name] for name in _FAULTS if self.report[name]}

    def common(self) -> Metrics:
        """The metrics that every scenario has."""
        metrics: Metrics = {"ok": self.number("ok"), "calib_us": self.calibration, "disturbed": self.disturbed}
        return metrics | ({"faults": self.faults} if self.faults else {})


class Rig:
    """The processes of one measurement; use it as a context.

    Args:
        gateway: what is measured; without a command, only the mock runs.
        folder: for rendered configurations and logs.
        gateway_core: where the gateway runs alone.
        harness_cores: where the mock and the load client run.
        tries: repeat a load that others disturbed so often, and keep the quietest.
    """

    def __init__(
        self, gateway: Gateway, folder: Path, *, gateway_core: int, harness_cores: set[int], tries: int
    ) -> None:
        self.gateway = gateway
        self.tree: ProcessTree | None = None
        self.ready_seconds = 0.0
        """From the start of the gateway's process until it serves."""
        self.folder = folder
        self._gateway_core = gateway_core
        self._harness_cores = harness_cores
        self._tries = tries
        self._children: list[subprocess.Popen[bytes]] = []
        self._port = free_port()
        self._upstream_port = free_port()

    def __enter__(self) -> Self:
        mock = [str(HERE / "mock_upstream"), "--port", str(self._upstream_port), "--quiet"]
        try:
            self._mock = ProcessTree(self._start(mock, self._harness_cores, "mock", self._upstream_port, "/health").pid)
            if self.gateway.command:
                self._start_gateway()
        except BaseException:
            self._stop_all()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_all()

    def _stop_all(self) -> None:
        for process in reversed(self._children):
            _stop(process)

    def _start_gateway(self) -> None:
        for template, target in self.gateway.render.items():
            text = (HERE / template).read_text(encoding="utf-8")
            (self.folder / target).write_text(self._filled(text), encoding="utf-8")
        command = [self._filled(word) for word in self.gateway.command]
        started = time.monotonic()
        process = self._start(command, {self._gateway_core}, "gateway", self._port, self.gateway.ready)
        self.ready_seconds = time.monotonic() - started
        self.tree = ProcessTree(process.pid)

    def _filled(self, text: str) -> str:
        values = {
            "port": self._port,
            "up": self._upstream_port,
            "folder": self.folder,
            "python": sys.executable,
            "next_core": self._gateway_core + 1,
        }
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    def _start(self, command: list[str], cores: set[int], name: str, port: int, ready: str) -> subprocess.Popen[bytes]:
        program = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise SystemExit(f"{command[0]} is not on this machine")
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                ["taskset", "-c", _listed(cores), program, *command[1:]],
                cwd=ROOT,
                env=os.environ | self.gateway.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._children.append(process)
        _wait_until_ready(process, port, ready)
        return process

    def upstream_stats(self) -> dict[str, int]:
        """The mock's counters."""
        stats: dict[str, int] = json.loads(_get(self._upstream_port, "/stats"))
        return stats

    def settle(self) -> None:
        """Wait, at most ten seconds, until the gateway has nothing left to do."""
        deadline = time.monotonic() + 10
        while self.tree is not None and time.monotonic() < deadline:
            before = self.tree.cpu_seconds()
            time.sleep(0.5)
            if self.tree.cpu_seconds() - before < 0.02 and not self.upstream_stats()["streams_open"]:
                return

    def load(self, model: str, *, is_direct: bool = False, is_json: bool = False, **options: Option) -> Load:
        """The least disturbed of a few runs of the same load; `options` are those of the load client."""
        best: Load | None = None
        for _ in range(self._tries):
            load = self.load_once(model, is_direct=is_direct, is_json=is_json, watch=None, **options)
            best = load if best is None or load.disturbed < best.disturbed else best
            if best.disturbed < 0.15:
                break
        if best is None:
            raise ValueError("a load needs at least one try")
        return best

    def load_once(
        self,
        model: str,
        *,
        is_direct: bool = False,
        is_json: bool = False,
        watch: Callable[[subprocess.Popen[bytes]], Metrics] | None = None,
        **options: Option,
    ) -> Load:
        """One run; `watch` looks on while it lasts."""
        tree = None if is_direct else self.tree
        reading = _Reading(tree, self._mock, self._gateway_core, self._harness_cores)
        client = self.client(model, is_direct=is_direct, is_json=is_json, **options)
        watched = watch(client) if watch else {}
        return reading.finish(report_of(client), watched)

    def client(
        self, model: str, *, is_direct: bool = False, is_json: bool = False, **options: Option
    ) -> subprocess.Popen[bytes]:
        """The load client at its work."""
        command = self._client_command(model, is_direct=is_direct, is_json=is_json, options=options)
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def _client_command(self, model: str, *, is_direct: bool, is_json: bool, options: dict[str, Option]) -> list[str]:
        gateway = self.gateway
        port = self._upstream_port if is_direct else self._port
        mode = "json" if is_json else "chat" if is_direct else gateway.mode
        name = model if is_direct else gateway.model.replace("{model}", model)
        path = "/v1/chat/completions" if is_direct else gateway.path
        command = ["taskset", "-c", _listed(self._harness_cores), str(HERE / "sse_load"), "--port", str(port)]
        command += ["--path", path, "--mode", mode, "--model", name]
        for header in [] if is_direct else gateway.headers:
            command += ["-H", header]
        for option, value in options.items():
            if value is None or value is False:
                continue
            word = f"{'-' if len(option) == 1 else '--'}{option.replace('_', '-')}"
            command += [word] if value is True else [word, str(value)]
        return command


class _Reading:
    """The clocks before and after one run of the load client."""

    def __init__(self, tree: ProcessTree | None, mock: ProcessTree, gateway_core: int, harness_cores: set[int]) -> None:
        self._tree, self._mock = tree, mock
        self._gateway_core, self._harness_cores = gateway_core, harness_cores
        self._calibration = calibrate(gateway_core)
        self._over = threading.Event()
        self._peak = 0
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._own = time.process_time()
        self._before = self._clocks()
        self._started = time.monotonic()
        self._sampler.start()

    def finish(self, report: dict[str, object], watched: Metrics) -> Load:
        self._over.set()
        self._sampler.join()
        wall = time.monotonic() - self._started
        cpu, mock, gateway_busy, harness_busy = (
            after - before for after, before in zip(self._clocks(), self._before, strict=True)
        )
        client = report["client_cpu_s"]
        own = mock + time.process_time() - self._own + (client if isinstance(client, float) else 0.0)
        foreign = max(0.0, harness_busy - own) + (max(0.0, gateway_busy - cpu) if self._tree else 0.0)
        calibration = (self._calibration + calibrate(self._gateway_core)) / 2
        return Load(report, cpu, wall, calibration, foreign / wall, self._peak, watched)

    def _clocks(self) -> tuple[float, float, float, float]:
        cpu = self._tree.cpu_seconds() if self._tree else 0.0
        return cpu, self._mock.cpu_seconds(), core_busy({self._gateway_core}), core_busy(self._harness_cores)

    def _sample(self) -> None:
        while self._tree is not None:
            self._peak = max(self._peak, self._tree.resident_bytes())
            if self._over.wait(0.2):
                return


def _listed(cores: set[int]) -> str:
    return ",".join(map(str, sorted(cores)))


def report_of(client: subprocess.Popen[bytes]) -> dict[str, object]:
    """What the load client tells at its end."""
    output, errors = client.communicate()
    try:
        report: dict[str, object] = json.loads(output)
    except ValueError:
        raise SystemExit(f"the load client failed: {errors.decode()}") from None
    return report


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        body: bytes = answer.read()
        return body


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"a process ended with status {process.returncode}; its log is in --folder")
        try:
            _get(port, path)
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise SystemExit("a process was not ready in time")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    children = ProcessTree(process.pid).children()
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(8)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in children:
        if child.is_running():
            child.kill()

"""The loads that a gateway is measured under; each gives a table of metrics by who answered.

Tokens carry a number and a time stamp: lost, doubled and reordered tokens are faults, and the latency of each one is
known. "direct" is the same load straight at the mock.
"""

import subprocess
import time
from collections.abc import Callable

import orjson

from benchmarks.load.measure import ProcessTree
from benchmarks.load.rig import Load, Metrics, Rig, report_of
from benchmarks.translation import ITEMS, REQUEST_BYTES, TOOLS, agent_request

Table = dict[str, Metrics]

PACE_SECONDS = 0.02
_TOKENS_PER_SECOND = 1 / PACE_SECONDS
_LARGE_PER_SECOND = 3.0
_LONG_TOKENS = 200_000


class Scenarios:
    """All loads for one gateway.

    Args:
        rig: the processes.
        seconds: the length that a load without a pace aims at.
        paced_seconds: the length of paced streams.
        idle_streams: how many streams stand open in silence.
    """

    def __init__(self, rig: Rig, *, seconds: float, paced_seconds: float, idle_streams: int) -> None:
        self._rig = rig
        self._seconds = seconds
        self._paced_seconds = paced_seconds
        self._idle_streams = idle_streams
        self._speed = 0.0

    def check(self) -> None:
        """Make sure that the gateway translates exactly, and learn its speed."""
        load = self._load("mock-n200-ts1", c=16, n=64, expect_tokens=200)
        if load.faults or load.number("ok") != 64:
            raise SystemExit(f"the gateway does not translate: {load.faults} {load.report.get('first_bad')}")
        self._speed = load.tokens / max(load.number("elapsed_s"), 1e-3)

    def burst(self) -> Table:
        """64 streams at a time of 500 tokens, as fast as they come: CPU for each token."""
        return self._both(self._burst)

    def _burst(self, *, is_direct: bool) -> Metrics:
        speed = 600_000.0 if is_direct else self._speed
        tokens = 500 if speed > 5000 else 100
        streams = max(64, min(8000, int(speed * self._seconds / tokens)))
        load = self._load(f"mock-n{tokens}-ts1", is_direct=is_direct, c=64, n=streams, expect_tokens=tokens)
        metrics = {"tokens_per_s": load.number("tokens_per_s"), **_times(load, "ttft"), **load.common()}
        return metrics if is_direct else metrics | _cost(load)

    def paced(self) -> Table:
        """500 and 1000 streams of a token every 20 ms: how many arrive, and how late."""
        tables: Table = {}
        for streams in (500, 1000):
            for who, metrics in self._both(lambda *, is_direct, n=streams: self._paced(n, is_direct=is_direct)).items():
                tables[f"{who}_{streams}"] = metrics
            self._rig.settle()
        return tables

    def _paced(self, streams: int, *, is_direct: bool = False, seconds: float | None = None) -> Metrics:
        lasting = seconds or self._paced_seconds
        tokens = int(lasting * _TOKENS_PER_SECOND)
        load = self._load(
            f"mock-n{tokens}-d{PACE_SECONDS * 1e3:.0f}-ts1",
            is_direct=is_direct,
            c=streams,
            n=streams,
            ramp=1.0,
            window=f"2:{lasting}",
            expect_tokens=tokens,
            max_time=4 * lasting,
        )
        metrics = {"share": load.number("window_tokens_per_s") / (streams * _TOKENS_PER_SECOND), **_times(load, "ttft")}
        metrics |= {**_times(load, "token_latency"), **load.common()}
        return metrics if is_direct else metrics | _cost(load)

    def short(self) -> Table:
        """Streams of 8 tokens on 64 connections and on one: CPU for each request."""
        tables: Table = {}
        for connections in (64, 1):
            both = self._both(lambda *, is_direct, c=connections: self._short(c, is_direct=is_direct))
            tables |= {f"{who}_c{connections}": metrics for who, metrics in both.items()}
        return tables

    def _short(self, connections: int, *, is_direct: bool) -> Metrics:
        requests = int(1000 * self._seconds) if connections > 1 else int(200 * self._seconds)
        load = self._load(
            "mock-n8-ts1", is_direct=is_direct, c=connections, n=requests, warmup_n=requests // 10, expect_tokens=8
        )
        return _requests(load, is_direct=is_direct)

    def whole(self) -> Table:
        """Answers of 64 tokens without a stream: CPU for each request."""
        return self._both(self._whole)

    def _whole(self, *, is_direct: bool) -> Metrics:
        expected = '"finish_reason":"stop"' if is_direct else self._rig.gateway.json_expect
        requests = int(500 * self._seconds)
        load = self._rig.load(
            "mock-n64",
            is_direct=is_direct,
            is_json=True,
            c=64,
            n=requests,
            warmup_n=requests // 10,
            expect=expected,
            timeout=30,
            max_time=60,
        )
        return _requests(load, is_direct=is_direct)

    def idle(self) -> Table:
        """Many open streams that say nothing: memory for each. Run it first, since memory is kept for later use."""
        if self._rig.tree is None:
            return {}
        self._rig.settle()
        at_rest = self._rig.tree.resident_bytes()
        streams = self._idle_streams
        load = self._rig.load_once(
            "mock-n3-d4000-ts1", c=streams, n=streams, ramp=1.0, ts=True, max_time=90, watch=self._watch_idle
        )
        opened, resident = (float(str(load.watched[name])) for name in ("open", "resident"))
        per_stream = (resident - at_rest) / 1024 / max(1.0, opened)
        metrics: Metrics = {"rest_mb": at_rest / 1e6, "open": opened, "kib_per_stream": per_stream}
        metrics["ready_s"] = self._rig.ready_seconds
        return {"gateway": metrics | load.common()}

    def _watch_idle(self, client: "subprocess.Popen[bytes]") -> Metrics:
        """The memory once all streams have been open for two seconds."""
        opened, deadline = 0, time.monotonic() + 40
        while opened < self._idle_streams and client.poll() is None and time.monotonic() < deadline:
            time.sleep(0.25)
            opened = max(opened, self._rig.upstream_stats()["streams_open"])
        time.sleep(2.0)
        return {"open": opened, "resident": self._rig.tree.resident_bytes() if self._rig.tree else 0}

    def large(self) -> Table:
        """Requests of 3 MB, a long session of an agent, beside a few paced streams: how long those pause meanwhile."""
        gateway, seconds = self._rig.gateway, self._paced_seconds
        if gateway.mode != "responses":
            return {}
        request = agent_request(items=ITEMS, tools=TOOLS, size=REQUEST_BYTES)
        request |= {"model": gateway.model.replace("{model}", "mock-n8"), "stream": False}
        body = self._rig.folder / "large.json"
        body.write_bytes(orjson.dumps(request))
        model = f"mock-n{int(seconds * _TOKENS_PER_SECOND)}-d{PACE_SECONDS * 1e3:.0f}-ts1"
        load = self._rig.load_once(
            model, c=30, n=30, ts=True, window=f"1:{seconds}", watch=lambda _: self._ask_large(str(body), seconds - 2)
        )
        metrics: Metrics = {f"gap_{part}_ms": load.number("gap_us", part) / 1e3 for part in ("p50", "p99", "max")}
        return {"gateway": metrics | load.watched | load.common()}

    def _ask_large(self, body: str, seconds: float) -> Metrics:
        time.sleep(1.0)
        requests = max(1, int(_LARGE_PER_SECOND * seconds))
        expected = self._rig.gateway.json_expect
        client = self._rig.client(
            "", is_json=True, body_file=body, c=1, n=requests, rate=_LARGE_PER_SECOND, expect=expected
        )
        large = Load(report_of(client))
        if large.faults or large.number("ok") != requests:
            raise SystemExit(f"a large request was not answered: {large.report}")
        return _times(large, "total")

    def long(self) -> Table:
        """One stream of 200,000 tokens beside short ones: what a token costs, and what it leaves in memory."""
        if (tree := self._rig.tree) is None:
            return {}
        short, _ = self._long(tree, 500, streams=_LONG_TOKENS // 500)
        at_rest = tree.resident_bytes()
        half, half_peak = self._long(tree, _LONG_TOKENS // 2)
        whole, whole_peak = self._long(tree, _LONG_TOKENS)
        metrics = _cost(whole) | {
            "times_short": _cpu_of_token(whole) / _cpu_of_token(short),
            "bytes_first_half": (half_peak - at_rest) / half.tokens,
            "bytes_second_half": (whole_peak - half_peak) / half.tokens,
        }
        return {"gateway": metrics | whole.common()}

    def _long(self, tree: ProcessTree, tokens: int, *, streams: int = 1) -> tuple[Load, int]:
        """One after the other, and the most memory meanwhile."""
        tree.forget_peak()
        return self._load(f"mock-n{tokens}-ts1", c=1, n=streams, expect_tokens=tokens), tree.peak_bytes()

    def ladder(self) -> Table:
        """The most paced streams with 98 % of the tokens in time and a p99 latency of at most 50 ms."""
        best: Metrics = {"streams": 0}
        for streams in (10, 20, 40, 80, 160, 240, 320, 400, 500, 600, 800, 1000, 1250):
            metrics = self._paced(streams, seconds=4)
            if float(str(metrics["share"])) < 0.98 or float(str(metrics["token_latency_p99_ms"])) > 50:
                break
            best = {"streams": streams, **metrics}
        return {"gateway": best}

    def _load(self, model: str, *, is_direct: bool = False, max_time: float = 90, **options: str | float) -> Load:
        options |= {"ts": True, "timeout": 60, "max_time": max_time}
        return self._rig.load(model, is_direct=is_direct, is_json=False, **options)

    def _both(self, run: "Callable[..., Metrics]") -> Table:
        direct: Table = {"direct": run(is_direct=True)}
        return direct | ({"gateway": run(is_direct=False)} if self._rig.tree is not None else {})


def _times(load: Load, name: str) -> Metrics:
    """The middle and the slow end of a histogram, in milliseconds."""
    return {f"{name}_{part}_ms": load.number(f"{name}_us", part) / 1e3 for part in ("p50", "p99")}


def _cpu_of_token(load: Load) -> float:
    """Microseconds."""
    return load.cpu_seconds * 1e6 / load.tokens


def _cost(load: Load) -> Metrics:
    return {
        "cpu_us_per_token": _cpu_of_token(load),
        "core_share": load.cpu_seconds / load.wall_seconds,
        "peak_mb": load.peak_bytes / 1e6,
    }


def _requests(load: Load, *, is_direct: bool) -> Metrics:
    metrics = {"requests_per_s": load.number("rps"), **_times(load, "total"), **load.common()}
    each = load.cpu_seconds * 1e6 / max(1.0, load.number("started"))
    return metrics if is_direct else metrics | {"cpu_us_per_request": each}

"""What the suite tells of a measurement: its figures, their bars, and the table of them in Markdown."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NGINX = "nginx"

Tables = Mapping[str, Mapping[str, Mapping[str, object]]]
"""One run: by scenario, by who answered, by the name of the metric."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Args:
        title: what it is.
        scenario: where it is measured, as the next two: row and metric of that table.
        row: who, and with how much load.
        metric: its name.
        most_times_nginx: the bar for the ratio to nginx; 0 for none.
        most: the bar for the figure itself; 0 for none.
    """

    title: str
    scenario: str
    row: str
    metric: str
    most_times_nginx: float = 0
    most: float = 0


FIGURES = (
    Figure("burst: us of CPU a token", "burst", "gateway", "cpu_us_per_token", most_times_nginx=15),
    Figure("500 paced streams: us of CPU a token", "paced", "gateway_500", "cpu_us_per_token", most_times_nginx=2.2),
    Figure("500 paced streams: ms of latency, p99", "paced", "gateway_500", "token_latency_p99_ms"),
    Figure("1000 paced streams: us of CPU a token", "paced", "gateway_1000", "cpu_us_per_token"),
    Figure("1000 paced streams: share in time", "paced", "gateway_1000", "share"),
    Figure("stream of 8 tokens: us of CPU", "short", "gateway_c64", "cpu_us_per_request", most_times_nginx=25),
    Figure("answer of 64 tokens, no stream: us of CPU", "whole", "gateway", "cpu_us_per_request", most_times_nginx=20),
    Figure("open silent stream: KiB", "idle", "gateway", "kib_per_stream", most=24),
    Figure("at rest: MB", "idle", "gateway", "rest_mb", most=60),
    Figure("from `serve` to ready: s", "idle", "gateway", "ready_s", most=1),
    Figure("other streams' pauses beside requests of 3 MB: ms, p99", "large", "gateway", "gap_p99_ms", most=50),
    Figure("a token of a stream of 200,000: times one of 500", "long", "gateway", "times_short", most=1.1),
    Figure("the same: bytes of memory a token, first half", "long", "gateway", "bytes_first_half"),
    Figure("the same: bytes of memory a token, second half", "long", "gateway", "bytes_second_half"),
)


def value_of(figure: Figure, runs: Sequence[Tables]) -> float | None:
    """The middle of all runs; None where it was not measured."""
    rows = [run.get(figure.scenario, {}).get(figure.row, {}) for run in runs]
    values = [value for row in rows if isinstance(value := row.get(figure.metric), int | float)]
    return statistics.median(values) if values else None


def lines_of(name: str, found: Mapping[str, Sequence[Tables]]) -> list[str]:
    """The table of one gateway in Markdown: each figure, nginx's, the ratio, and the bar."""
    lines = [f"| {name} | figure | nginx | times nginx | bar |", "|---|---|---|---|---|"]
    for figure in FIGURES:
        own, plain = value_of(figure, found[name]), value_of(figure, found.get(NGINX, []))
        if own is None:
            continue
        ratio = f"{own / plain:.1f}" if plain else ""
        bar = f"{figure.most_times_nginx:g} x nginx" if figure.most_times_nginx else f"{figure.most:g}"
        bar = bar if figure.most or figure.most_times_nginx else ""
        other = "" if plain is None else f"{plain:.3g}"
        lines.append(f"| {figure.title} | {own:.3g} | {other} | {ratio} | {bar} |")
    return lines


def faults_of(found: Mapping[str, Sequence[Tables]]) -> list[str]:
    """Every load in which something was lost, doubled, reordered or refused."""
    return [
        f"{name}, {scenario}, {row}: {metrics['faults']}"
        for name, runs in found.items()
        for run in runs
        for scenario, table in run.items()
        for row, metrics in table.items()
        if "faults" in metrics
    ]

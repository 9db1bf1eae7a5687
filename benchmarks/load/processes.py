"""What two processes on one port carry, each with a core of its own: `python -m benchmarks.load.processes`.

The mock and the load client need little and take it where there is some: with one process from the other core, with two
from both. So the ratio is a little lower than it would be with cores of their own.
"""

import statistics
import tempfile
from pathlib import Path

import click

from benchmarks.load.bench import load_gateways
from benchmarks.load.rig import HERE, Gateway, Rig
from benchmarks.load.scenarios import Scenarios

_RATES = {
    "burst": ("tokens a second", "gateway", "tokens_per_s"),
    "short": ("streams of 8 tokens a second", "gateway_c64", "requests_per_s"),
}
"""By scenario: what it is, and where it stands in the table of the scenario."""


def rates(gateway: Gateway, harness_cores: set[int], seconds: float) -> dict[str, float]:
    """What the gateway carries, by scenario."""
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(gateway, Path(folder), gateway_core=0, harness_cores=harness_cores, tries=1)
        with rig:
            load = Scenarios(rig, seconds=seconds, paced_seconds=0, idle_streams=0)
            load.check()
            tables = {scenario: getattr(load, scenario)() for scenario in _RATES}
    return {scenario: tables[scenario][row][metric] for scenario, (_, row, metric) in _RATES.items()}


def lines_of(one: list[dict[str, float]], two: list[dict[str, float]]) -> list[str]:
    """The table in Markdown, with the middle of all runs."""
    lines = ["| What | one process | two | ratio |", "|---|---|---|---|"]
    for scenario, (title, _, _) in _RATES.items():
        single, both = (statistics.median(run[scenario] for run in runs) for runs in (one, two))
        lines.append(f"| {title} | {single:,.0f} | {both:,.0f} | {both / single:.2f} |")
    return lines


@click.command()
@click.option("--runs", default=2, show_default=True, help="How often each is measured, in turns.")
@click.option("--seconds", default=4.0, show_default=True, help="What a load aims at.")
def main(*, runs: int, seconds: float) -> None:
    """Measure, and print the table."""
    known = load_gateways(HERE / "gateways.json")
    one: list[dict[str, float]] = []
    two: list[dict[str, float]] = []
    for _ in range(runs):
        one.append(rates(known["gateway"], {1}, seconds))
        two.append(rates(known["gateway-two"], {0, 1}, seconds))
    click.echo("\n".join(lines_of(one, two)))


if __name__ == "__main__":
    main()

"""Measures a gateway under load against the mock upstream: `python -m benchmarks.load.bench --name gateway`.

Needs Linux, two cores, a C compiler (`make -C benchmarks/load`) and psutil (`make install-bench`). What the scenarios
are is in `benchmarks.load.scenarios`, how to read the result in `benchmarks/README.md`.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path

import click
import orjson

from benchmarks.load.rig import HERE, Gateway, Rig
from benchmarks.load.scenarios import Scenarios, Table

SCENARIOS = ("idle", "burst", "paced", "short", "whole", "large", "long", "ladder")


def load_gateways(path: Path) -> dict[str, Gateway]:
    """What can be measured, by name."""
    return {name: Gateway(**entry) for name, entry in orjson.loads(path.read_bytes()).items()}


def merged(runs: list[dict[str, Table]]) -> dict[str, dict[str, dict[str, list[object]]]]:
    """Every metric with its values in all runs."""
    result: dict[str, dict[str, dict[str, list[object]]]] = {}
    for run in runs:
        for scenario, table in run.items():
            for who, metrics in table.items():
                for metric, value in metrics.items():
                    place = result.setdefault(scenario, {}).setdefault(who, {})
                    place.setdefault(metric, []).append(value)
    return result


def show(name: str, runs: list[dict[str, Table]]) -> None:
    """Print the median of each metric, with the range where there is more than one run."""
    print(f"== {name}, {len(runs)} runs")
    for scenario, table in merged(runs).items():
        for who, metrics in table.items():
            cells = " ".join(f"{metric}={_cell(values)}" for metric, values in metrics.items())
            print(f"{scenario:7} {who:13} {cells}")


def _cell(values: list[object]) -> str:
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < len(values):
        return str(values)
    middle = f"{statistics.median(numbers):.4g}"
    return middle if len(numbers) == 1 else f"{middle}[{min(numbers):.3g}-{max(numbers):.3g}]"


def run_all(scenarios: Scenarios, wanted: list[str]) -> dict[str, Table]:
    """The tables of all wanted scenarios, in the given order."""
    tables: dict[str, Table] = {}
    for name in wanted:
        tables[name] = getattr(scenarios, name)()
        print(f"{name} done", file=sys.stderr)
    return tables


@click.command()
@click.option("--name", default="gateway", show_default=True, help="Which entry of gateways.json to measure.")
@click.option("--runs", default=3, show_default=True, help="How often.")
@click.option("--scenarios", default=",".join(SCENARIOS), show_default=True, help="Which loads, in this order.")
@click.option("--seconds", default=5.0, show_default=True, help="What a load without a pace aims at.")
@click.option("--paced-seconds", default=10.0, show_default=True, help="The length of paced streams.")
@click.option("--idle-streams", default=1000, show_default=True, help="Open streams of the idle scenario.")
@click.option("--gateway-core", default=0, show_default=True)
@click.option("--harness-core", default=1, show_default=True)
@click.option("--tries", default=1, show_default=True, help="Repeat a load that other programs disturbed.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where logs stay afterwards.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write all numbers as JSON.")
def main(
    *,
    name: str,
    runs: int,
    scenarios: str,
    seconds: float,
    paced_seconds: float,
    idle_streams: int,
    gateway_core: int,
    harness_core: int,
    tries: int,
    folder: Path | None,
    out: Path | None,
) -> None:
    """Measure and print."""
    wanted = scenarios.split(",")
    if unknown := set(wanted) - set(SCENARIOS):
        raise click.UsageError(f"unknown scenarios: {', '.join(sorted(unknown))}")
    gateway = load_gateways(HERE / "gateways.json")[name]
    os.sched_setaffinity(0, {harness_core})
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        with Rig(gateway, place, gateway_core=gateway_core, harness_cores={harness_core}, tries=tries) as rig:
            load = Scenarios(rig, seconds=seconds, paced_seconds=paced_seconds, idle_streams=idle_streams)
            if gateway.command:
                load.check()
            results = [run_all(load, wanted) for _ in range(runs)]
    if out is not None:
        out.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2))
    show(name, results)


if __name__ == "__main__":
    main()

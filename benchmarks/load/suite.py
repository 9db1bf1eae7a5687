"""`make bench`: gateways beside the bare mock and a plain nginx, in turns in one run, as ratios to nginx.

The ratio is what to compare: both sides of it met the same machine. The absolute figures are those of one machine on
one day. All numbers are written to `benchmarks/results/` as JSON, with the machine, the versions and the commit.
"""

import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click
import orjson

from benchmarks.load.bench import load_gateways, run_all
from benchmarks.load.figures import NGINX, faults_of, lines_of
from benchmarks.load.rig import HERE, ROOT, Gateway, Rig
from benchmarks.load.scenarios import Scenarios, Table

RESULTS = ROOT / "benchmarks" / "results"
_PACKAGES = ("responses-gateway", "aiohttp", "uvloop", "orjson")


@dataclass(frozen=True, slots=True)
class Measure:
    """How long the loads are, and on which cores."""

    seconds: float
    paced_seconds: float
    streams: int
    scenarios: list[str]
    gateway_core: int = 0
    harness_core: int = 1


def measured(gateway: Gateway, measure: Measure) -> dict[str, Table]:
    """All scenarios for one gateway, in processes of its own."""
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(
            gateway,
            Path(folder),
            gateway_core=measure.gateway_core,
            harness_cores={measure.harness_core},
            tries=1,
        )
        with rig:
            load = Scenarios(
                rig, seconds=measure.seconds, paced_seconds=measure.paced_seconds, idle_streams=measure.streams
            )
            load.check()
            return run_all(load, measure.scenarios)


def in_turns(gateways: Mapping[str, Gateway], measure: Measure, runs: int) -> dict[str, list[dict[str, Table]]]:
    """The gateways one after the other, and again: what disturbs the machine for a while meets all of them."""
    found: dict[str, list[dict[str, Table]]] = {name: [] for name in gateways}
    for _ in range(runs):
        for name, gateway in gateways.items():
            click.echo(f"measuring {name}", err=True)
            found[name].append(measured(gateway, measure))
    return found


def about() -> dict[str, object]:
    """The machine, the versions and the commit that the numbers are of."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "commit": commit.stdout.strip(),
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": platform.machine(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _PACKAGES},
    }


@click.command()
@click.option("--gateways", default="gateway", show_default=True, help="Names in gateways.json, separated by commas.")
@click.option("--runs", default=2, show_default=True, help="How often each is measured, in turns.")
@click.option("--scenarios", default="idle,burst,paced,short,whole,large,long", show_default=True)
@click.option("--seconds", default=4.0, show_default=True, help="What a load without a pace aims at.")
@click.option("--paced-seconds", default=8.0, show_default=True, help="The length of paced streams.")
@click.option("--streams", default=1000, show_default=True, help="Silent streams that are open at a time.")
def main(*, gateways: str, runs: int, scenarios: str, seconds: float, paced_seconds: float, streams: int) -> None:
    """Measure, print the tables, and write the results."""
    known = load_gateways(HERE / "gateways.json")
    chosen = {name: known[name] for name in (NGINX, *gateways.split(","))}
    measure = Measure(seconds, paced_seconds, streams, scenarios.split(","))
    os.sched_setaffinity(0, {measure.harness_core})
    found = in_turns(chosen, measure, runs)
    for name in gateways.split(","):
        click.echo("\n".join(["", *lines_of(name, found)]))
    for line in faults_of(found):
        click.echo(f"fault: {line}")
    RESULTS.mkdir(exist_ok=True)
    place = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    place.write_bytes(orjson.dumps({"about": about(), "runs": found}, option=orjson.OPT_INDENT_2))
    click.echo(f"\nwritten to {place.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

"""`python -m tests.soak [--minutes N] [--record]`: runs the soak; its exit status is 0 only if nothing was found."""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

import click

from tests.faults.figures import Figures
from tests.soak.run import Plan, Report, soak
from tests.soak.verdict import MEGABYTE, slope


def main() -> int:
    """Run, tell, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--record", action="store_true", help="keep the figures for docs/reliability.md")
    arguments = parser.parse_args()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # the upstreams', whose client leaves on purpose
    plan = Plan(seconds=arguments.minutes * 60, clients=arguments.clients)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        report = asyncio.run(soak(Path(folder), plan, click.echo))
    tell(report)
    if arguments.record:
        record(report, arguments.minutes)
    return 0 if report.is_good else 1


def tell(report: Report) -> None:
    """The verdict with its figures."""
    click.echo("\nwhat clients did:")
    for name, number in sorted(report.tally.done.items()):
        click.echo(f"  {number:7}  {name}")
    click.echo("how requests ended:")
    for word, number in sorted(report.terminations.items()):
        click.echo(f"  {number:7}  {word}")
    for text in (*report.tally.unexpected[:20], *report.loud_lines[:20]):
        click.echo(f"  ! {text}")
    last = report.samples[-1]
    click.echo(
        f"memory at the end: {last.memory / MEGABYTE:.1f} MiB; slope {slope(report.samples) / MEGABYTE:.2f} MiB an hour"
    )
    for finding in report.findings:
        click.echo(str(finding))
    click.echo(f"verdict: {'good' if report.is_good else 'NOT GOOD'}")


def record(report: Report, minutes: float) -> None:
    """Keep what docs/reliability.md tells of the case L9."""
    figures = Figures()
    figures.note("L9", "minutes", minutes, "")
    figures.note("L9", "requests", sum(report.terminations.values()), "")
    figures.note("L9", "memory at the end", report.samples[-1].memory / MEGABYTE, "MiB")
    for finding in report.findings:
        figures.note("L9", finding.name, finding.value, finding.unit)
    figures.record()


if __name__ == "__main__":
    sys.exit(main())

"""The command `responses-gateway doctor`: whom it examines, what that costs, and the table that grows meanwhile."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from gateway import configuration
from gateway.configuration import ConfigurationError
from gateway.doctor.advice import advice, remarks
from gateway.doctor.block import provider_block
from gateway.doctor.examination import Examination, NoAnswerError, NoModelError
from gateway.doctor.findings import Finding
from gateway.doctor.probes import LIMIT, PROBES
from gateway.settings import ProviderSettings
from gateway.upstream.client import Upstream

_SUBJECT_WIDTH = max(len(question.subject) for probe in PROBES for question in probe.questions)
_BESIDE = 6
"""Requests beside the probes: the list of models, the first answer, and what is below other paths."""
_PROMPT_TOKENS = 150
"""Of one probe, with the tools of some of them; roughly."""


@dataclass(frozen=True, slots=True)
class Patient:
    """Who is examined.

    Args:
        settings: the provider, complete.
        table: the same as it is written in the configuration.
    """

    settings: ProviderSettings
    table: Mapping[str, object]


class NotReachedError(Exception):
    """The upstream cannot be reached."""


def given(name: str, base_url: str, api_key_env: str | None, environment: Mapping[str, str]) -> Patient:
    """The upstream at an address, with the key that a variable of the environment holds.

    Raises:
        click.UsageError: when they cannot be used.
    """
    table = {"name": name, "base_url": base_url}
    if api_key_env is not None:
        table["api_key"] = f"${{{api_key_env}}}"
    try:
        settings = configuration.from_document({"providers": [table]}, Path("the command line"), environment)
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from None
    return Patient(settings.providers[0], table)


def configured(name: str | None, config: Path | None, environment: Mapping[str, str]) -> Patient:
    """The provider of this name in the file, or the only one of it.

    Raises:
        click.UsageError: when it is not clear which one is meant.
        ConfigurationError: when the file is wrong.
    """
    if config is None:
        raise click.UsageError("Say what to examine: --config FILE (or GATEWAY_CONFIG=FILE), or --base-url URL.")
    document = configuration.document_of(config)
    providers = configuration.from_document(document, config, environment).providers
    tables = document.get("providers")
    found = [index for index, one in enumerate(providers) if name in (None, one.name)]
    if len(found) != 1 or not isinstance(tables, list):
        names = ", ".join(one.name for one in providers) or "none"
        raise click.UsageError(f"Say which provider to examine; {config} has: {names}.")
    return Patient(providers[found[0]], tables[found[0]])


def price(patient: Patient) -> str:
    """What the examination costs, in words."""
    requests = len(PROBES) + _BESIDE
    return (
        f"The doctor sends about {requests} small requests to {patient.settings.base_url}: some "
        f"{requests * _PROMPT_TOKENS} tokens of prompts, and at most {requests * LIMIT} of answers, mostly far less."
    )


def examine(patient: Patient, model: str, *, timeout_seconds: float) -> str:
    """Prints the findings and gives the provider's block.

    Args:
        patient: who is examined.
        model: the model's id there; empty to take the first of its list.
        timeout_seconds: for each answer.

    Raises:
        click.UsageError: when nobody says which model to ask.
        NotReachedError: when there is no upstream.
        ConfigurationError: when it refuses the key, the model or the plainest request.
    """
    try:
        return asyncio.run(_examine(patient, model, timeout_seconds))
    except NoModelError as error:
        raise click.UsageError(str(error)) from None
    except NoAnswerError as error:
        problem = f"{patient.settings.name}: {error}"
        if error.is_reached:
            raise ConfigurationError([problem]) from None
        raise NotReachedError(problem) from None


async def _examine(patient: Patient, model: str, timeout_seconds: float) -> str:
    async with Upstream(patient.settings) as upstream:
        examination = Examination(upstream, model, timeout_seconds=timeout_seconds)
        async for finding in examination.run():
            click.echo(row(finding))
    return provider_block(patient.table, advice(examination.findings), remarks(examination.findings))


def row(finding: Finding) -> str:
    """One line of the table."""
    reading = finding.reading
    return f"{finding.subject:<{_SUBJECT_WIDTH}}  {reading.verdict:<7}  {_printable(reading.detail)}".rstrip()


def _printable(text: str) -> str:
    """An upstream's words must not steer the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def write_block(path: Path, block: str) -> None:
    """A new file with the block.

    Raises:
        OSError: when it is there already, or cannot be made.
    """
    with path.open("x", encoding="utf-8") as file:
        file.write(block)

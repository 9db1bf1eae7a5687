"""The command as people run it: a process of its own, against servers in the test's process."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from gateway import configuration
from gateway.demo.app import create_app
from gateway.doctor.command import row
from gateway.doctor.findings import Finding, Reading
from tests.fakes import dialects
from tests.fakes.dialects import Dialect, speaking
from tests.fakes.ports import free_port
from tests.fakes.upstream import serving

ROOT = Path(__file__).parent.parent.parent


async def doctor(*arguments: str | Path, answer: str = "", **environment: str) -> tuple[int | None, str, str]:
    """Exit code, output and errors."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "doctor", *map(str, arguments)),
        cwd=ROOT,
        env=inherited | environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(answer.encode())
    return process.returncode, output.decode(), errors.decode()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "gateway.toml"


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


async def test_the_demo_upstream_needs_no_quirk_that_makes_it_weaker() -> None:
    async with serving(create_app(pace_seconds=0)) as base_url:
        code, output, errors = await doctor("--base-url", base_url, "--yes")
    assert (code, "about" in errors) == (0, True)
    table, _, block = output.partition("\n\n")
    assert "answers                            yes      as demo\n" in table
    assert block.startswith("[[providers]]\n")
    assert "\n[providers.quirks]\n" not in block


async def test_a_configured_provider_is_examined_and_its_block_written(config: Path, tmp_path: Path) -> None:
    async with speaking(dialects.mlx_lm()) as base_url:
        write(config, f'[[providers]]\nname = "mlx"\nbase_url = "{base_url}"\napi_key = "${{KEY}}"\n')
        written = tmp_path / "found.toml"
        code, output, _ = await doctor("--config", config, "--yes", "--write", written, KEY="sk-secret")
    assert code == 0
    assert "sk-secret" not in output
    assert output.endswith(written.read_text())
    (provider,) = configuration.load(written, {"KEY": "k"}).providers
    assert (provider.name, provider.api_key, provider.quirks.reasoning_field) == ("mlx", "k", "reasoning")
    assert (provider.quirks.tool_choice, provider.quirks.images) == (("auto",), "none")


async def test_the_key_of_an_address_comes_from_the_environment() -> None:
    dialect = Dialect()
    async with speaking(dialect) as base_url:
        code, output, _ = await doctor(
            "mine", "--base-url", base_url, "--api-key-env", "MY_KEY", "--model", "other", "--yes", MY_KEY="sk-secret"
        )
    assert (code, dialect.keys) == (0, {"Bearer sk-secret"})
    assert 'name = "mine"' in output
    assert 'api_key = "${MY_KEY}"' in output
    assert "as other" in output


@pytest.mark.parametrize(("answer", "expected"), [("y\n", 0), ("n\n", 130), ("", 130)])
async def test_nothing_is_spent_without_a_yes(answer: str, expected: int) -> None:
    dialect = Dialect()
    async with speaking(dialect) as base_url:
        code, output, errors = await doctor("--base-url", base_url, answer=answer)
    assert code == expected
    assert bool(dialect.received) is bool(output) is (expected == 0)
    assert "tokens" in errors


async def test_an_upstream_that_cannot_be_reached() -> None:
    code, _, errors = await doctor("--base-url", f"http://127.0.0.1:{free_port()}/v1", "--yes")
    assert code == 69
    assert errors.endswith("upstream: The upstream cannot be reached.\n")


async def test_a_key_that_is_refused(config: Path) -> None:
    dialect = Dialect(refuses=lambda _: (401, {"error": {"message": "Incorrect API key: sk-secret"}}))
    async with speaking(dialect) as base_url:
        write(config, f'[[providers]]\nname = "up"\nbase_url = "{base_url}"\napi_key = "sk-secret"\n')
        code, output, errors = await doctor("up", "--config", config, "--yes")
    assert code == 78
    assert errors.endswith("up: The upstream refused the gateway's credentials.\n")
    assert "sk-secret" not in output + errors


@pytest.mark.parametrize(
    ("lines", "arguments", "code"),
    [
        ("", [], 64),
        (
            '[[providers]]\nname = "a"\nbase_url = "http://h"\n[[providers]]\nname = "b"\nbase_url = "http://h"\n',
            [],
            64,
        ),
        ('[[providers]]\nname = "a"\nbase_url = "http://h"\n', ["b"], 64),
        ("bogus = 1\n", [], 78),
    ],
)
async def test_it_must_be_clear_who_is_meant(config: Path, lines: str, arguments: list[str], code: int) -> None:
    write(config, lines)
    done, output, errors = await doctor(*arguments, "--config", config, "--yes")
    assert (done, output) == (code, "")
    assert errors


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--base-url", "ftp://h"],
        ["--base-url", "http://h", "--api-key-env", "NOT_SET"],
        ["--base-url", "http://h", "--timeout", "0"],
        ["--base-url", "http://h", "--write", __file__],
    ],
)
async def test_a_wrong_call(arguments: list[str]) -> None:
    code, output, errors = await doctor(*arguments, "--yes")
    assert (code, output) == (64, "")
    assert errors


async def test_an_upstream_without_a_list_needs_the_models_name() -> None:
    async with speaking(Dialect(models=[])) as base_url:
        code, _, errors = await doctor("--base-url", base_url, "--yes")
    assert code == 64
    assert "--model" in errors


def test_an_upstreams_words_do_not_steer_the_terminal() -> None:
    assert "\x1b" not in row(Finding("a", "a", Reading("refused", "\x1b[2Jno")))

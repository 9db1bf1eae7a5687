"""The Debian package, as it is built from here: what is in it, what its scripts do, and a gateway that starts from it."""

import asyncio
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway import __version__
from gateway.access.issuing import add_key
from tests import debian
from tests.fakes.service_manager import notices
from tests.fakes.upstream import WAIT

ROOT = debian.ROOT
LIBRARY = "usr/lib/responses-gateway"
pytestmark = pytest.mark.timeout(300)
"""The package is made once, for the test that comes first."""
SCRIPTS = ("postinst", "prerm", "postrm")


@dataclass(frozen=True, slots=True)
class Package:
    """A package, and what it unpacks to."""

    file: Path
    tree: Path
    control: Path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The command of the package; its script knows only the place where it is installed."""
        command = [str(self.tree / LIBRARY / "bin" / "python"), "-I", "-m", "gateway", *arguments]
        return subprocess.run(
            command,
            env={"PATH": os.environ["PATH"]} | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    folder = tmp_path_factory.mktemp("package")
    command = [str(ROOT / "config" / "debian" / "build"), str(folder)]
    environment = os.environ | {"DPKG_DEB_COMPRESSOR_TYPE": "none"}  # which takes a minute otherwise
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = folder.glob("*.deb")
    made = Package(file, folder / "tree", folder / "control")
    subprocess.run(["dpkg-deb", "--extract", made.file, made.tree], check=True, timeout=60)
    subprocess.run(["dpkg-deb", "--control", made.file, made.control], check=True, timeout=60)
    return made


def test_the_package_has_its_files_in_their_places(package: Package) -> None:
    listed = subprocess.run(
        ["dpkg-deb", "--contents", package.file], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    modes = {line.split()[5]: (line.split()[0], line.split()[1]) for line in listed.splitlines()}
    assert {owner for _, owner in modes.values()} == {"root/root"}
    expected = {
        "./usr/bin/responses-gateway": "-rwxr-xr-x",
        "./usr/sbin/responses-gateway-rolling-restart": "-rwxr-xr-x",
        "./usr/lib/responses-gateway/bin/responses-gateway": "-rwxr-xr-x",
        "./lib/systemd/system/responses-gateway@.service": "-rw-r--r--",
        "./lib/systemd/system/responses-gateway@.socket": "-rw-r--r--",
        "./lib/systemd/system/responses-gateway.target": "-rw-r--r--",
        "./usr/lib/sysusers.d/responses-gateway.conf": "-rw-r--r--",
        "./usr/lib/tmpfiles.d/responses-gateway.conf": "-rw-r--r--",
        "./etc/responses-gateway/gateway.toml": "-rw-r-----",
        "./etc/responses-gateway/credentials/": "drwx------",
        "./usr/share/doc/responses-gateway/copyright": "-rw-r--r--",
        "./usr/share/doc/responses-gateway/nginx/several-instances.conf": "-rw-r--r--",
        "./usr/share/doc/responses-gateway/docs/operations.md": "-rw-r--r--",
    }
    assert {name: modes[name][0] for name in expected} == expected
    tops = {"/".join(name.split("/")[:3]).rstrip("/") for name in modes if name.count("/") > 2}
    assert tops == {"./etc/responses-gateway", "./lib/systemd", "./usr/bin", "./usr/lib", "./usr/sbin", "./usr/share"}


def test_nothing_secret_and_nothing_of_the_builder_is_in_it(package: Package) -> None:
    for path in package.tree.rglob("*"):
        assert path.name not in ("keys.toml", "sealing.keys"), path
        assert path.suffix not in (".pth", ".egg-link"), path
        if path.is_file() and not path.is_symlink():
            assert str(ROOT).encode() not in path.read_bytes(), path
    program = (package.tree / LIBRARY / "bin" / "responses-gateway").read_text()
    assert program.splitlines()[0] == f"#!/{LIBRARY}/bin/python -I"


def test_its_control_files_say_what_it_is(package: Package) -> None:
    fields = dict(
        line.split(": ", 1)
        for line in (package.control / "control").read_text().splitlines()
        if not line.startswith(" ")
    )
    assert fields["Package"] == "responses-gateway"
    assert fields["Version"] == __version__
    assert re.fullmatch(r"python3\.\d+, systemd \(>= 252\)", fields["Depends"])
    assert "@" not in fields["Version"] + fields["Architecture"] + fields["Depends"]
    assert (package.control / "conffiles").read_text() == "/etc/responses-gateway/gateway.toml\n"
    sums = [line.split("  ", 1) for line in (package.control / "md5sums").read_text().splitlines()]
    assert len(sums) > 1000
    assert all((package.tree / name).is_file() for _, name in sums)


def test_the_page_about_deployment_names_what_is_in_it(package: Package) -> None:
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    for name in re.findall(r"(?<![\w.])(/(?:usr|lib)/[\w./-]+)", page):
        if not name.startswith("/usr/bin/python"):
            assert (package.tree / name.removeprefix("/")).exists(), name
    for name in re.findall(r"^install -m 644 (\S+)", page, re.MULTILINE):
        assert (package.tree / "usr/share/doc/responses-gateway/nginx" / name).is_file(), name


@dataclass(frozen=True, slots=True)
class Server:
    """The places of a server below a folder, with the commands that the package puts there."""

    package: Package
    root: Path

    def here(self, text: str) -> str:
        """The text with its absolute paths below the folder."""
        places = ("/etc/responses-gateway", "/etc/default", "/etc/nginx", "/usr/share/doc", "/var/lib", "/usr/lib")
        for place in places:
            text = text.replace(place, f"{self.root}{place}")
        return text

    def make(self) -> None:
        for place in ("etc/default", "etc/nginx/modules-enabled", "etc/nginx/sites-available", "bin", "usr/lib"):
            (self.root / place).mkdir(parents=True)
        (self.root / "etc/nginx/nginx.conf").write_text("events {\n\tworker_connections 768;\n\t# more\n}\n")
        for place in ("etc/nginx/sites-enabled", "etc/nginx/snippets"):
            (self.root / place).mkdir()
        shutil.copytree(self.package.tree / "etc/responses-gateway", self.root / "etc/responses-gateway")
        shutil.copytree(self.package.tree / "usr/share/doc", self.root / "usr/share/doc")
        (self.root / LIBRARY).symlink_to(self.package.tree / LIBRARY)
        command = self.here((self.package.tree / "usr/bin/responses-gateway").read_text())
        program = f"{self.root}/{LIBRARY}/bin/responses-gateway"
        command = command.replace(program, f"{self.root}/{LIBRARY}/bin/python -I -m gateway")
        (self.root / "bin/responses-gateway").write_text(command)
        (self.root / "bin/responses-gateway").chmod(0o755)
        configuration = self.root / "etc/responses-gateway/gateway.toml"
        configuration.write_text(self.here(configuration.read_text()))

    def run(self, script: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Commands as a shell runs them, with what is typed into them."""
        path = f"{self.root}/bin:{os.environ['PATH']}"
        command = ["sh", "-euc", self.here(script)]
        return subprocess.run(
            command, env={"PATH": path}, input=given, capture_output=True, text=True, check=False, timeout=60
        )


@pytest.fixture
def server(package: Package, tmp_path: Path) -> Server:
    made = Server(package, tmp_path)
    made.make()
    return made


def test_the_commands_of_the_page_work_as_they_are_written(server: Server) -> None:
    """All but those that speak to systemd, to apt and to the network."""
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    configuration = server.root / "etc/responses-gateway/gateway.toml"
    (provider,) = re.findall(r"```toml\n(\[\[providers\]\].*?)```", page, re.DOTALL)
    configuration.write_text(configuration.read_text() + "\n" + provider)
    assert "DEEPSEEK_API_KEY" in server.run("responses-gateway check").stderr, "its key is not there yet"
    elsewhere = [
        "apt",
        "git",
        "make",
        "systemctl",
        "editor",
        "curl",
        "nginx",
        "docker",
        "responses-gateway-rolling-restart",
    ]
    foreign = ("  ", "responses-gateway health", *elsewhere)
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    for block in blocks:
        script = "\n".join(line for line in block.splitlines() if not line.startswith(foreign))
        done = server.run(script, given="upstream-secret\n")
        assert done.returncode == 0, (script, done.stderr)
    told = server.run("responses-gateway check")
    assert told.stdout.startswith("ok: 1 provider, 0 aliases, 1 key"), told.stderr
    secret = server.root / "etc/responses-gateway/credentials/DEEPSEEK_API_KEY"
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("upstream-secret\n", 0o600)
    nginx = server.root / "etc/nginx"
    assert "worker_connections 16384;\n\t# more" in (nginx / "nginx.conf").read_text()
    assert "responses_gateway" in (nginx / "sites-enabled/responses-gateway").read_text()


def test_the_command_knows_the_variables_of_the_service(server: Server) -> None:
    configuration = server.root / "etc/responses-gateway/gateway.toml"
    provider = '\n[[providers]]\nname = "up"\nbase_url = "${UP_URL}"\nheaders = { X-Odd = "${UP_KEY} ${UP_TAIL}" }\n'
    configuration.write_text(configuration.read_text() + provider)
    assert "UP_URL" in server.run("responses-gateway check").stderr
    trap = server.root / "trap"
    lines = (
        "# a comment",
        f"$(touch {trap})=1",
        f"UP_KEY=$(touch {trap})",
        'UP_URL="http://up.example/v1"',
        "",
        "UP_TAIL=a b",
    )
    (server.root / "etc/default/responses-gateway").write_text("\n".join(lines))
    done = server.run("responses-gateway check")
    assert done.stdout.startswith("ok: 1 provider"), done.stderr
    assert not trap.exists()


def test_the_same_commands_work_from_it(package: Package) -> None:
    assert __version__ in package.run("--version").stdout
    config = package.tree / "etc" / "responses-gateway" / "gateway.toml"
    done = package.run("check", "--config", str(config))
    assert done.returncode == 0, done.stderr


def test_every_setting_that_needs_an_extra_works_from_it(package: Package, tmp_path: Path) -> None:
    config, python = tmp_path / "gateway.toml", str(package.tree / LIBRARY / "bin" / "python")
    config.write_text(
        """
        state = { backend = "postgresql", url = "postgresql://user:password@127.0.0.1/database" }
        limits = { redis = "redis://127.0.0.1" }
        tracing = { endpoint = "http://127.0.0.1:4318/v1/traces" }
        """
    )
    done = package.run("check", "--config", str(config))
    assert done.returncode == 0, done.stderr
    for module in ("asyncpg", "opentelemetry.exporter.otlp.proto.http.trace_exporter", "redis.asyncio", "uvloop"):
        subprocess.run([python, "-I", "-c", f"import {module}"], check=True, timeout=60)


async def test_a_gateway_starts_from_it_with_a_secret_of_its_folder(package: Package, tmp_path: Path) -> None:
    config, credentials = tmp_path / "gateway.toml", tmp_path / "credentials"
    text = (package.tree / "etc" / "responses-gateway" / "gateway.toml").read_text()
    for place in ("/etc/responses-gateway", "/var/lib/responses-gateway"):
        text = text.replace(place, str(tmp_path))
    text = "\n".join(line.removeprefix("#") if re.match(r"#[a-z\[]", line) else line for line in text.splitlines())
    config.write_text(text)
    credentials.mkdir()
    (credentials / "credentials_LOCAL_API_KEY").write_text("upstream-secret\n")
    add_key(tmp_path / "keys.toml", "laptop")
    async with notices(tmp_path / "notify") as heard:
        process = await asyncio.create_subprocess_exec(
            str(package.tree / LIBRARY / "bin" / "python"),
            *("-I", "-m", "gateway", "serve", "--config", str(config), "--port", "0"),
            env=heard.environment | {"CREDENTIALS_DIRECTORY": str(credentials)},
            stderr=asyncio.subprocess.PIPE,
        )
        assert "Listening on" in (await heard.wait_for("READY"))["STATUS"]
        process.terminate()
        _, log = await asyncio.wait_for(process.communicate(), WAIT)
    assert process.returncode == 0, log
    assert b'"keys":1' in log
    assert b"upstream-secret" not in log
    for kept in ("sealing.keys", "responses.db"):
        assert (tmp_path / kept).exists()


FAKE = '#!/bin/sh\necho "$(basename "$0") $*" >> "$LOG"\n'


def calls_of(package: Package, folder: Path, script: str, *arguments: str) -> list[str]:
    """What a script of the package calls, on a machine without systemd as its first process."""
    log = folder / "log"
    log.touch()
    for name in ("systemd-sysusers", "systemd-tmpfiles", "systemctl", "responses-gateway-rolling-restart"):
        (folder / name).write_text(FAKE)
        (folder / name).chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "LOG": str(log)}
    subprocess.run([package.control / script, *arguments], env=environment, check=True, timeout=20)
    return [line for line in log.read_text().splitlines() if not line.startswith("systemctl")]


def test_its_scripts_make_the_user_and_remove_only_when_purged(package: Package, tmp_path: Path) -> None:
    made = ["systemd-sysusers responses-gateway.conf", "systemd-tmpfiles --create responses-gateway.conf"]
    assert calls_of(package, tmp_path, "postinst", "configure", "")[:2] == made
    (tmp_path / "log").unlink()
    assert calls_of(package, tmp_path, "prerm", "upgrade") == []
    assert calls_of(package, tmp_path, "postrm", "remove") == []
    # Not run: on a machine with a gateway a mistake here would be paid for.
    (removal,) = re.findall(r"^( *)rm -rf (.*)$", (package.control / "postrm").read_text(), re.MULTILINE)
    assert removal == ("    ", "/etc/responses-gateway /var/lib/responses-gateway")


@pytest.mark.parametrize("kind", ["sysusers", "tmpfiles"])
def test_systemds_programs_understand_what_makes_user_and_folders(kind: str, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    groups = (Path("/etc/passwd"), Path("/etc/group"))
    for path in groups:
        (tmp_path / "etc" / path.name).write_bytes(path.read_bytes())
    users = str(ROOT / "config" / "systemd" / "responses-gateway.sysusers")
    command = [str(debian.program("systemd-sysusers")), f"--root={tmp_path}", users]
    subprocess.run(command, env=debian.environment(), check=True, timeout=20)
    assert "responses-gateway:x:" in (tmp_path / "etc" / "passwd").read_text()
    if kind == "tmpfiles":
        files = str(ROOT / "config" / "systemd" / "responses-gateway.tmpfiles")
        command = [str(debian.program("systemd-tmpfiles")), f"--root={tmp_path}", "--create", files]
        subprocess.run(command, env=debian.environment(), check=True, timeout=20)
        keys = tmp_path / "etc" / "responses-gateway" / "keys.toml"
        assert keys.stat().st_mode & 0o777 == 0o640
        assert keys.read_bytes() == b""


def test_its_scripts_are_scripts_for_any_shell() -> None:
    scripts = [*(ROOT / "config" / "debian" / name for name in (*SCRIPTS, "build"))]
    scripts += [ROOT / "config" / "systemd" / name for name in ("install", "responses-gateway")]
    for script in scripts:
        subprocess.run(["sh", "-n", script], check=True, timeout=20)
        assert os.access(script, os.X_OK)

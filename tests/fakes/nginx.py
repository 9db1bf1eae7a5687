"""A real nginx with the shipped configuration, on loopback ports and before sockets that the test chooses."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import debian
from tests.fakes.certificates import authority, signed
from tests.fakes.ports import free_port

SHIPPED = debian.ROOT / "config" / "nginx"
VARIANTS = {"several-instances": 2, "one-instance": 1}
"""The shipped sites, and how many instances each names."""

_START_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Nginx:
    """An nginx that runs, or only its configuration."""

    folder: Path
    port: int
    tls_port: int
    authority: Path

    @property
    def base_url(self) -> str:
        """Without TLS, which the shipped sites have not: for load."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def secure_url(self) -> str:
        return f"https://127.0.0.1:{self.tls_port}/v1"

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client has to trust."""
        return ssl.create_default_context(cafile=self.authority)

    @property
    def command(self) -> list[str]:
        """Without its last arguments."""
        return [str(debian.program("nginx")), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]

    @property
    def errors(self) -> str:
        """What its log tells of errors."""
        return (self.folder / "error.log").read_text(encoding="utf-8")


def installed(folder: Path, variant: str, sockets: Sequence[Path], most_at_once: int | None = None) -> Nginx:
    """Puts the shipped files where nginx finds them, with their addresses replaced, and the limit for an address if wanted."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(SHIPPED / "snippets", folder / "snippets")
    issuer = authority(folder)
    nginx = Nginx(folder, free_port(), free_port(), issuer.path)
    server = signed(folder, issuer)
    site = (SHIPPED / f"{variant}.conf").read_text(encoding="utf-8")
    for number, path in enumerate(sockets, 1):
        site = _replaced(site, f"server unix:/run/responses-gateway/{number}.sock ", f"server unix:{path} ")
    site = _replaced(site, "listen 443 ssl http2;", f"listen 127.0.0.1:{nginx.tls_port} ssl http2;")
    site = _replaced(site, "listen [::]:443 ssl http2;", f"listen 127.0.0.1:{nginx.port};")
    site = _replaced(site, "/etc/ssl/certs/gateway.example.com.pem", str(server.path))
    site = _replaced(site, "/etc/ssl/private/gateway.example.com.key", str(server.path))
    if most_at_once is not None:
        shared = folder / "snippets" / "responses-gateway.conf"
        text = shared.read_text(encoding="utf-8")
        shared.write_text(_replaced(text, "_clients 1000;", f"_clients {most_at_once};"), encoding="utf-8")
    (folder / "site.conf").write_text(site, encoding="utf-8")
    (folder / "nginx.conf").write_text(_main(folder), encoding="utf-8")
    return nginx


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"the shipped site has not exactly one {old!r}")
    return text.replace(old, new)


def _main(folder: Path) -> str:
    """What Debian's nginx.conf says, as far as the site depends on it."""
    # Its workers would be another user, who does not reach the folders of tests.
    user = "user root;" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"    {kind}_temp_path {folder}/{kind};" for kind in kinds)
    return f"""{user}
worker_processes 2;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
{temporary}
    include {folder}/site.conf;
}}
"""


@contextmanager
def running_nginx(
    folder: Path, variant: str, sockets: Sequence[Path], most_at_once: int | None = None
) -> Iterator[Nginx]:
    """Runs nginx with a shipped site while the block runs."""
    nginx = installed(folder, variant, sockets, most_at_once)
    process = subprocess.Popen(nginx.command, env=debian.environment(), stderr=subprocess.PIPE)
    try:
        _wait_until_open(nginx.port, process)
        yield nginx
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=_START_SECONDS)


def _wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nginx did not start: {process.communicate()[1].decode()}") from None
            time.sleep(0.02)
        else:
            return

import subprocess
import sys

from tests.debian import ROOT
from tests.fakes.ports import free_port

ASKS = "from tests.fakes.ports import free_port; print(*(free_port() for _ in range(50)), flush=True); input()"


def test_no_port_is_given_twice_nor_to_two_processes() -> None:
    own = [free_port() for _ in range(50)]
    command = [sys.executable, "-c", ASKS]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        others = [int(port) for port in other.stdout.readline().split()]
        other.communicate("\n")
    assert len(set(own + others)) == 100

"""Who may use a gateway without keys: programs of this machine, and no page in its browser.

A page anywhere can make a browser post to a loopback address, and with a name of its own that leads there it could read
the answer too (DNS rebinding). Such requests name the page's origin, or its name as the host.
"""

import ipaddress

from aiohttp.hdrs import HOST, ORIGIN
from aiohttp.web import Request
from yarl import URL


def is_from_this_machine(request: Request) -> bool:
    """Whether the request is for a loopback name, and not from a page of somebody else's."""
    origin = request.headers.get(ORIGIN)
    return _is_loopback(f"//{request.headers.get(HOST, '')}") and (origin is None or _is_loopback(origin))


def _is_loopback(address: str) -> bool:
    try:
        host = URL(address).host or ""
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""`/healthz` and `/readyz`: whether the process lives, and whether it takes traffic."""

from aiohttp.web import Request, StreamResponse

from gateway.web.answers import json_answer
from gateway.web.services import SERVICES


async def healthz(_request: Request) -> StreamResponse:
    """200 while the loop answers."""
    return json_answer({"status": "ok"})


async def readyz(request: Request) -> StreamResponse:
    """200 while new requests are welcome, 503 while the process drains."""
    if request.app[SERVICES].readiness.is_draining:
        return json_answer({"status": "draining"}, 503)
    return json_answer({"status": "ready"})

"""A gateway with a store of its own, in the test's process, and the official Python SDK on a real socket before it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from openai import AsyncOpenAI
from openai.types.responses import Response

from gateway.store.protocol import Store
from tests.fakes.chat import text_stream
from tests.fakes.local_gateway import KEY, LocalGateway, local_gateway, provider
from tests.fakes.upstream import WAIT, Script, Upstream, running_upstream

MODEL = "up/model"


@dataclass(slots=True)
class Place:
    """An SDK, the gateway it speaks to, and the upstream behind that."""

    sdk: AsyncOpenAI
    gateway: LocalGateway
    upstream: Upstream

    def answers(self, *streams: bytes) -> None:
        """The upstream answers the next requests with these."""
        self.upstream.answer(*(Script.of(stream) for stream in streams))

    @property
    def sent(self) -> list[object]:
        """The contents of the messages that the upstream got last."""
        return [message.get("content") for message in self.upstream.last.json["messages"]]


@asynccontextmanager
async def place(store: Store | None = None, **state: object) -> AsyncIterator[Place]:
    """A gateway with these members of `[state]`, or with a store as it is."""
    async with (
        running_upstream() as upstream,
        local_gateway(provider(upstream.base_url), state=state, store=store) as gateway,
        AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0, timeout=WAIT) as sdk,
    ):
        yield Place(sdk, gateway, upstream)


async def create(sdk: AsyncOpenAI, *, stream: bool, **members: object) -> Response:
    """A response, by a stream of events or without."""
    responses: Any = sdk.responses
    if not stream:
        return cast("Response", await responses.create(model=MODEL, **members))
    async with responses.stream(model=MODEL, **members) as events:
        return cast("Response", await events.get_final_response())


def is_stored(response: Response) -> object:
    """What the wire says in `store`, which the SDK does not know."""
    return (response.model_extra or {})["store"]


def texts(items: Iterable[Any]) -> list[str]:
    """The text of each message."""
    return [item.content[0].text for item in items]


async def until_over(sdk: AsyncOpenAI, response_id: str) -> Response:
    """Polls until the response is over."""
    async with asyncio.timeout(WAIT):
        while True:
            response = await sdk.responses.retrieve(response_id)
            if response.status not in ("queued", "in_progress"):
                return response
            await asyncio.sleep(0.01)


async def create_text(there: Place) -> Response:
    """A response of one word."""
    there.answers(text_stream("Hello"))
    return await create(there.sdk, stream=False, input="Hi")

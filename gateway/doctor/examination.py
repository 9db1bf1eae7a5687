"""Asks one upstream everything, one request after the other: a small server does one thing at a time.

This is the only module of the doctor that waits. What the answers mean is decided elsewhere.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.codec.json import JSONObject, JSONValue, dumps, loads
from gateway.doctor.findings import Finding, Findings, Reading
from gateway.doctor.observation import Observation, failed, observe
from gateway.doctor.probes import LIMIT, OPENING, PROBES, Probe, overflow
from gateway.errors import ErrorKind, GatewayError
from gateway.upstream.client import CHAT_PATH, RawAnswer, Upstream
from gateway.upstream.model_list import Model, read_models

_MOST_BYTES = 131_072
"""Of one answer: a model that runs on is left."""
_LIST_BYTES = 8 * 1024 * 1024
_MOST_NAMES = 5
_STARTS: tuple[tuple[str, JSONObject], ...] = (
    ("max_tokens", {"temperature": 0}),
    ("max_completion_tokens", {"temperature": 0}),
    ("max_tokens", {}),
    ("max_completion_tokens", {}),
    ("max_tokens", {"stream": True}),
    ("max_completion_tokens", {"stream": True}),
)
"""Ways to ask for a first answer: newer models of OpenAI refuse a temperature and the old name of the limit."""
_HOPELESS = frozenset({ErrorKind.MODEL_NOT_FOUND, ErrorKind.UPSTREAM_PROTOCOL})
"""Refusals that another way of asking does not change."""


class NoAnswerError(Exception):
    """The upstream cannot be examined.

    Args:
        error: why.
        is_reached: whether it is there at all.
    """

    def __init__(self, error: GatewayError, *, is_reached: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.is_reached = is_reached


class NoModelError(Exception):
    """Nobody says which model to ask."""


@dataclass(frozen=True, slots=True)
class Start:
    """How the upstream takes a plain request."""

    limit_member: str
    members: JSONObject


class Examination:
    """All questions to one upstream, about one of its models.

    Args:
        upstream: entered already.
        model: its id there; empty to take the first of the list.
        timeout_seconds: for each answer.
    """

    def __init__(self, upstream: Upstream, model: str, *, timeout_seconds: float) -> None:
        self._upstream = upstream
        self._timeout = timeout_seconds
        self._found: dict[str, Finding] = {}
        self._window: int | None = None
        self.model = model
        self.findings = Findings(self._found)

    async def run(self) -> AsyncIterator[Finding]:
        """The findings, one by one.

        Raises:
            NoAnswerError: when there is nothing that answers, or it refuses the plainest request.
            NoModelError: when nobody says which model to ask.
        """
        yield await self._list_models()
        start = await self._start()
        for finding in self._opened(start):
            yield finding
        for probe in (*PROBES, *overflow(self._window)):
            if probe.is_wanted(self.findings):
                for finding in self._answered(probe, await self._probed(probe, start)):
                    yield finding
        yield await self._native()
        yield await self._tokenizer()

    async def _list_models(self) -> Finding:
        reply = await self._asked("/models", None, most_bytes=_LIST_BYTES)
        if isinstance(reply, GatewayError):
            if reply.kind in (ErrorKind.UPSTREAM_UNREACHABLE, ErrorKind.UPSTREAM_TLS):
                raise NoAnswerError(reply, is_reached=False)
            return self._note("models", "list of models", Reading("unclear", reply.message))
        models = _models(reply)
        self.model = self.model or _chosen(models, self._upstream.settings.models)
        if not self.model:
            raise NoModelError("The upstream lists no model: say which one to ask, with --model.")
        self._window = next((one.context_window for one in models if one.id == self.model), None)
        return self._note("models", "list of models", _list_reading(models, reply.status, self._window))

    async def _start(self) -> Start:
        """The first way to ask that brings an answer."""
        first: Observation | None = None
        for limit_member, members in _STARTS:
            start = Start(limit_member, members)
            seen = await self._probed(OPENING, start)
            if seen.error is None:
                return start
            first = first or seen
            if not seen.is_refusal or seen.error.kind in _HOPELESS:
                break
        if first is None or first.error is None:
            raise RuntimeError("no way to ask was tried")
        is_reached = first.status > 0 and not first.is_unclear
        raise NoAnswerError(first.error, is_reached=is_reached or first.status in (401, 402, 403))

    def _opened(self, start: Start) -> list[Finding]:
        found = [self._note("answers", "answers", Reading("yes", f"as {self.model}"))]
        if "temperature" not in start.members:
            reading = Reading("refused", "answers only without it")
            found.append(self._note("temperature", "temperature 0", reading))
        return found

    async def _probed(self, probe: Probe, start: Start) -> Observation:
        body = {"model": probe.model or self.model, **start.members, **probe.members}
        if probe.is_limited:
            body[start.limit_member] = LIMIT
        seen = await self._observed(dumps(body))
        if seen.is_refusal and seen.status >= 500:
            return await self._observed(dumps(body))  # some refuse so, but it may have been an accident
        return seen

    async def _observed(self, body: bytes) -> Observation:
        reply = await self._asked(CHAT_PATH, body)
        return failed(reply) if isinstance(reply, GatewayError) else observe(reply)

    def _answered(self, probe: Probe, seen: Observation) -> list[Finding]:
        return [self._note(one.name, one.subject, one.read(seen)) for one in probe.questions]

    async def _native(self) -> Finding:
        body = {"model": self.model, "input": "Say hello", "max_output_tokens": LIMIT, "stream": False}
        reply = await self._asked("/responses", dumps(body))
        value = _json(reply)
        if value.get("object") == "response":
            return self._note("native", "Responses API of its own", Reading("yes", "at /responses"))
        return self._note("native", "Responses API of its own", Reading("no", _status(reply)))

    async def _tokenizer(self) -> Finding:
        """The endpoints beside the API that count the tokens of a prompt."""
        prompt = {"model": self.model, "messages": [{"role": "user", "content": "Say hello"}]}
        counted = _json(await self._asked("/tokenize", dumps(prompt), is_beside=True))
        if isinstance(counted.get("count"), int):
            reading = Reading("yes", "/tokenize counts messages", "vllm")
            return self._note("tokenizer", "token counter", reading)
        rendered = _json(await self._asked("/apply-template", dumps(prompt), is_beside=True))
        split = _json(await self._asked("/tokenize", dumps({"content": "Say hello"}), is_beside=True))
        if isinstance(rendered.get("prompt"), str) and isinstance(split.get("tokens"), list):
            reading = Reading("yes", "/apply-template renders and /tokenize counts", "llama_cpp")
            return self._note("tokenizer", "token counter", reading)
        return self._note("tokenizer", "token counter", Reading("no", "none is known of"))

    async def _asked(
        self, path: str, body: bytes | None, *, is_beside: bool = False, most_bytes: int = _MOST_BYTES
    ) -> RawAnswer | GatewayError:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._upstream.ask(path, body, is_beside=is_beside, most_bytes=most_bytes)
        except TimeoutError:
            return GatewayError(ErrorKind.TIMEOUT, f"There was no answer within {self._timeout:g} seconds.")
        except GatewayError as error:
            return error

    def _note(self, name: str, subject: str, reading: Reading) -> Finding:
        finding = self._found[name] = Finding(name, subject, reading)
        return finding


def _models(reply: RawAnswer) -> list[Model]:
    try:
        return read_models(reply.body, owner="") if reply.status == 200 else []
    except ValueError:
        return []


def _chosen(models: Sequence[Model], patterns: Sequence[str]) -> str:
    """The first one that the configuration allows, of the list or else by its plain name."""
    for model in models:
        if not patterns or any(fnmatchcase(model.id, pattern) for pattern in patterns):
            return model.id
    return next((pattern for pattern in patterns if not any(sign in pattern for sign in "*?[")), "")


def _list_reading(models: Sequence[Model], status: int, window: int | None) -> Reading:
    if not models:
        return Reading("no", "it is empty" if status == 200 else f"status {status}")
    names = ", ".join(model.id for model in models[:_MOST_NAMES])
    more = f" and {len(models) - _MOST_NAMES} more" if len(models) > _MOST_NAMES else ""
    told = f"{window} tokens fit" if window else "it does not say how many tokens fit"
    return Reading("yes", f"{names}{more}; {told}")


def _json(reply: RawAnswer | GatewayError) -> JSONObject:
    """The object of a good answer, an empty one for all else."""
    if isinstance(reply, GatewayError) or not 200 <= reply.status < 300:
        return {}
    try:
        value: JSONValue = loads(reply.body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _status(reply: RawAnswer | GatewayError) -> str:
    return reply.message if isinstance(reply, GatewayError) else f"status {reply.status}"

"""What the demo upstream does for a request: a pure function from request to script.

The answer is chosen first, then bent as the directions say, then cut to the request's limits. It renders nothing.
"""

from dataclasses import replace
from hashlib import sha256

from gateway.codec import json
from gateway.codec.json import JSONObject
from gateway.demo import answers, wording
from gateway.demo.directions import Directions, read_directions
from gateway.demo.messages import has_thoughts, images_of, last_user_text, latest_messages, text_of, tool_results
from gateway.demo.request import ChatRequest
from gateway.demo.schema_example import schema_example
from gateway.demo.steps import (
    Argue,
    BreakOff,
    Fault,
    Finish,
    OpenCall,
    Refuse,
    Say,
    Script,
    Silence,
    Step,
    Think,
    middle,
    pieces,
    with_limit,
    with_stops,
)
from gateway.demo.suggestions import Suggestions
from gateway.demo.tool_calls import PlannedCall, plan_calls

_QUIET_EFFORTS = ("none", "minimal")
_JSON_OBJECT: JSONObject = {"type": "object"}


def write_script(request: ChatRequest) -> Script:
    """Decide everything that is said and done for a request."""
    message = last_user_text(request.messages)
    directions = read_directions(message)
    steps, finish = _answer(request, directions, message)
    if directions.ending != "empty":
        steps = _reasoning(request, message) + steps
    script = with_limit(with_stops(Script(tuple(steps), finish), request.stop), request.max_tokens)
    return replace(
        script,
        steps=tuple(_interrupted(list(script.steps), directions)),
        wait_seconds=directions.wait_seconds,
        failure_status=directions.failure_status,
    )


def prompt_tokens(request: ChatRequest) -> int:
    """How many tokens the messages and tools cost to read, by the demo's own measure."""
    texts = [text_of(message) for message in request.messages]
    tools = [f"{tool.name} {tool.description} {json.dumps(tool.parameters).decode()}" for tool in request.tools]
    return sum(len(pieces(text)) for text in texts + tools) + 4 * len(request.messages)


def _answer(request: ChatRequest, directions: Directions, message: str) -> tuple[list[Step], Finish]:
    match directions.ending:
        case "refuse":
            return [Refuse(piece) for piece in pieces(answers.REFUSAL)], "stop"
        case "empty":
            return [], "stop"
        case "filter":
            return _spoken(answers.FILTERED), "content_filter"
        case "error" | "cut" | None:
            return _usual_answer(request, directions, message)


def _usual_answer(request: ChatRequest, directions: Directions, message: str) -> tuple[list[Step], Finish]:
    if directions.length is not None:
        return [Say(piece) for piece in answers.story(directions.length)], "stop"
    calls = [] if tool_results(request.messages) else plan_calls(request, directions.rest)
    if calls:
        return _calling(calls, request), "tool_calls"
    return _spoken(_text(request, directions, message)), "stop"


def _text(request: ChatRequest, directions: Directions, message: str) -> str:
    if request.output_schema is not None:
        return _instance(request.output_schema, directions.rest)
    results = tool_results(request.messages)
    images = [image for entry in latest_messages(request.messages) for image in images_of(entry)]
    if not results and not images:
        return answers.greeting(message)
    about = [answers.about_results(results)] if results else []
    return " ".join(about + ([answers.about_images(images)] if images else []))


def _instance(schema: JSONObject, message: str) -> str:
    if schema == _JSON_OBJECT:
        return json.dumps({"answer": wording.clipped(message, 80), "from": "the demo upstream", "ok": True}).decode()
    return json.dumps(schema_example(schema, Suggestions(message, wording.subjects(message)))).decode()


def _spoken(text: str) -> list[Step]:
    return [Say(piece) for piece in pieces(text)]


def _calling(calls: list[PlannedCall], request: ChatRequest) -> list[Step]:
    steps: list[Step] = []
    for index, call in enumerate(calls):
        steps.append(OpenCall(index, _call_id(request, index), call.name))
        steps.extend(Argue(index, piece) for piece in pieces(call.arguments))
    return steps


def _call_id(request: ChatRequest, index: int) -> str:
    """An id that follows from the request, and differs from turn to turn because the messages do."""
    return f"call_{sha256(json.dumps([request.messages, index])).hexdigest()[:24]}"


def _reasoning(request: ChatRequest, message: str) -> list[Step]:
    effort = request.reasoning_effort
    if effort in _QUIET_EFFORTS or (effort is None and request.model != "demo-reasoner"):
        return []
    text = answers.thoughts(message, effort, remembers=has_thoughts(request.messages))
    return [Think(piece) for piece in pieces(text)]


def _interrupted(steps: list[Step], directions: Directions) -> list[Step]:
    """The steps with what happens in their middle: an error, a cut, a silence."""
    place = middle(steps)
    interruption: list[Step] = [Silence(directions.pause_seconds)] if directions.pause_seconds else []
    if directions.ending == "error":
        return [*steps[:place], *interruption, Fault(answers.FAULT)]
    if directions.ending == "cut":
        return [*steps[:place], *interruption, BreakOff()]
    return [*steps[:place], *interruption, *steps[place:]]

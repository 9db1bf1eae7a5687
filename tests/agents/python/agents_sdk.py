"""The Agents SDK as its users write it: a loop with a tool, whole and streamed, a handoff, tools of its own kinds.

Run by tests/agents/test_agents_sdk.py, which writes `documented.py` beside it from the documentation.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from agents import (
    Agent,
    ApplyPatchTool,
    ItemHelpers,
    ModelBehaviorError,
    OpenAIConversationsSession,
    Runner,
    ShellTool,
    ToolOutputImage,
    apply_diff,
    function_tool,
)
from documented import client, model
from openai import APIStatusError


@function_tool
def get_weather(city: str) -> str:
    """Get the weather."""
    return f"sunny in {city}"


@function_tool
def draw() -> ToolOutputImage:
    """Draw a picture."""
    return ToolOutputImage(image_url="data:image/png;base64,iVBORw0KGgo=")


class Editor:
    """Applies patches in the folder of the test."""

    def create_file(self, operation):
        Path(operation.path).write_text(apply_diff("", operation.diff, mode="create"))

    def update_file(self, operation):
        path = Path(operation.path)
        path.write_text(apply_diff(path.read_text(), operation.diff))

    def delete_file(self, operation):
        Path(operation.path).unlink()


def shell(request):
    """Run the commands and give what they wrote."""
    return "".join(subprocess.check_output(line, shell=True, text=True) for line in request.data.action.commands)


weatherman = Agent(name="Weatherman", instructions="Be nice.", model=model, tools=[get_weather])
doorman = Agent(name="Doorman", instructions="Hand over.", model=model, handoffs=[weatherman])
painter = Agent(name="Painter", model=model, tools=[draw])
worker = Agent(name="Worker", model=model, tools=[ShellTool(executor=shell), ApplyPatchTool(editor=Editor())])


async def whole(agent, **options):
    try:
        result = await Runner.run(agent, "The weather in Rome?", **options)
    except (APIStatusError, ModelBehaviorError) as error:
        return {"error": type(error).__name__, "status": getattr(error, "status_code", None), "message": str(error)}
    agent, requests = result.last_agent.name, len(result.raw_responses)
    return {"answer": result.final_output, "agent": agent, "requests": requests, "last": result.last_response_id}


async def streamed(agent, **options):
    result = Runner.run_streamed(agent, "The weather in Rome?", **options)
    deltas, items = [], []
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            deltas.append(event.data.delta)
        elif event.type == "run_item_stream_event":
            items.append(event.name)
    said = [ItemHelpers.text_message_output(item) for item in result.new_items if item.type == "message_output_item"]
    texts = {"deltas": deltas, "items": items, "said": said}
    return {"answer": result.final_output, "last": result.last_response_id, **texts}


async def twice(run, way):
    """Two runs, of which the second finds the first where it was stored."""
    match way:
        case "response":
            first = await run(weatherman, auto_previous_response_id=True)
            return await run(weatherman, previous_response_id=first["last"], auto_previous_response_id=True)
        case "conversation":
            conversation = await client.conversations.create()
            await run(weatherman, conversation_id=conversation.id)
            return await run(weatherman, conversation_id=conversation.id)
        case "session":
            session = OpenAIConversationsSession(openai_client=client)
            await run(weatherman, session=session)
            return await run(weatherman, session=session)


STEPS = {
    "tools": lambda: whole(weatherman),
    "stream": lambda: streamed(weatherman),
    "handoff": lambda: whole(doorman),
    "picture": lambda: whole(painter),
    "own-tools": lambda: whole(worker),
    "twice": lambda way: twice(whole, way),
    "twice-streamed": lambda way: twice(streamed, way),
}

sys.stdout.write(json.dumps(asyncio.run(STEPS[sys.argv[1]](*sys.argv[2:]))))

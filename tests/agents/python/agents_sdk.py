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
    Runner,
    ShellTool,
    ToolOutputImage,
    apply_diff,
    function_tool,
)
from documented import model
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


async def whole(agent):
    try:
        result = await Runner.run(agent, "The weather in Rome?")
    except (APIStatusError, ModelBehaviorError) as error:
        return {"error": type(error).__name__, "status": getattr(error, "status_code", None), "message": str(error)}
    return {"answer": result.final_output, "agent": result.last_agent.name, "requests": len(result.raw_responses)}


async def streamed(agent):
    result = Runner.run_streamed(agent, "The weather in Rome?")
    deltas, items = [], []
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            deltas.append(event.data.delta)
        elif event.type == "run_item_stream_event":
            items.append(event.name)
    said = [ItemHelpers.text_message_output(item) for item in result.new_items if item.type == "message_output_item"]
    return {"answer": result.final_output, "deltas": deltas, "items": items, "said": said}


STEPS = {
    "tools": lambda: whole(weatherman),
    "stream": lambda: streamed(weatherman),
    "handoff": lambda: whole(doorman),
    "picture": lambda: whole(painter),
    "own-tools": lambda: whole(worker),
}

sys.stdout.write(json.dumps(asyncio.run(STEPS[sys.argv[1]]())))

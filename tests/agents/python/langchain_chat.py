"""LangChain's chat model as its users write it: tools, a stream, structured output.

Run by tests/agents/test_langchain.py, which writes `documented.py` beside it from the documentation.
"""

import json
import sys

from documented import model
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


@tool
def get_weather(city: str) -> str:
    """Get the weather."""
    return f"sunny in {city}"


class Person(BaseModel):
    name: str
    age: int


def tools(*, stream: bool, chat: ChatOpenAI = model) -> dict[str, object]:
    bound = chat.bind_tools([get_weather])
    history = [HumanMessage("The weather in Rome?")]
    while True:
        if stream:
            pieces = list(bound.stream(history))
            answer = pieces[0]
            for piece in pieces[1:]:
                answer += piece
        else:
            answer = bound.invoke(history)
        history.append(answer)
        if not answer.tool_calls:
            last = answer.response_metadata["id"]
            return {"answer": answer.text, "usage": answer.usage_metadata["total_tokens"], "last": last}
        history += [get_weather.invoke(call) for call in answer.tool_calls]


def text() -> dict[str, object]:
    return {"deltas": [piece.text for piece in model.stream("Hi") if piece.text]}


def structured() -> dict[str, object]:
    return {"person": model.with_structured_output(Person).invoke("Who?").model_dump()}


continuing = model.model_copy(update={"use_previous_response_id": True})

STEPS = {
    "tools": lambda: tools(stream=False),
    "tools-streamed": lambda: tools(stream=True),
    "tools-continued": lambda: tools(stream=False, chat=continuing),
    "tools-continued-streamed": lambda: tools(stream=True, chat=continuing),
    "text": text,
    "structured": structured,
}

sys.stdout.write(json.dumps(STEPS[sys.argv[1]]()))

"""Codex works: commands, patches, pictures and MCP tools, each in the form in which Codex declared it."""

import json

import orjson

from tests.agents.codex import Codex, messages
from tests.agents.mcp_server import PICTURE
from tests.agents.pictures import noise
from tests.agents.turns import calls, command, pictures, results, roles, text, tool_names
from tests.fakes.chat import call_stream, chunk
from tests.fakes.upstream import Script, Upstream

PATCH = """*** Begin Patch
*** Update File: greeting.txt
@@
-Hello, "world" \\ ütf
+Goodbye, "world" \\ ütf
*** End Patch
"""


async def test_commands_are_run_over_several_turns(every_codex: Codex, upstream: Upstream) -> None:
    first = calls(command("call_1", "echo one-$((40+2)) | tee one.txt"))
    second = calls(command("call_2", "cat one.txt one.txt > two.txt; wc -l two.txt"))
    upstream.answer(first, second, text("Two lines."))
    finished = await every_codex.run("Count them")
    assert messages(finished) == ["Two lines."]
    assert (every_codex.work / "two.txt").read_text() == "one-42\none-42\n"
    assert "one-42" in results(upstream)["call_1"]
    assert "2 two.txt" in results(upstream)["call_2"]
    assert len(upstream.received) == 3


async def test_the_conversation_has_the_order_that_chat_templates_demand(
    every_codex: Codex, upstream: Upstream
) -> None:
    upstream.answer(calls(command("call_1", "true")), calls(command("call_2", "true")), text("Done."))
    await every_codex.run("Do it")
    first, *others = roles(upstream.last.json)
    assert first == "system"
    assert "system" not in others
    assert others[-4:] == ["assistant", "tool", "assistant", "tool"]


async def test_parallel_commands_are_one_turn_with_each_result_behind_it(
    every_codex: Codex, upstream: Upstream
) -> None:
    both = calls(command("call_a", "echo A-$((1+1))"), command("call_b", "echo B-$((2+2))"))
    upstream.answer(both, text("Done."))
    await every_codex.run("Both")
    assistant, *tools = upstream.last.json["messages"][-3:]
    assert [call["id"] for call in assistant["tool_calls"]] == ["call_a", "call_b"]
    assert [tool["tool_call_id"] for tool in tools] == ["call_a", "call_b"]
    assert "A-2" in tools[0]["content"]
    assert "B-4" in tools[1]["content"]


async def test_a_patch_changes_a_file(every_codex: Codex, upstream: Upstream) -> None:
    every_codex.describe_model(apply_patch_tool_type="freeform")
    greeting = every_codex.work / "greeting.txt"
    greeting.write_text('Hello, "world" \\ ütf\n')
    upstream.answer(calls(("call_p", "apply_patch", json.dumps({"input": PATCH}))), text("Patched."))
    await every_codex.run("Change the greeting")
    assert greeting.read_text() == 'Goodbye, "world" \\ ütf\n'
    functions = [tool["function"] for tool in upstream.last.json["tools"]]
    (offered,) = [function for function in functions if function["name"] == "apply_patch"]
    assert offered["parameters"]["required"] == ["input"]
    assert "*** Begin Patch" in offered["description"]
    call = upstream.last.json["messages"][-2]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"input": PATCH}
    assert "greeting.txt" in results(upstream)["call_p"]


async def test_a_patch_that_the_model_did_not_wrap_changes_a_file_too(codex: Codex, upstream: Upstream) -> None:
    codex.describe_model(apply_patch_tool_type="freeform")
    (codex.work / "greeting.txt").write_text('Hello, "world" \\ ütf\n')
    upstream.answer(calls(("call_p", "apply_patch", PATCH)), text("Patched."))
    await codex.run("Change the greeting")
    assert (codex.work / "greeting.txt").read_text() == 'Goodbye, "world" \\ ütf\n'


async def test_a_picture_that_the_agent_looks_at_reaches_the_model(every_codex: Codex, upstream: Upstream) -> None:
    (every_codex.work / "small.png").write_bytes(noise(8, 8))
    upstream.answer(calls(("call_v", "view_image", '{"path":"small.png"}')), text("Noise."))
    await every_codex.run("Look")
    (address,) = pictures(upstream.last.json)
    assert address.startswith("data:image/png;base64,")
    tool, *behind = upstream.last.json["messages"][-2:]
    assert (tool["role"], tool["tool_call_id"]) == ("tool", "call_v")
    assert [message["role"] for message in behind] == ["user"]


async def test_a_picture_of_the_prompt_reaches_the_model(codex: Codex, upstream: Upstream) -> None:
    (codex.work / "small.png").write_bytes(noise(8, 8))
    upstream.answer(text("Noise."))
    await codex.run("Look", "--image=small.png")
    assert len(pictures(upstream.last.json)) == 1


async def test_a_tool_of_an_mcp_server_is_called_through_its_namespace(every_codex: Codex, upstream: Upstream) -> None:
    upstream.answer(calls(("call_m", "mcp__demo__add_numbers", '{"a":40,"b":2}')), text("42."))
    every_codex.offer_demo_server()
    finished = await every_codex.run("Add")
    assert messages(finished) == ["42."]
    assert "the sum is 42" in results(upstream)["call_m"]
    assert {"mcp__demo__add_numbers", "mcp__demo__picture"} <= set(tool_names(upstream.last.json))
    assert upstream.last.json["messages"][-2]["tool_calls"][0]["function"]["name"] == "mcp__demo__add_numbers"


async def test_a_picture_of_an_mcp_server_reaches_the_model_behind_all_results(
    every_codex: Codex, upstream: Upstream
) -> None:
    upstream.answer(calls(("call_m", "mcp__demo__picture", "{}"), command("call_c", "echo C-$((3+3))")), text("Red."))
    every_codex.offer_demo_server()
    await every_codex.run("Draw")
    assert pictures(upstream.last.json) == [f"data:image/png;base64,{PICTURE}"]
    assert roles(upstream.last.json)[-4:] == ["assistant", "tool", "tool", "user"]
    assert "C-6" in results(upstream)["call_c"]


async def test_a_tool_that_does_not_exist_is_told_to_the_model(codex: Codex, upstream: Upstream) -> None:
    upstream.answer(calls(("call_n", "make_coffee", "{}")), text("No coffee."))
    finished = await codex.run("Coffee")
    assert messages(finished) == ["No coffee."]
    assert "unsupported call" in results(upstream)["call_n"]


async def test_broken_arguments_do_not_break_the_history(codex: Codex, upstream: Upstream) -> None:
    upstream.answer(calls(("call_b", "exec_command", '{"cmd": "echo')), text("Sorry."))
    finished = await codex.run("Try")
    assert messages(finished) == ["Sorry."]
    assert "call_b" in results(upstream)
    replayed = upstream.last.json["messages"][-2]["tool_calls"][0]["function"]["arguments"]
    assert isinstance(json.loads(replayed), dict)


async def test_text_and_calls_of_one_turn_stay_one_turn(codex: Codex, upstream: Upstream) -> None:
    turn = chunk({"content": "Let me see."}) + call_stream(command("call_1", "true"))
    upstream.answer(Script.of(turn), text("Done."))
    finished = await codex.run("Go")
    assert messages(finished) == ["Let me see.", "Done."]
    assistant = upstream.last.json["messages"][-2]
    assert (assistant["content"], len(assistant["tool_calls"])) == ("Let me see.", 1)


async def test_an_output_schema_reaches_the_model(codex: Codex, upstream: Upstream) -> None:
    properties = {"n": {"type": "integer"}}
    schema = {"type": "object", "properties": properties, "required": ["n"], "additionalProperties": False}
    (codex.work / "schema.json").write_bytes(orjson.dumps(schema))
    upstream.answer(text('{"n": 7}'))
    finished = await codex.run("Count", "--output-schema=schema.json")
    assert messages(finished) == ['{"n": 7}']
    sent = upstream.last.json["response_format"]
    assert (sent["type"], sent["json_schema"]["schema"]) == ("json_schema", schema)


async def test_the_effort_reaches_the_model(codex: Codex, upstream: Upstream) -> None:
    codex.settings["model_reasoning_effort"] = "high"
    upstream.answer(text("Hard."))
    await codex.run("Think")
    assert upstream.last.json["reasoning_effort"] == "high"


async def test_reasoning_goes_back_to_the_model(every_codex: Codex, upstream: Upstream) -> None:
    thoughts = ("First I look", " around. ", "Ünd then?")
    thinking = b"".join(chunk({"reasoning_content": piece}) for piece in thoughts)
    both = call_stream(command("call_1", "true"), command("call_2", "true"))
    again = chunk({"reasoning_content": "Now I know."}) + call_stream(command("call_3", "true"))
    upstream.answer(Script.of(thinking + both), Script.of(again), text("Done."))
    await every_codex.run("Think")
    assistants = [message for message in upstream.last.json["messages"] if message["role"] == "assistant"]
    assert [message.get("reasoning_content") for message in assistants] == ["".join(thoughts), "Now I know."]
    assert [len(message["tool_calls"]) for message in assistants] == [2, 1]

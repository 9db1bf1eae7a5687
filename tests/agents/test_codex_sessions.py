"""Codex over a whole day: a session taken up again, a history of megabytes, compaction, helpers, tools on demand."""

import json

import orjson

from gateway.codec.json import JSONObject
from tests.agents.codex import Codex, messages
from tests.agents.pictures import noise
from tests.agents.turns import calls, command, pictures, results, roles, text, tool_names
from tests.fakes.chat import DONE, call_chunks, call_stream, chunk, usage_chunk
from tests.fakes.upstream import Script, Upstream

MEGABYTE = 1024 * 1024
LARGEST_PROMPT = MEGABYTE - 1000
FULL: JSONObject = {"prompt_tokens": 90_000, "completion_tokens": 7, "total_tokens": 90_007}


def full_context() -> Script:
    """A turn that runs a command, after which the context is nearly full."""
    call = call_chunks(0, *command("call_1", "echo one"))
    return Script.of(call + chunk({}, finish="tool_calls") + usage_chunk(FULL) + DONE)


async def test_a_session_is_taken_up_again_with_its_whole_history(every_codex: Codex, upstream: Upstream) -> None:
    thinking = chunk({"reasoning_content": "I will remember."})
    upstream.answer(Script.of(thinking + call_stream(command("call_1", "true"))), text("One."), text("Two."))
    await every_codex.run("First")
    assert messages(await every_codex.run("Second", "resume", "--last")) == ["Two."]
    *_, first, call, result, said, second = upstream.last.json["messages"]
    assert (first["content"], said["content"], second["content"]) == ("First", "One.", "Second")
    assert (call["reasoning_content"], call["tool_calls"][0]["id"]) == ("I will remember.", "call_1")
    assert result["tool_call_id"] == "call_1"


async def test_a_history_of_megabytes_of_text_arrives_whole(codex: Codex, upstream: Upstream) -> None:
    upstream.answer(text("Read."))
    prompts = [f"{number} {'all work and no play ' * (LARGEST_PROMPT // 21)}" for number in range(4)]
    await codex.run(None, standard_input=prompts[0].encode())
    for prompt in prompts[1:]:
        finished = await codex.run("-", "resume", "--last", standard_input=prompt.encode())
        assert messages(finished) == ["Read."]
    sent = [message["content"] for message in upstream.last.json["messages"] if message["role"] == "user"]
    assert [text.strip() for text in sent[-4:]] == [prompt.strip() for prompt in prompts]
    assert len(upstream.last.body) > 3 * MEGABYTE


async def test_a_history_of_megabytes_of_pictures_arrives_whole(every_codex: Codex, upstream: Upstream) -> None:
    (every_codex.work / "noise.png").write_bytes(noise(1024, 768))
    upstream.answer(calls(("call_v", "view_image", '{"path":"noise.png"}')), text("Noise."))
    finished = await every_codex.run("Look", "--image=noise.png")
    assert messages(finished) == ["Noise."]
    assert [len(address) > 3 * MEGABYTE for address in pictures(upstream.last.json)] == [True, True]


async def test_it_compacts_by_itself_when_the_context_is_full(every_codex: Codex, upstream: Upstream) -> None:
    every_codex.settings["model_auto_compact_token_limit"] = 50_000
    upstream.answer(full_context(), text("We ran echo."), text("Done."))
    assert messages(await every_codex.run("Work"))[-1] == "Done."
    _, compaction, after = [received.json for received in upstream.received]
    assert "CONTEXT CHECKPOINT" in compaction["messages"][-1]["content"]
    assert tool_names(compaction) == []
    assert roles(compaction)[-3:] == ["assistant", "tool", "user"]
    assert "We ran echo." in after["messages"][-1]["content"]
    assert "tool" not in roles(after)


async def test_the_gateway_compacts_for_it_when_asked(codex: Codex, upstream: Upstream) -> None:
    # Codex asks a provider of this name to compact, instead of doing it itself.
    codex.settings["model_providers"] = {"gateway": {"name": "OpenAI"}}
    codex.settings["model_auto_compact_token_limit"] = 50_000
    upstream.answer(full_context(), text("We ran echo."), text("Done."))
    assert messages(await codex.run("Work"))[-1] == "Done."
    _, compaction, after = [received.json for received in upstream.received]
    assert "CONTEXT CHECKPOINT" not in compaction["messages"][-1]["content"]
    assert "We ran echo." in orjson.dumps(after["messages"]).decode()
    assert "tool" not in roles(after)


async def test_a_compacted_session_is_taken_up_again(codex: Codex, upstream: Upstream) -> None:
    codex.settings["model_providers"] = {"gateway": {"name": "OpenAI"}}
    codex.settings["model_auto_compact_token_limit"] = 50_000
    upstream.answer(full_context(), text("We ran echo."), text("Done."), text("Still done."))
    await codex.run("Work")
    assert messages(await codex.run("And now?", "resume", "--last")) == ["Still done."]
    *_, summary, said, asked = upstream.last.json["messages"]
    assert "We ran echo." in summary["content"]
    assert (said["content"], asked["content"]) == ("Done.", "And now?")


async def test_tools_that_a_search_found_can_be_called(codex: Codex, upstream: Upstream) -> None:
    codex.describe_model(supports_search_tool=True)
    codex.offer_demo_server()
    search = calls(("call_s", "tool_search", '{"query":"add numbers"}'))
    upstream.answer(search, calls(("call_m", "mcp__demo__add_numbers", '{"a":40,"b":2}')), text("42."))
    assert messages(await codex.run("Add")) == ["42."]
    assert "the sum is 42" in results(upstream)["call_m"]
    offered = [("mcp__demo__add_numbers" in tool_names(received.json)) for received in upstream.received]
    assert offered == [False, True, True]


async def test_a_model_that_writes_code_gets_its_tools_from_the_input(codex: Codex, upstream: Upstream) -> None:
    codex.describe_model(use_responses_lite=True, tool_mode="code_mode_only")
    code = 'const r = await tools.exec_command({cmd: "echo X-$((40+2)) | tee x.txt"}); text(r);'
    upstream.answer(calls(("call_e", "exec", json.dumps({"input": code}))), text("Done."))
    assert messages(await codex.run("Work")) == ["Done."]
    assert (codex.work / "x.txt").read_text() == "X-42\n"
    assert {"exec", "wait"} <= set(tool_names(upstream.last.json))
    assert "X-42" in results(upstream)["call_e"]


async def test_a_helper_agent_has_a_conversation_of_its_own(codex: Codex, upstream: Upstream) -> None:
    def answer(request: JSONObject) -> Script:
        said = [message for message in request["messages"] if message["role"] == "assistant"]
        if any(message["content"] == "HELP" for message in request["messages"]):
            return text("Helped.") if said else calls(command("call_h", "echo help > help.txt"))
        if not said:
            return calls(("call_1", "multi_agent_v1__spawn_agent", '{"message":"HELP"}'))
        if len(said) == 1:
            helper = json.loads(request["messages"][-1]["content"])["agent_id"]
            return calls(("call_2", "multi_agent_v1__wait_agent", json.dumps({"targets": [helper]})))
        return text("All done.")

    upstream.respond(answer)
    assert messages(await codex.run("Work")) == ["All done."]
    assert (codex.work / "help.txt").read_text() == "help\n"
    assert any("Helped." in result for result in results(upstream).values())


async def test_helper_agents_of_the_second_version_read_what_they_are_told(codex: Codex, upstream: Upstream) -> None:
    def answer(request: JSONObject) -> Script:
        said = sum(message["role"] == "assistant" for message in request["messages"])
        if any("HELP" in str(message["content"]) for message in request["messages"]):
            return text("Helped.")
        if not said:
            task = {"task_name": "helper", "message": "HELP"}
            return calls(("call_1", "collaboration__spawn_agent", json.dumps(task)))
        return text("All done.") if said > 1 else calls(("call_2", "collaboration__wait_agent", '{"timeout_ms":20000}'))

    codex.describe_model(multi_agent_version="v2")
    codex.settings["features"] = {"multi_agent_v2": True}
    upstream.respond(answer)
    assert messages(await codex.run("Work")) == ["All done."]
    assert "Helped." in orjson.dumps(upstream.last.json["messages"]).decode()

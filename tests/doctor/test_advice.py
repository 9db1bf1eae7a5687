import pytest
from msgspec.structs import fields

from gateway.doctor.advice import Advice, advice, remarks
from gateway.doctor.findings import Finding, Findings, Reading, Verdict
from gateway.settings import Quirks


def findings(**readings: Reading | Verdict) -> Findings:
    made = {name: Reading(one) if isinstance(one, str) else one for name, one in readings.items()}
    return Findings({name: Finding(name, name, reading) for name, reading in made.items()})


REFUSED = Reading("refused", "status 400: no")


def test_without_findings_there_is_no_advice() -> None:
    assert advice(findings()) == []
    assert list(remarks(findings())) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            findings(max_tokens=REFUSED, max_completion_tokens="yes"),
            Advice("max_tokens_field", "max_completion_tokens", "max_tokens: refused (status 400: no)"),
        ),
        (
            findings(system="refused", developer="yes"),
            Advice("system_role", "developer", "system messages: refused"),
        ),
        (
            findings(reasoning=Reading("yes", "inside the text, between tags", "auto")),
            Advice("think_tags", "auto", "reasoning comes inside the text, between tags"),
        ),
        (
            findings(choice_none="yes", choice_required="ignored", choice_named="unclear"),
            Advice("tool_choice", ["auto", "none", "named"], "required: ignored"),
        ),
        (
            findings(json_schema=REFUSED, json_object="yes"),
            Advice("response_format", ["json_object"], "json_schema: refused (status 400: no)"),
        ),
    ],
)
def test_a_finding_becomes_a_quirk_with_its_reason(found: Findings, expected: Advice) -> None:
    assert advice(found) == [expected]


@pytest.mark.parametrize(
    "found",
    [
        findings(max_tokens="ignored", max_completion_tokens="ignored"),
        findings(stream="refused", plain_stream="refused"),
        findings(null_content="refused", empty_content="refused", absent_content="refused"),
        findings(reasoning=Reading("yes", "in reasoning_content", "reasoning_content")),
        findings(images="unclear", strict_tools="unclear", parallel="no"),
    ],
)
def test_what_no_quirk_would_make_better_changes_nothing(found: Findings) -> None:
    assert advice(found) == []


def test_reasoning_that_is_refused_in_the_history_is_not_given_back() -> None:
    found = findings(
        reasoning=Reading("yes", "in reasoning", "reasoning"), reasoning_back="refused", reasoning_content_back=REFUSED
    )
    (one,) = advice(found)
    assert (one.quirk, one.value) == ("reasoning_field", "none")


def test_every_advice_is_a_quirk_that_there_is() -> None:
    everything = findings(
        **dict.fromkeys(
            ("max_tokens", "stream", "system", "null_content", "long_ids", "images", "reasoning_content_back"), REFUSED
        ),
        **dict.fromkeys(("reasoning_effort", "parallel", "strict_tools", "json_schema", "choice_none"), REFUSED),
        **dict.fromkeys(("max_completion_tokens", "plain_stream", "empty_content"), Reading("yes")),
        temperature=REFUSED,
        tokenizer=Reading("yes", "", "vllm"),
        reasoning=Reading("yes", "", "implicit_open"),
    )
    names = [one.quirk for one in advice(everything)]
    assert len(names) == 15
    assert set(names) <= {one.name for one in fields(Quirks)}


def test_what_is_no_quirk_is_remarked() -> None:
    found = findings(
        native="yes", tools=Reading("ignored", "text instead of a call"), images=Reading("unclear", "hm", "unseen")
    )
    told = list(remarks(found))
    assert [word in line for word, line in zip(("Responses", "Tools", "Images"), told, strict=True)] == [True] * 3

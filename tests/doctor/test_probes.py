import base64
import re

from gateway.codec.json import dumps
from gateway.doctor.findings import Findings
from gateway.doctor.probes import OPENING, PROBES, overflow


def test_no_question_is_asked_twice() -> None:
    names = [question.name for probe in (OPENING, *PROBES, *overflow(4096)) for question in probe.questions]
    subjects = [question.subject for probe in (OPENING, *PROBES) for question in probe.questions]
    assert len(set(names)) == len(names)
    assert len(set(subjects)) == len(subjects)


def test_every_probe_is_a_request_that_a_limit_bounds() -> None:
    for probe in (OPENING, *PROBES):
        assert dumps(probe.members)
        assert probe.members["messages"]
        assert probe.is_limited or {"max_tokens", "max_completion_tokens"} & set(probe.members)


def test_the_picture_is_a_picture() -> None:
    (data,) = [found for probe in PROBES for found in re.findall(rb"base64,([^\"]+)", dumps(probe.members))]
    assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")


def test_before_anything_is_found_nothing_is_asked_that_follows_from_a_refusal() -> None:
    findings = Findings({})
    wanted = {question.name for probe in PROBES if probe.is_wanted(findings) for question in probe.questions}
    assert not wanted & {"plain_stream", "reasoning_back", "empty_content", "absent_content", "verbosity", "long_ids"}
    assert "tools" in wanted


def test_a_context_is_filled_only_where_that_is_cheap() -> None:
    assert overflow(None) == overflow(200_000) == ()
    (probe,) = overflow(1024)
    assert len(probe.members["messages"][0]["content"].split()) == 2048

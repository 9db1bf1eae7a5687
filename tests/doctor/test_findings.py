from gateway.doctor.findings import Finding, Findings, Reading


def test_a_question_that_was_not_asked_is_unclear() -> None:
    findings = Findings({})
    assert (findings.verdict("a"), findings.value("a"), findings.detail("a")) == ("unclear", "", "")


def test_a_finding_is_found_by_its_name() -> None:
    findings = Findings({"a": Finding("a", "the first", Reading("yes", "why", "word"))})
    assert (findings.verdict("a"), findings.value("a"), findings.detail("a")) == ("yes", "word", "why")

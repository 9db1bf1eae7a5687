import re

from tests.faults import cases

THREATS = cases.TESTS.parent / "docs" / "threat-model.md"


def test_every_marker_names_a_case() -> None:
    assert set(cases.marked_tests()) <= set(cases.numbers())


def test_every_case_has_a_test() -> None:
    assert set(cases.numbers()) <= set(cases.marked_tests())


def test_numbers_are_in_order_and_used_once() -> None:
    for group in cases.groups():
        letters, digits = {case.number[0] for case in group.cases}, [int(case.number[1:]) for case in group.cases]
        assert len(letters) == 1
        assert digits == sorted(set(digits))


def test_every_figure_belongs_to_a_case_with_a_test() -> None:
    assert set(cases.figures()) <= set(cases.marked_tests())


def test_the_threat_model_names_cases_that_have_a_test() -> None:
    rows = [line.rsplit("|", 2)[1] for line in THREATS.read_text(encoding="utf-8").splitlines() if line.count("|") == 4]
    named = {number for shown in rows for number in re.findall(r"\b[A-Z]\d+\b", re.sub(r"\[.*?\]\(.*?\)", "", shown))}
    assert len(named) > 40
    assert named <= set(cases.marked_tests())

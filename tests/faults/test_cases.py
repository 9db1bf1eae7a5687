from tests.faults import cases


def test_every_marker_names_a_case() -> None:
    assert set(cases.marked_tests()) <= set(cases.numbers())


def test_numbers_are_in_order_and_used_once() -> None:
    for group in cases.groups():
        letters, digits = {case.number[0] for case in group.cases}, [int(case.number[1:]) for case in group.cases]
        assert len(letters) == 1
        assert digits == sorted(set(digits))


def test_every_figure_belongs_to_a_case_with_a_test() -> None:
    assert set(cases.figures()) <= set(cases.marked_tests())

from gateway.codec.refused_member import RefusedMember
from gateway.translate.refused_members import without_refused
from tests.translate.planning import plan_of


def test_what_was_refused_before_is_not_sent_again_and_reported() -> None:
    plan = plan_of(temperature=0.5, reasoning={"effort": "low"}, seed=1)
    less = without_refused(plan, [RefusedMember("temperature"), RefusedMember("reasoning_effort")])
    assert set(plan.body) - set(less.body) == {"temperature", "reasoning_effort"}
    assert less.dropped == ("temperature", "reasoning.effort")
    assert plan.dropped == ()


def test_a_new_name_is_no_loss() -> None:
    less = without_refused(plan_of(max_output_tokens=5), [RefusedMember("max_tokens", "max_completion_tokens")])
    assert (less.body["max_completion_tokens"], "max_tokens" in less.body, less.dropped) == (5, False, ())


def test_a_request_without_such_a_member_is_left_as_it_is() -> None:
    plan = plan_of()
    assert without_refused(plan, [RefusedMember("temperature")]) is plan

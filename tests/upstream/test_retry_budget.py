from gateway.upstream.retry_budget import RetryBudget


def retries(share: float, requests: int) -> int:
    """How many tries again an upstream gets that never answers."""
    budget = RetryBudget(share)
    spent = 0
    for _ in range(requests):
        budget.earn()
        spent += budget.spend()
    return spent


def test_a_fifth_of_the_requests_and_a_few_to_begin_with() -> None:
    assert 200 <= retries(0.2, 1000) <= 203


def test_a_quiet_upstream_has_some() -> None:
    assert retries(0.2, 1) == 1


def test_what_was_saved_is_bounded() -> None:
    budget = RetryBudget(0.2)
    for _ in range(1000):
        budget.earn()
    assert [budget.spend() for _ in range(4)] == [True, True, True, False]


def test_no_share_is_no_try_again() -> None:
    assert retries(0, 1000) == 0

import time

import pytest

from gateway.telemetry.pace import GAP_BOUNDS, Pace


def test_pauses_are_sorted_into_their_places() -> None:
    pace = Pace()
    for now in (1.0, 1.004, 1.014, 101.014):
        pace.note(now)
    places = {index: count for index, count in enumerate(pace.gaps) if count}
    assert places == {0: 1, GAP_BOUNDS.index(0.02): 1, len(GAP_BOUNDS): 1}
    assert pace.total == pytest.approx(100.014)


def test_the_first_piece_is_no_pause_but_a_moment() -> None:
    pace = Pace()
    assert pace.first_at is None
    pace.note(5.0)
    assert sum(pace.gaps) == 0
    assert pace.first_at == pytest.approx(time.monotonic(), abs=5)

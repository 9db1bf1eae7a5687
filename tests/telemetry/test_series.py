"""What the gateway's own series show is what those of prometheus_client show for the same values."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from gateway.telemetry.series import Counters, Histograms

LABELS = st.tuples(st.sampled_from(["a", 'b"\n']), st.sampled_from(["", "\u20ac"]))
BOUNDS = (0.1, 0.5, 1, 30)
VALUES = st.floats(0, 100) | st.sampled_from(BOUNDS)


@given(st.lists(LABELS))
def test_counters(steps: list[tuple[str, str]]) -> None:
    own, common = CollectorRegistry(), CollectorRegistry()
    counters = Counters(own, "things", "What there is.", ("x", "y"))
    counter = Counter("things", "What there is.", ("x", "y"), registry=common)
    for labels in steps:
        counters.inc(*labels)
        counter.labels(*labels).inc()
    assert generate_latest(own) == generate_latest(common)


@given(st.lists(st.tuples(VALUES, LABELS)))
def test_histograms(steps: list[tuple[float, tuple[str, str]]]) -> None:
    own, common = CollectorRegistry(), CollectorRegistry()
    histograms = Histograms(own, "seconds", "How long.", BOUNDS, ("x", "y"))
    histogram = Histogram("seconds", "How long.", ("x", "y"), buckets=BOUNDS, registry=common)
    for value, labels in steps:
        histograms.observe(value, *labels)
        histogram.labels(*labels).observe(value)
    assert generate_latest(own) == generate_latest(common)


def test_values_that_were_sorted_count_as_single_ones() -> None:
    one, other = CollectorRegistry(), CollectorRegistry()
    single = Histograms(one, "seconds", "How long.", (1, 2), ("x",))
    sorted_before = Histograms(other, "seconds", "How long.", (1, 2), ("x",))
    for value in (0.5, 0.5, 1.5, 4.0):
        single.observe(value, "a")
    sorted_before.add([1, 0, 1], 4.5, "a")
    sorted_before.add([1, 1, 0], 2.0, "a")
    assert generate_latest(one) == generate_latest(other)

"""The dashboard and the alert rules speak of metrics that exist, and the dashboard of all of them."""

import json
import re
from pathlib import Path

from docs.generate import metrics_table

CONFIG = Path(__file__).parents[2] / "config"
NAMES = set(re.findall(r"^\| `(gateway_\w+)`", metrics_table(), re.MULTILINE))


def used(text: str) -> set[str]:
    return {
        re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bgateway_\w+", re.sub('"[^"]*"', "", text))
    }


def test_the_dashboard_shows_every_metric_and_no_other() -> None:
    dashboard = json.loads((CONFIG / "grafana" / "responses-gateway.json").read_text(encoding="utf-8"))
    shown = {name for panel in dashboard["panels"] for target in panel["targets"] for name in used(target["expr"])}
    assert shown == NAMES


def test_the_rules_speak_of_metrics_that_exist() -> None:
    told = used((CONFIG / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    assert told
    assert told <= NAMES

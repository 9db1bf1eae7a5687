from pathlib import Path

import pytest

from gateway.configuration import load
from tests.configuration.files import PROVIDER, problems, provider, written


def test_references_are_replaced_everywhere(tmp_path: Path) -> None:
    lines = (
        'api_key = "${KEY}"\nmodels = ["${M:-a}-${M:-b}", "$${M}"]\nheaders = { "X-A" = "<${KEY}>" }\n'
        '[providers.quirks]\nextra_body = { deep = ["${KEY}"] }'
    )
    found = provider(tmp_path, lines, KEY="se$cret")
    assert found.api_key == "se$cret"
    assert found.models == ("a-b", "${M}")
    assert found.headers == {"X-A": "<se$cret>"}
    assert found.quirks.extra_body == {"deep": ["se$cret"]}


def test_a_default_also_replaces_an_empty_variable(tmp_path: Path) -> None:
    assert provider(tmp_path, 'api_key = "${KEY:-none}"', KEY="").api_key == "none"


def test_an_empty_default_makes_a_variable_optional(tmp_path: Path) -> None:
    assert provider(tmp_path, 'api_key = "${KEY:-}"').api_key == ""


def test_what_a_variable_holds_is_not_expanded_again(tmp_path: Path) -> None:
    assert provider(tmp_path, 'api_key = "${KEY}"', KEY="${HOME}").api_key == "${HOME}"


def test_a_reference_may_stand_for_a_number_or_a_boolean(tmp_path: Path) -> None:
    text = '[server]\nport = "${PORT:-81}"\nreuse_port = "${REUSE}"\ndrain_seconds = "${DRAIN}"'
    server = load(written(tmp_path, text), {"REUSE": "true", "DRAIN": "1.5"}).server
    assert (server.port, server.reuse_port, server.drain_seconds) == (81, True, 1.5)


def test_a_plain_string_does_not_stand_for_a_number(tmp_path: Path) -> None:
    assert problems(tmp_path, '[server]\nport = "81"') == ["server.port: expected `int`, got `str`"]


def test_a_missing_variable_is_named_with_its_place_and_nothing_follows_from_it(tmp_path: Path) -> None:
    text = '[[providers]]\nname = "a"\nbase_url = "${URL}"\nheaders = { X = "${KEY}" }'
    assert problems(tmp_path, text) == [
        "providers[0].base_url: the environment variable URL is not set",
        "providers[0].headers.X: the environment variable KEY is not set",
    ]


@pytest.mark.parametrize("text", ["${", "${A", "${}", "${1A}", "${A B}", "${A-b}"])
def test_a_malformed_reference_is_refused(tmp_path: Path, text: str) -> None:
    (problem,) = problems(tmp_path, PROVIDER + f'api_key = "{text}"', A="x")
    assert problem.startswith('providers[0].api_key: "${" begins a reference')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[server]\nprot = 1", 'server.prot: unknown key; did you mean "port"?'),
        ("[servr]", 'servr: unknown key; did you mean "server"?'),
        ("zzz = 1", "zzz: unknown key"),
        ('"a b" = 1', '"a b": unknown key'),
        ("server = 1", "server: must be a table"),
        ("[providers]\nname = 1", "providers: must be written as [[providers]]"),
        ("providers = [1]", "providers[0]: must be a table"),
        ("[server]\nport = 70000", "server.port: expected `int` <= 65535"),
        ("[server]\nmax_body_bytes = 0", "server.max_body_bytes: expected `int` >= 1"),
        ("[server]\nbody_timeout_seconds = inf", "server.body_timeout_seconds: expected `float` <= 10000000.0"),
        ("[server]\nreuse_port = 1", "server.reuse_port: expected `bool`, got `int`"),
        ('[server]\nheartbeat = "x"', 'server.heartbeat: must be one of "event", "comment", "off"'),
        ('[translation]\nmode = "x"', 'translation.mode: must be one of "lenient", "strict"'),
        (PROVIDER + "models = [1]", "providers[0].models[0]: expected `str`, got `int`"),
        (PROVIDER + "headers = { A = 1 }", "providers[0].headers: expected `str`, got `int`"),
        (PROVIDER + 'headers = { "a b" = "1" }', 'providers[0].headers."a b": is not the name of a header'),
        (
            PROVIDER + 'headers = { "Content-Length" = "1" }',
            'providers[0].headers."Content-Length": is the gateway\'s to set',
        ),
        (
            PROVIDER + 'headers = { A = "1\\n2" }',
            'providers[0].headers."A": has characters that cannot be sent in a header',
        ),
        (PROVIDER + 'quirks = { images = "x" }', 'providers[0].quirks.images: must be one of "url", "data", "none"'),
        (
            PROVIDER + 'quirks = { tool_choice = ["auto", "x"] }',
            'providers[0].quirks.tool_choice[1]: must be one of "auto", "none", "required", "named"',
        ),
        (
            PROVIDER + "quirks = { think_tag = 1 }",
            'providers[0].quirks.think_tag: unknown key; did you mean "think_tags"?',
        ),
        (PROVIDER + PROVIDER, "providers[1].name: is the same as that of providers[0]"),
        (PROVIDER + '[[models]]\nid = "a"\ntargets = []', "models[0].targets: expected `array` of length >= 1"),
        (PROVIDER + '[[models]]\nid = "a"', "models[0].targets: is required"),
        (PROVIDER + '[[models]]\nid = "local"\ntargets = ["local/a"]', "models[0].id: is the name of a provider too"),
        (PROVIDER + '[[models]]\nid = "a"\ntargets = ["local"]', 'models[0].targets[0]: must be "provider/model"'),
        (PROVIDER + '[[models]]\nid = "a"\ntargets = ["local/"]', 'models[0].targets[0]: must be "provider/model"'),
        (
            PROVIDER + '[[models]]\nid = "a"\ntargets = ["local/a", "lcal/a"]',
            'models[0].targets[1]: no provider has this name; did you mean "local"?',
        ),
        (
            PROVIDER + '[[models]]\nid = "a"\ntargets = ["local/a"]\n' * 2,
            "models[1].id: is the same as that of models[0]",
        ),
    ],
)
def test_a_problem_is_told_with_its_path(tmp_path: Path, text: str, expected: str) -> None:
    assert problems(tmp_path, text) == [expected]


@pytest.mark.parametrize(
    "lines",
    [
        'api_key = "${SECRET}\\n"',
        'reasoning_events = "${SECRET}"',
        'max_event_bytes = "${SECRET}"',
        'headers = "${SECRET}"',
        'headers = { A = "${SECRET}\\n" }',
        'quirks = { response_format = ["${SECRET}"] }',
        'models = "${SECRET}"',
    ],
)
def test_a_secret_is_never_repeated(tmp_path: Path, lines: str) -> None:
    (problem,) = problems(tmp_path, PROVIDER + lines, SECRET="geheim")
    assert "geheim" not in problem


def test_a_secret_in_an_address_or_a_target_is_not_repeated(tmp_path: Path) -> None:
    text = '[[providers]]\nname = "local"\nbase_url = "http://u:${S}@h:x"\n[[models]]\nid = "m"\ntargets = ["${S}/m"]'
    assert not any("geheim" in problem for problem in problems(tmp_path, text, S="geheim"))

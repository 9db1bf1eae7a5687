import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Request

from gateway.access.keys import Key, KeyStore
from gateway.access.sealing import sealer_from
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import AliasSettings, ProviderSettings, Settings
from gateway.web.app import create_app
from gateway.web.permissions import is_allowed, targets_for
from gateway.web.session import Session
from gateway.web.visit import VISIT
from tests.fakes.visits import visit

SETTINGS = Settings(
    providers=(ProviderSettings(name="local", base_url="http://h", models=("qwen", "llama")),),
    models=(AliasSettings(id="coder", targets=("local/qwen",)),),
)


def request_of(*patterns: str) -> Request:
    app = create_app(SETTINGS, KeyStore(None, "k"), sealer_from(None), None)
    request = make_mocked_request("POST", "/v1/responses", app=app)
    request[VISIT] = visit(SETTINGS, caller=Key("id", "name", "owner", "", patterns))
    return request


def ask(request: Request, model: str) -> str:
    return targets_for(request[VISIT], model, Session(request, {}))[0].public_id


ALLOWED = [
    ((), "local/qwen"),
    (("*",), "local/qwen"),
    (("local/*",), "local/qwen"),
    (("local/*",), "qwen"),  # an id without its provider stands for the one with it
    (("coder",), "coder"),
]
REFUSED = [
    (("coder",), "local/qwen"),
    (("local/*",), "coder"),
    (("qwen",), "qwen"),
    (("local/llama",), "local/qwen"),
]


@pytest.mark.parametrize(("patterns", "model"), ALLOWED)
def test_a_model_that_matches_a_pattern_is_allowed(patterns: tuple[str, ...], model: str) -> None:
    assert ask(request_of(*patterns), model) == "local/qwen"


@pytest.mark.parametrize(("patterns", "model"), REFUSED)
def test_another_model_is_not(patterns: tuple[str, ...], model: str) -> None:
    with pytest.raises(GatewayError) as caught:
        ask(request_of(*patterns), model)
    assert (caught.value.kind, caught.value.status) == (ErrorKind.MODEL_NOT_ALLOWED, 403)


def test_a_model_that_is_not_there_is_not_found() -> None:
    with pytest.raises(GatewayError) as caught:
        ask(request_of("coder"), "other/model")
    assert caught.value.kind is ErrorKind.MODEL_NOT_FOUND


def test_without_a_key_all_is_allowed() -> None:
    assert is_allowed(visit(), "anything")

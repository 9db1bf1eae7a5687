from gateway.access.keys import KeyStore
from gateway.access.sealing import sealer_from
from gateway.settings import Settings
from gateway.web.app import create_app
from gateway.web.body import defer_continue
from gateway.web.services import SERVICES, Readiness

ROUTES = {
    ("GET", "/healthz"),
    ("HEAD", "/healthz"),
    ("GET", "/readyz"),
    ("HEAD", "/readyz"),
    ("POST", "/v1/responses"),
    ("GET", "/v1/responses"),
    ("GET", "/v1/responses/{response_id}"),
    ("DELETE", "/v1/responses/{response_id}"),
    ("POST", "/v1/responses/{response_id}/cancel"),
    ("GET", "/v1/responses/{response_id}/input_items"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{model}"),
}


def test_these_are_the_routes_and_none_asks_for_a_body_by_itself() -> None:
    routes = list(create_app(Settings(), KeyStore(None, "key"), sealer_from(None), None).router.routes())
    assert {(route.method, route.resource.canonical) for route in routes if route.resource} >= ROUTES
    assert {route._expect_handler for route in routes} == {defer_continue}


def test_a_new_application_is_ready_and_idle() -> None:
    readiness = create_app(Settings(), KeyStore(None, "key"), sealer_from(None), None)[SERVICES].readiness
    assert (readiness.is_draining, readiness.requests, readiness.idle.is_set()) == (False, 0, True)


def test_it_is_idle_again_when_the_last_request_is_over() -> None:
    readiness = Readiness()
    with readiness:
        with readiness:
            assert readiness.requests == 2
        assert not readiness.idle.is_set()
    assert readiness.idle.is_set()

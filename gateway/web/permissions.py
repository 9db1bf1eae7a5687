"""Which models the key of a request may ask for."""

from fnmatch import fnmatchcase

from gateway.errors import ErrorKind, GatewayError
from gateway.upstream.routing import Target
from gateway.web.session import Session
from gateway.web.visit import Visit


def targets_for(visit: Visit, model: str, session: Session) -> tuple[Target, ...]:
    """The places that may answer, in order.

    Raises:
        GatewayError: MODEL_NOT_FOUND, or MODEL_NOT_ALLOWED for a model that there is and that is not for this key.
    """
    router = visit.configured.router
    targets = router.targets(model, session.text)
    if visit.caller is None or not visit.caller.models:
        return targets
    name = model if router.is_alias(model) else targets[0].public_id
    if not is_allowed(visit, name):
        shown = model if len(model) <= 100 else model[:100] + "..."
        raise GatewayError(ErrorKind.MODEL_NOT_ALLOWED, f"This key may not use the model '{shown}'.", param="model")
    return targets


def is_allowed(visit: Visit, model: str) -> bool:
    """Whether the key of the request may use the model, by its public id; without patterns it may use all."""
    caller = visit.caller
    patterns = caller.models if caller is not None else ()
    return not patterns or any(fnmatchcase(model, pattern) for pattern in patterns)

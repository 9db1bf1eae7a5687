"""What one upstream has refused in this process, by model: optional members that are not sent a second time.

The same service takes `temperature` for one model and refuses it for the next, so every model is learned by itself.
"""

import logging

from gateway.codec.json import dumps, loads
from gateway.codec.refused_member import RefusedMember, refused_member, without_member
from gateway.errors import ErrorKind, GatewayError

_log = logging.getLogger(__name__)

_MOST_MODELS = 1000
"""Clients may name any model of some upstreams; what is remembered for them has a bound."""


class Refusals:
    """The members that an upstream refuses."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._known: dict[str, tuple[RefusedMember, ...]] = {}

    def of(self, model: str) -> tuple[RefusedMember, ...]:
        """What is known of a model, in the order in which it was found out."""
        return self._known.get(model, ())

    def learn(self, body: bytes, error: GatewayError) -> bytes | None:
        """The body to send instead, or nothing if the error is not about an optional member of it."""
        if error.kind is not ErrorKind.UPSTREAM_REJECTED or not error.is_reported:
            return None
        sent = loads(body)
        refused = refused_member(error.message, sent) if isinstance(sent, dict) else None
        if refused is None:
            return None
        self._remember(str(sent.get("model")), refused)
        return dumps(without_member(sent, refused))

    def _remember(self, model: str, refused: RefusedMember) -> None:
        known = self.of(model)
        if refused in known:
            return
        if model in self._known or len(self._known) < _MOST_MODELS:
            self._known[model] = (*known, refused)
        fields = {"provider": self._provider, "model": model, "member": refused.name, "instead": refused.instead}
        _log.info("the upstream refuses a member: it is left out from now on", extra={"fields": fields})

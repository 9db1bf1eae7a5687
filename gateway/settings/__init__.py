"""The settings, as typed frozen data: what can be configured, in which range, and the default of each.

Each file has the sections of one subject. None reads a file or the environment, and rules that need more than one field
(a target's provider must exist) are not here either: `gateway.configuration` does both. `config/gateway.toml` shows
every key to users.
"""

from gateway.settings.access import AuthSettings, KeyLimits, Limits, LimitsSettings, SealingSettings
from gateway.settings.process import AdminSettings, LoggingSettings, ServerSettings, TracingSettings
from gateway.settings.providers import Prices, ProviderSettings, ReasoningEvents
from gateway.settings.quirks import MaxTokensField, Quirks, ReasoningParam, ThinkTags, TokenCount, ToolResultContent
from gateway.settings.routing import (
    AliasSettings,
    RoutingSettings,
    TranslationSettings,
    WeightedTarget,
    replicas_of,
)
from gateway.settings.state import StateSettings
from gateway.settings.values import Section

__all__ = [
    "AdminSettings",
    "AliasSettings",
    "AuthSettings",
    "KeyLimits",
    "Limits",
    "LimitsSettings",
    "LoggingSettings",
    "MaxTokensField",
    "Prices",
    "ProviderSettings",
    "Quirks",
    "ReasoningEvents",
    "ReasoningParam",
    "RoutingSettings",
    "SealingSettings",
    "ServerSettings",
    "Settings",
    "StateSettings",
    "ThinkTags",
    "TokenCount",
    "ToolResultContent",
    "TracingSettings",
    "TranslationSettings",
    "WeightedTarget",
    "replicas_of",
]


class Settings(Section, frozen=True, kw_only=True):
    """Everything that one process is configured with."""

    server: ServerSettings = ServerSettings()
    admin: AdminSettings = AdminSettings()
    auth: AuthSettings = AuthSettings()
    limits: LimitsSettings = LimitsSettings()
    logging: LoggingSettings = LoggingSettings()
    sealing: SealingSettings = SealingSettings()
    state: StateSettings = StateSettings()
    tracing: TracingSettings = TracingSettings()
    translation: TranslationSettings = TranslationSettings()
    routing: RoutingSettings = RoutingSettings()
    providers: tuple[ProviderSettings, ...] = ()
    models: tuple[AliasSettings, ...] = ()

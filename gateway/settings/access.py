"""The sections about clients: their keys, what each may use, and what they carry sealed."""

from msgspec import Struct

from gateway.settings.values import CountOrNone, Price, Seconds, Section


class AuthSettings(Section, frozen=True, kw_only=True):
    """`[auth]`: where the keys of the clients are."""

    keys_file: str = "keys.toml"
    """Relative to the configuration file, absolute once loaded; empty for none."""
    reload_seconds: Seconds = 2
    """How often the file is looked at for a change."""


class Limits(Section, frozen=True, kw_only=True):
    """What one key may use; 0 for as much as it likes."""

    requests_per_minute: CountOrNone = 0
    tokens_per_minute: CountOrNone = 0
    """Input and output together."""
    max_concurrency: CountOrNone = 0
    """Answers at once, also those that are made in the background."""
    tokens_per_day: CountOrNone = 0
    tokens_per_month: CountOrNone = 0
    cost_per_day: Price = 0
    cost_per_month: Price = 0

    @property
    def is_counted(self) -> bool:
        """Whether anything has to be counted while it happens."""
        return bool(self.requests_per_minute or self.tokens_per_minute or self.max_concurrency)

    @property
    def has_budget(self) -> bool:
        """Whether it has to be known what has been spent."""
        return bool(self.tokens_per_day or self.tokens_per_month or self.cost_per_day or self.cost_per_month)


class KeyLimits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The members of a key that go before those of `[limits]`; None where it has none of its own."""

    requests_per_minute: CountOrNone | None = None
    tokens_per_minute: CountOrNone | None = None
    max_concurrency: CountOrNone | None = None
    tokens_per_day: CountOrNone | None = None
    tokens_per_month: CountOrNone | None = None
    cost_per_day: Price | None = None
    cost_per_month: Price | None = None

    def over(self, common: Limits) -> Limits:
        """The limits of a key with these members."""
        names = KeyLimits.__struct_fields__
        own = ((name, getattr(self, name)) for name in names)
        return Limits(**{name: getattr(common, name) if value is None else value for name, value in own})


class LimitsSettings(Limits, frozen=True, kw_only=True):
    """`[limits]`: what every key may use that says nothing else of itself, and what the whole process bears."""

    redis: str = ""
    """Where several processes count together; empty: each counts for itself."""
    redis_timeout_seconds: Seconds = 0.1
    budgets_file: str = "budgets.json"
    """Relative to the configuration file, absolute once loaded; empty for none. Not used with Redis."""
    max_open_streams: CountOrNone = 10_000
    """Answers under way, also those that are no streams; 0 for no cap, as for the next two."""
    max_buffered_bytes: CountOrNone = 536_870_912
    max_body_bytes_in_flight: CountOrNone = 1_073_741_824
    """At least `max_body_bytes` of `[server]`."""


class SealingSettings(Section, frozen=True, kw_only=True):
    """`[sealing]`: where the keys are that seal reasoning for the clients to carry."""

    keys_file: str = "sealing.keys"
    """Relative to the configuration file, absolute once loaded; empty for a key of the process's own."""

"""Opens what the settings name to count in. A Redis that is down is no reason not to start."""

from pathlib import Path

from gateway.access.budgets import Budgets
from gateway.access.counts import Counts, LocalCounts
from gateway.access.ledger_file import FileLedger
from gateway.configuration.extras import REDIS
from gateway.settings import LimitsSettings


def open_counts(settings: LimitsSettings) -> tuple[Counts, Budgets]:
    """Counts and budgets of this process, or of all that share a Redis.

    Raises:
        ConfigurationError: when they can never be used as they are configured.
    """
    if not settings.redis:
        return LocalCounts(), Budgets(FileLedger(Path(settings.budgets_file)) if settings.budgets_file else None)
    REDIS.require()
    from gateway.access.redis_link import RedisLink  # noqa: PLC0415 - it needs the extra
    from gateway.access.shared_counts import SharedCounts  # noqa: PLC0415
    from gateway.access.shared_ledger import SharedLedger  # noqa: PLC0415

    link = RedisLink(settings.redis, settings.redis_timeout_seconds)
    return SharedCounts(link, LocalCounts()), Budgets(SharedLedger(link))

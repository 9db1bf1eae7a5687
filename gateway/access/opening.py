"""Opens the counts that the settings name. A Redis that is down is no reason not to start."""

from gateway.access.counts import Counts, LocalCounts
from gateway.configuration import ConfigurationError
from gateway.settings import LimitsSettings


def open_counts(settings: LimitsSettings) -> Counts:
    """Counts of this process, or of all that share a Redis.

    Raises:
        ConfigurationError: when they can never be used as they are configured.
    """
    if not settings.redis:
        return LocalCounts()
    try:
        from gateway.access.redis_link import RedisLink  # noqa: PLC0415 - it is an extra
        from gateway.access.shared_counts import SharedCounts  # noqa: PLC0415
    except ModuleNotFoundError as error:
        problem = f"limits.redis: {error.name} is missing: install responses-gateway[redis]"
        raise ConfigurationError([problem]) from error
    return SharedCounts(RedisLink(settings.redis, settings.redis_timeout_seconds), LocalCounts())

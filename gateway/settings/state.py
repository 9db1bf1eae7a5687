"""The section about what is kept."""

from typing import Literal

from gateway.settings.values import Count, CountOrNone, Pause, Seconds, Section

StateBackend = Literal["memory", "none", "sqlite", "postgresql"]
OnCorruption = Literal["refuse", "set_aside"]


class StateSettings(Section, frozen=True, kw_only=True):
    """`[state]`: where responses and conversations are stored, and how much of them."""

    backend: StateBackend = "memory"
    """`memory` and `none` need nothing, `sqlite` is for the processes of one host, `postgresql` for several hosts."""
    path: str = "responses.db"
    """The file of `sqlite`; relative to the configuration file, absolute once loaded."""
    url: str = ""
    """The database of `postgresql`."""
    max_bytes: CountOrNone = 0
    """0 for what fits the backend, as for the next one."""
    max_records: CountOrNone = 0
    """Responses and conversations together."""
    max_age_seconds: Pause = 2_592_000
    """Since a record was made, changed or continued; 0 for ever."""
    purge_seconds: Seconds = 60
    """How often the store is looked at for what is beyond its bounds."""
    timeout_seconds: Seconds = 2
    """How long the store may take; a response waits so long for it before its end is told."""
    on_corruption: OnCorruption = "refuse"
    """What happens at the start to a file that is damaged."""
    max_chain: Count = 1000
    """Responses that one may continue, one after the other."""
    max_background: Count = 1000
    """Responses in the background at once, in one process."""
    max_background_per_key: Count = 100

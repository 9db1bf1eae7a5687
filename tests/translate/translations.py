"""The translation of a test: its ids are the same in every run, and its clock stands."""

import itertools
from collections.abc import Callable

from gateway.settings import ProviderSettings
from gateway.translate.request import ChatPlan
from gateway.translate.sealed import Seal
from gateway.translate.translation import Translation

CREATED_AT, COMPLETED_AT = 1_700_000_000, 1_700_000_009
PROVIDER = ProviderSettings(name="up", base_url="http://up.test/v1")


def counting() -> Callable[[str], str]:
    """Ids with the prefixes that are asked for."""
    numbers = itertools.count()
    return lambda prefix: f"{prefix}_{next(numbers):024x}"


def translation_of(
    planned: ChatPlan, provider: ProviderSettings = PROVIDER, *, seal: Seal | None = bytes.hex
) -> Translation:
    """The answer side of what was planned; what is sealed is hexadecimal digits."""
    return Translation(
        planned,
        provider,
        mint_id=counting(),
        created_at=CREATED_AT,
        now=lambda: COMPLETED_AT,
        input_bytes=40,
        seal=seal,
    )

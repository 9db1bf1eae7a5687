"""What a preset is: the quirks in which one kind of upstream differs from the common dialect, each with its reason."""

from dataclasses import dataclass

import msgspec

from gateway.settings import Quirks


@dataclass(frozen=True, slots=True)
class Choice:
    """One quirk that is not the default.

    Args:
        quirk: its name in `Quirks`.
        value: its value, as the configuration would have it.
        reason: why, in a few words.
        source: where that is said or was seen.
    """

    quirk: str
    value: object
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Preset:
    """One kind of server or service.

    Args:
        name: the value of `dialect`.
        title: its own name.
        choices: in what it differs from the common dialect.
        base_url: its address, if everybody has the same one.
    """

    name: str
    title: str
    choices: tuple[Choice, ...] = ()
    base_url: str = ""

    def table(self) -> dict[str, object]:
        """The quirks as a table of the configuration."""
        return {choice.quirk: choice.value for choice in self.choices}

    def quirks(self) -> Quirks:
        """The quirks of a provider that sets none of its own."""
        return msgspec.convert(self.table(), Quirks)


OPEN_SAMPLING = [
    "chat_template_kwargs",
    "enable_thinking",
    "length_penalty",
    "min_p",
    "min_tokens",
    "repeat_penalty",
    "repetition_penalty",
    "stop_token_ids",
    "thinking_budget",
    "top_a",
    "top_k",
    "typical_p",
]
"""Members that only servers of open models know; a strict service refuses the whole request for one of them."""

LOGPROBS = ["logprobs", "top_logprobs"]
PENALTIES = ["frequency_penalty", "presence_penalty"]

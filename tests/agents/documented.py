"""The configuration that the pages in docs/clients show, made to fit the gateway of a test.

A test that runs an agent takes its configuration from here, so that what a page tells people to write is what has been
seen to work.
"""

import re

from tests import pages
from tests.fakes.gateway import GatewayProcess

ADDRESS = "http://127.0.0.1:8080/v1"
MODEL = "local/your-model"
KEY = "the key"


def snippet(page: str, language: str, gateway: GatewayProcess, *, number: int = 0, model: str = "up/model") -> str:
    """The page's code block of that language and number, with the test's address, key and model."""
    text = pages.blocks(pages.page(f"docs/clients/{page}"), language)[number]
    return text.replace(ADDRESS, gateway.base_url).replace(MODEL, model).replace(KEY, gateway.key)


def shell_variables(text: str) -> dict[str, str]:
    """The variables that a shell block exports."""
    return {name: value.strip("\"'") for name, value in re.findall(r"^export (\w+)=(.*)$", text, re.MULTILINE)}

"""A self-hosted gateway: the Responses API in front of any Chat Completions server."""

__version__ = "0.1.0"

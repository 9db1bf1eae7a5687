"""A built-in upstream to try the gateway with: a real HTTP server that speaks Chat Completions.

It needs no model: what it says follows from the request alone, so the same request gets the same answer.
The words it understands are listed in `gateway.demo.directions`. It is not part of the gateway's own work.
"""

"""Finds out what an upstream can do: a handful of small requests, a table, and the configuration that follows.

`probes` are data, `observation` and `findings` read answers, `advice` and `block` draw conclusions; all of these are
pure. Only `examination` asks, and only `command` prints.
"""

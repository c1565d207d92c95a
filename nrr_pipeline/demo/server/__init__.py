"""The simulated account's API server: everything needed to serve an account over HTTP.

    with running_server(account, ServerOptions(latency_seconds=0.08)) as address:
        ...  # point a client at the address

It reads an account and nothing else; how accounts come about belongs to the rest of ``demo``.
From the connection to the answer: ``hosting`` -> ``app`` (with ``access``, ``traffic``) ->
``answers`` -> ``parameters``, ``resources``, ``listing``, ``expansion`` (with ``shapes``) ->
``account_index``; refusals are worded in ``errors``.
"""

from nrr_pipeline.demo.server.account_index import AccountHolder
from nrr_pipeline.demo.server.app import API_VERSION, create_app
from nrr_pipeline.demo.server.hosting import (
    PortTakenError,
    hosted,
    running_server,
    serve,
    serve_forever,
)
from nrr_pipeline.demo.server.traffic import Fault, ServerOptions

__all__ = [
    "API_VERSION",
    "AccountHolder",
    "Fault",
    "PortTakenError",
    "ServerOptions",
    "create_app",
    "hosted",
    "running_server",
    "serve",
    "serve_forever",
]

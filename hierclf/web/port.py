"""The port of the server: looked at before anything that takes time."""

from __future__ import annotations

import socket

from hierclf.config.serving import ServeOptions
from hierclf.foundation.errors import ResourceError


def check_port(options: ServeOptions) -> None:
    """See that the port can be had.

    Parameters
    ----------
    options : ServeOptions
        Its host and number.

    Raises
    ------
    ResourceError
        If it is taken, or not allowed.
    """
    kind = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        socket.create_server((options.host, options.port), family=kind).close()
    except OSError as error:
        raise refuse_port(options) from error


def refuse_port(options: ServeOptions) -> ResourceError:
    """Say that the port cannot be had."""
    return ResourceError(
        f"port: expected {options.host}:{options.port} to be free, got it taken or not "
        "allowed. Choose another --port."
    )

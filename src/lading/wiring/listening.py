"""
The listening socket of the API, bound by the supervisor before anything else starts.

A port in use is known at once; the API process inherits the socket, so that callers wait rather than fail while it is
started again.
"""

from __future__ import annotations

import errno
import socket
from typing import Final

from lading.errors import EnvironmentUnfit, PortInUse

_BACKLOG: Final = 1024
_OTHER: Final = "choose another with LADING_PORT"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host` and `port` (0: any free one); EnvironmentUnfit says why that can't be."""
    if not 0 <= port <= 65535:
        raise EnvironmentUnfit(f"{port} is not a port; {_OTHER} between 1 and 65535.")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except socket.gaierror as error:
        raise EnvironmentUnfit(f"LADING_HOST={host!r} is not an address of this machine; correct it.") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(
                f"Port {port} on {host} is in use by another program; stop that one, or {_OTHER}."
            ) from error
        if error.errno == errno.EADDRNOTAVAIL:
            raise EnvironmentUnfit(f"LADING_HOST={host!r} is not an address of this machine; correct it.") from error
        if error.errno == errno.EACCES:
            raise EnvironmentUnfit(f"Port {port} is for privileged programs only; {_OTHER} above 1023.") from error
        raise EnvironmentUnfit(f"Port {port} on {host} can't be used: {error.strerror}; {_OTHER}.") from error


def address(listener: socket.socket) -> str:
    """Return the URL under which the socket is reached from this machine."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

"""Where sinks that are read over the network listen."""

import errno
import ipaddress
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from toonstream_engines.errors import InputError


class Place(NamedTuple):
    """name: as it was written. family, host, port: as a socket takes them; host is a number; port 0 is any free one."""

    name: str
    family: socket.AddressFamily
    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only programs of this machine get there."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def everywhere(self) -> bool:
        """Whether it is every address of this machine."""
        return ipaddress.ip_address(self.host).is_unspecified


def parse(text: str, scheme: str, port: int) -> Place:
    """SCHEME://HOST:PORT; `port` is for the example. Raises InputError for anything else, and for an unknown host."""
    try:
        parts = urlsplit(text)
        plain = parts.scheme == scheme and parts.port is not None
    except ValueError:
        plain = False
    if not plain or not parts.hostname or parts.username or parts.path.strip("/") or parts.query or parts.fragment:
        raise InputError(f"--to {text}: not an address to listen at; write {scheme}://127.0.0.1:{port}")
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise InputError(f"--to {text}: cannot resolve the host {parts.hostname}") from error
    return Place(parts.hostname, found[0], str(found[4][0]), parts.port or 0)


def reason(error: OSError) -> str:
    """Why one cannot listen somewhere, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return "this port is taken by another program; choose another port"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address; 127.0.0.1 is for itself alone, 0.0.0.0 for the whole network"
    if error.errno == errno.EACCES:
        return "this port is not for everybody to take; choose one from 1024 on"
    return f"cannot be listened at ({error.strerror})"

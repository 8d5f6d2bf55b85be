"""The address that the page is served at, and who may ask for it.

On loopback other programs of this machine may, but no web page of another origin, whatever name it gave this machine
(DNS rebinding). Beyond loopback only who knows the token, which is a part of every path.
"""

import ipaddress
import secrets
import socket
from email.message import Message
from urllib.parse import urlsplit

from toonstream.sinks.listening import parse


class Address:
    """Where to serve, and whom. text: http://HOST:PORT, port 0 for any that is free. Raises InputError.

    token: None on loopback.
    """

    def __init__(self, text: str) -> None:
        self.place = parse(text, "http", 8080)
        self.token = None if self.place.loopback else secrets.token_urlsafe(16)

    def url(self, port: int) -> str:
        """What to open in a browser, ending in /; port: the one that was got."""
        name = _own_address() if self.place.everywhere else self.place.name
        if self.place.loopback and not _is_loopback(name):  # a name that is refused, as a web page may give us any
            name = self.place.host
        host = f"[{name}]" if ":" in name else name
        return f"http://{host}:{port}/" + (f"{self.token}/" if self.token else "")

    def refusal(self, path: str, headers: Message) -> str | None:
        """Why a request is not answered, for a person to read; None where it may be."""
        if self.token:
            if not secrets.compare_digest(path.lstrip("/").split("/")[0].encode(), self.token.encode()):
                return "This address needs the token that toonstream printed as a part of it."
        elif not _is_loopback(headers.get("Host", "")):
            return "This page is served to its own machine only."
        origin = headers.get("Origin")
        if (origin and origin != f"http://{headers.get('Host')}") or headers.get("Sec-Fetch-Site", "none") not in (
            "same-origin",
            "none",
        ):
            return "This page does not answer to others."
        return None

    def inner(self, path: str) -> str:
        """The path without the token, of a request that may be answered."""
        return path.lstrip("/").removeprefix(self.token) if self.token else path


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _own_address() -> str:
    """The address by which others on the network are likely to reach this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # of no machine; nothing is sent
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])

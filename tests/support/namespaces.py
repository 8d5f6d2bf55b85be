"""Machines for tests: network namespaces with mounts of their own on one bridge. Needs root and iproute2."""

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

NETWORK = "10.231.77"


class Machines:
    """host: the address of this side."""

    host = f"{NETWORK}.1"

    def __init__(self, opened: ExitStack) -> None:
        self._opened = opened
        self._tag = uuid.uuid4().hex[:6]
        self._bridge = f"br{self._tag}"
        self._count = 0
        self._add(f"link add {self._bridge} type bridge", f"link del {self._bridge}")
        _ip(f"addr add {self.host}/24 dev {self._bridge}")
        _ip(f"link set {self._bridge} up")

    def start(self, command: str, folder: Path, hide: Path | None = None) -> str:
        """Runs a command on a new machine, in an empty `folder` of its own; returns the machine's address.

        hide: a folder that this machine shall not see, but an empty one.
        """
        self._count += 1
        name, inside, outside = (f"{kind}{self._tag}{self._count}" for kind in ("ns", "vi", "vo"))
        address = f"{NETWORK}.{10 + self._count}"
        self._add(f"netns add {name}", f"netns del {name}")
        self._add(f"link add {outside} type veth peer name {inside} netns {name}", f"link del {outside}")
        _ip(f"link set {outside} master {self._bridge} up")
        for step in (f"addr add {address}/24 dev {inside}", f"link set {inside} up", "link set lo up"):
            _ip(f"-n {name} {step}")
        folder.mkdir(parents=True, exist_ok=True)
        mounts = [f"mount -t tmpfs tmpfs '{path}'" for path in (folder, hide) if path]
        script = " && ".join([*mounts, f"cd '{folder}'", f"exec {command}"])
        quiet = subprocess.DEVNULL
        machine = subprocess.Popen(["ip", "netns", "exec", name, "sh", "-c", script], stdout=quiet, stderr=quiet)
        self._opened.callback(machine.wait)
        self._opened.callback(machine.terminate)
        return address

    def _add(self, make: str, remove: str) -> None:
        _ip(make)
        self._opened.callback(_ip, remove)


@contextmanager
def machines() -> Iterator[Machines]:
    """Raises OSError or CalledProcessError where none can be made; what was made is gone afterwards."""
    with ExitStack() as opened:
        yield Machines(opened)


def _ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True, capture_output=True)

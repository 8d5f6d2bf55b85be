"""A machine with cameras, emulated: Debian's kernel with vivid at /dev/video20 and v4l2loopback at /dev/video10.

On Debian: apt install qemu-system-x86 busybox-static cpio kmod v4l2loopback-dkms linux-headers-amd64 linux-image-amd64.
Where the last cannot be installed, as in a container, unpack it (apt download, dpkg -x) into a folder that the
environment's TOONSTREAM_KERNEL names.
"""

import lzma
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

INIT = Path(__file__).parent / "vm" / "init"
ROOTS = [Path(os.environ.get("TOONSTREAM_KERNEL", "/")), Path("/")]
PROGRAMS = "qemu-system-x86_64", "busybox", "cpio", "modinfo"
MODULES = "virtio_pci", "9pnet_virtio", "9p", "vivid", "v4l2loopback"
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _modules(release: str) -> dict[str, Path]:
    """Every module of a kernel, wherever it lies."""
    files = [file for root in ROOTS for file in (root / "lib/modules" / release).rglob("*.ko*")]
    return {file.name.split(".")[0].replace("-", "_"): file for file in files}


def _kernel() -> Path | None:
    """The newest that can be read and has both cameras."""
    images = [image for root in ROOTS for image in (root / "boot").glob("vmlinuz-*") if os.access(image, os.R_OK)]
    images.sort(key=lambda image: [int(number) for number in re.findall(r"\d+", image.name)])
    whole = [image for image in images if {"vivid", "v4l2loopback"} <= _modules(_release(image)).keys()]
    return whole[-1] if whole else None


def _release(image: Path) -> str:
    return image.name.removeprefix("vmlinuz-")


def missing() -> str | None:
    """What such a machine lacks here, if anything."""
    programs = [program for program in PROGRAMS if not shutil.which(program, path=PATH)]
    if programs:
        return ", ".join(programs)
    return None if _kernel() else "a kernel with vivid and v4l2loopback"


def run(command: str, folder: Path, seconds: float) -> tuple[int | None, str]:
    """Boots it and has its sh run `command` as root: its exit status, None where it did not end, and all it printed.

    It sees the host's files, but can write to none, except that `folder` is its /run/shared; the rest of /run, where
    HOME and TMPDIR are, is its own. Emulation takes ten to twenty times as long.
    """
    image = _kernel()
    assert image
    initial = folder / "initial"
    for name in ("bin", "dev", "mnt", "modules", "proc", "sys"):
        (initial / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "", initial / "bin")
    shutil.copy(INIT, initial)
    (initial / "init").chmod(0o755)
    (initial / "command").write_text(command)
    for index, file in enumerate(_in_order(_modules(_release(image)))):
        content = lzma.decompress(file.read_bytes()) if file.suffix == ".xz" else file.read_bytes()
        (initial / "modules" / f"{index:02}-{file.name.split('.')[0].replace('-', '_')}.ko").write_bytes(content)
    names = "\n".join(str(path.relative_to(initial)) for path in initial.rglob("*"))
    pack = ["cpio", "--create", "--format", "newc", "--quiet"]
    with (folder / "initial.cpio").open("wb") as archive:
        subprocess.run(pack, input=names.encode(), stdout=archive, cwd=initial, check=True)
    share = "local,security_model=none,multidevs=remap,path="
    machine = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "3072"]
    machine += ["-nographic", "-no-reboot", "-net", "none", "-kernel", image, "-initrd", folder / "initial.cpio"]
    machine += ["-append", "console=ttyS0 panic=-1 quiet loglevel=3 mitigations=off"]
    machine += ["-virtfs", f"{share}/,mount_tag=host,readonly=on", "-virtfs", f"{share}{folder},mount_tag=shared"]
    try:
        told = subprocess.run(machine, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds).stdout
    except subprocess.TimeoutExpired as error:
        told = error.stdout or b""
    text = told.decode(errors="replace").replace("\r", "")
    status = re.search(r"^exit status: (\d+)$", text, re.MULTILINE)
    return int(status[1]) if status else None, text


def _in_order(there: dict[str, Path]) -> list[Path]:
    """What is to be loaded, what something needs before it; what is no module is in the kernel."""

    def needed(name: str) -> Iterator[Path]:
        if name in there:
            told = subprocess.run(
                ["modinfo", "--field", "depends", there[name]],
                capture_output=True,
                text=True,
                check=True,
                env=os.environ | {"PATH": PATH},
            )
            for other in filter(None, told.stdout.strip().split(",")):
                yield from needed(other.replace("-", "_"))
            yield there[name]

    return list(dict.fromkeys(file for name in MODULES for file in needed(name)))

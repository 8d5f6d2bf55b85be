"""What ToonStream does unasked, as the kernel sees it: it calls nobody, and leaves no file but in its cache folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import CLIP
from support.clips import make_short

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="needs Linux with strace")

RUN = "from toonstream.commands import main; assert main({!r}) == 0"
STOP_LIVE = """
import os, signal, threading, time

def stop():
    while not os.path.exists("../out/live.part.mp4"):
        time.sleep(0.1)
    time.sleep(2)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=stop, daemon=True).start()
"""
CONVERT = ["../clip.mp4", "-o", "../out/cartoon.mp4"]
LIVE = ["live", "--from", str(CLIP), "--to", "../out/live.mp4", "--backend", "onnxruntime"]
BATCH = ["batch", "../clip.mp4", "-o", "../out"]
BENCH = ["bench", "--size", "320x240", "--seconds", "1", "--rounds", "1", "-o", "../out/bench"]
TRAIN = """
from pathlib import Path
from support.pictures import write_pictures
from toonstream_train.commands import main

table = write_pictures(Path("../out/photos"), 3)
short = [part for setting in ("reconstruction=1", "steps=1", "batch=2") for part in ("--set", setting)]
photos = ["--photos", "../out/photos.pack"]
assert main(["prepare", "../out/photos", "../out/photos.pack", "--landmarks", str(table)]) == 0
assert main(["fit", "quick", *photos, "--cartoons", "../out/photos.pack", "--out", "../out/run", *short]) == 0
assert main(["export", "../out/run", "../out/style", "--faces", "../out/photos.pack"]) == 0
assert main(["curves", "../out/run"]) == 0
"""


def watch(program: str, tmp_path: Path) -> tuple[set[str], set[str]]:
    """Runs Python under strace in an empty home: whom it called or looked up, and what it left behind elsewhere than in
    ~/.cache/toonstream, the folder for temporary files and ../out."""
    home, out, temporary, here = (tmp_path / name for name in ("home", "out", "temporary", "here"))
    for folder in (home, out, temporary, here):
        folder.mkdir()
    quiet = ("ORT_", "MPL", "XDG_", "TOONSTREAM_", "TORCH_HOME")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(quiet)}
    environment |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
    trace = tmp_path / "trace"
    calls = "connect,sendto,sendmsg,sendmmsg,open,openat,creat,mkdir,mkdirat"
    command = ["strace", "-f", "--seccomp-bpf", "-e", f"trace={calls}", "-s", "0", "-o", trace]
    command += [sys.executable, "-B", "-c", program]
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    allowed = [home / ".cache/toonstream", out, temporary, Path("/dev")]
    called, left = set(), set()
    for line in trace.read_text(errors="replace").splitlines():
        for port, address in re.findall(r"sin6?_port=htons\((\d+)\).*?\"([0-9a-f.:]+)\"", line):
            if port == "53" or not (address.startswith("127.") or address == "::1"):
                called.add(f"{address}:{port}")
        if '"/etc/resolv.conf"' in line:
            called.add("a name was looked up")
        made = re.search(r'(?:open|openat|creat|mkdir|mkdirat)\((?:AT_FDCWD, )?"([^"]+)"(.*)', line)
        if made and ("O_CREAT" in made[2] or "open" not in made[0].split("(")[0]) and " = -1 " not in made[2]:
            path = Path(os.path.normpath(here / made[1]))
            if not any(path.is_relative_to(root) or root.is_relative_to(path) for root in allowed):
                left.add(str(path))
    return called, left


def test_the_watch_sees_a_call_a_look_up_and_a_file(tmp_path):
    """The address is one of those that belong to nobody (RFC 5737), and connecting a datagram socket sends nothing."""
    program = (
        "import pathlib, socket\n"
        "socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 9))\n"
        "pathlib.Path('/etc/resolv.conf').exists() and open('/etc/resolv.conf')\n"
        "pathlib.Path.home().joinpath('.id').touch()\n"
    )
    called, left = watch(program, tmp_path)
    assert called - {"a name was looked up"} == {"192.0.2.1:9"}
    assert left == {str(tmp_path / "home/.id")}


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(RUN.format(CONVERT), id="convert"),
        pytest.param(STOP_LIVE + RUN.format(LIVE), id="live"),
        pytest.param(RUN.format(BATCH), id="batch", marks=pytest.mark.slow),
        pytest.param(RUN.format(BENCH), id="bench", marks=pytest.mark.slow),
        pytest.param(TRAIN, id="train", marks=pytest.mark.slow),
    ],
)
def test_it_calls_nobody_and_leaves_nothing(tmp_path, program):
    if "'batch'" in program:
        pytest.importorskip("distributed", reason="pip install '.[cluster]'")
    if "toonstream_train" in program:
        pytest.importorskip("lightning_fabric", reason="pip install '.[train]'")
    make_short(tmp_path / "clip.mp4")
    assert watch(program, tmp_path) == (set(), set())
    assert any((tmp_path / "out").iterdir())

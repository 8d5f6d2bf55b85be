"""The packages' names collide with nobody's files."""

import subprocess
import sys


def test_a_users_own_modules_are_not_in_the_way(tmp_path):
    for name in ("engines", "train", "tests"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name}.py of the user was imported')\n")
    program = "from toonstream import Toonifier; import toonstream_train.commands; print(Toonifier.__name__)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("Toonifier\n", "")

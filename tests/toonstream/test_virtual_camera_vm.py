"""The tests of test_virtual_camera.py, in an emulated machine that has the cameras; takes some minutes."""

import shlex
import sys
from pathlib import Path

import pytest
from support import virtual_machine

TESTS = Path(__file__).with_name("test_virtual_camera.py")
LACK = virtual_machine.missing()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(LACK), reason=f"needs {LACK}: see virtual_machine.py")]


def test_in_an_emulated_machine(tmp_path):
    tests = [sys.executable, "-m", "pytest", "-m", "slow", "-rA", "--durations", "0", "-p", "no:cacheprovider"]
    tests += ["--basetemp", "/run/shared/tests", str(TESTS)]
    status, told = virtual_machine.run(
        f"cd {shlex.quote(str(TESTS.parents[1]))} && {shlex.join(tests)}", tmp_path, 1800
    )
    print(told)
    assert status == 0
    assert " passed" in told
    assert " skipped" not in told

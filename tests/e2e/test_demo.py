# SPDX-License-Identifier: Apache-2.0
"""scripts/demo, as somebody meets it who has just cloned the repository."""
import os
import re
import signal
import subprocess
import time

import pytest
from conftest import REPO
from testbed_lib import teardown
from testbed_lib.shell import build_dir


@pytest.fixture(autouse=True)
def nothing_left():
    if "demo" in teardown.runs():
        pytest.skip("somebody runs the demo on this machine")
    yield
    teardown.down("demo")


def env():
    return {**os.environ, "WEFT_BUILD": build_dir()}


def test_demo_once_checks_itself_and_leaves_nothing_within_120_s():
    begin = time.monotonic()
    done = subprocess.run([f"{REPO}/scripts/demo", "--once"], capture_output=True, text=True,
                          env=env(), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - begin < 120
    assert done.stdout.count("  ok ") == 5 and "FAILED" not in done.stdout
    assert teardown.leftovers("demo") == []


def test_the_live_table_updates_until_ctrl_c_and_leaves_nothing():
    demo = subprocess.Popen([f"{REPO}/scripts/demo"], stdout=subprocess.PIPE, text=True, env=env(),
                            stderr=subprocess.STDOUT)
    shares, seen = [], ""
    for line in demo.stdout:
        seen += line
        match = re.match(r"\s+v1 +\d+ +([\d.]+)%", line)
        if match:
            shares.append(float(match[1]))
        if len(shares) == 4:
            break
    assert len(shares) == 4, seen
    demo.send_signal(signal.SIGINT)
    out = demo.stdout.read()
    assert demo.wait(timeout=30) == 0, out
    assert "removed" in out and teardown.leftovers("demo") == []
    assert all(50 < share < 95 for share in shares), "75/25, half a second each"

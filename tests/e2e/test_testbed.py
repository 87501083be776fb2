# SPDX-License-Identifier: Apache-2.0
"""The testbed itself: what it builds, and that it leaves nothing behind."""
import os
import signal
import subprocess

import pytest
from testbed_lib import nodes, teardown
from testbed_lib.bed import Bed
from testbed_lib.shell import REPO, BedError

SLEEPERS = (b"1000", b"1001", b"1002", b"1003")
POD = """
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: x}
spec:
  containers:
  - name: daemon
    command: [sh, -c, "setsid sh -c 'sleep 1000 & sleep 1001' & exec sleep 1002"]
"""


@pytest.fixture
def run_id():
    name = f"e2e{os.getpid()}x0"
    yield name
    teardown.down(name)


def test_down_leaves_nothing_behind_not_even_daemons(run_id):
    bed = Bed.create(run_id, 2, mesh=False)
    bed.apply_text(POD)
    bed.exec("one", ["sh", "-c", "setsid sleep 1003 >/dev/null 2>&1 &"])
    assert teardown.leftovers(run_id)
    bed.down()
    assert teardown.leftovers(run_id) == []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                command = f.read().split(b"\0")
        except OSError:
            continue
        assert command[:1] != [b"sleep"] or command[1] not in SLEEPERS


def test_down_cleans_up_after_a_crash_half_way(run_id, monkeypatch):
    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(nodes, "create", crash)
    with pytest.raises(KeyboardInterrupt):
        Bed.create(run_id, 2, mesh=False)
    assert teardown.leftovers(run_id)
    teardown.down(run_id)
    assert teardown.leftovers(run_id) == []


def test_a_pod_without_command_is_refused_with_words(run_id):
    bed = Bed.create(run_id, 1, mesh=False)
    with pytest.raises(BedError, match="has no `command`"):
        bed.apply_text(POD.replace("command", "args"))


def test_a_pod_that_ends_at_once_is_reported_with_its_log(run_id):
    bed = Bed.create(run_id, 1, mesh=False)
    text = """
apiVersion: v1
kind: Pod
metadata: {name: broken}
spec:
  containers:
  - {name: main, command: [sh, -c, "echo cannot go on; exit 3"], ports: [{containerPort: 80}]}
"""
    with pytest.raises(BedError, match="(?s)main ended.*cannot go on"):
        bed.apply_text(text)


def test_pods_of_two_nodes_reach_each_other_in_both_families(run_id):
    bed = Bed.create(run_id, 2, mesh=False)
    bed.apply_text(POD + "---" + POD.replace("one", "two"))
    assert bed.pod("one")["node"] != bed.pod("two")["node"]
    server = bed.popen("two", ["netd", "two", "who:7000"])
    try:
        for ip in bed.pod("two")["ips"]:
            bed.exec("one", ["sh", "-c", f"for i in $(seq 100); do netc.py who {ip} 7000 | "
                             "grep -q two && exit 0; sleep 0.02; done; exit 1"])
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def test_an_applied_change_replaces_and_delete_removes(run_id, tmp_path):
    bed = Bed.create(run_id, 1, mesh=False)
    file = tmp_path / "two.yaml"
    deployment = ("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n"
                  "  replicas: %d\n  template:\n"
                  "    spec: {containers: [{name: s, command: [sleep, infinity]}]}\n")
    file.write_text(deployment % 3)
    bed.apply([str(file)])
    assert sorted(bed.store.pods) == ["default/d-0", "default/d-1", "default/d-2"]
    file.write_text(deployment % 1)
    bed.apply([str(file)])
    assert sorted(bed.store.pods) == ["default/d-0"]
    bed.delete([str(file)])
    assert not bed.store.pods
    assert os.listdir(bed.config_dir) == []


def test_the_command_line_does_the_same(run_id, tmp_path):
    def testbed(*args):
        return subprocess.run([f"{REPO}/scripts/testbed", *args], capture_output=True, text=True,
                              check=False)

    file = tmp_path / "pod.yaml"
    file.write_text(POD)
    assert testbed("up", "--name", run_id, "--no-mesh", str(file)).returncode == 0
    assert "exists" in testbed("up", "--name", run_id, "--no-mesh", str(file)).stderr
    assert testbed("exec", "--name", run_id, "one", "--", "hostname", "-I").returncode == 0
    assert testbed("exec", "--name", run_id, "one", "--", "sh", "-c", "exit 7").returncode == 7
    node = testbed("node", "--name", run_id, "node1", "--", "sh", "-c", "echo $WEFT_RUN; ip -br l")
    assert f"/{run_id}/node1" in node.stdout and "veth1" in node.stdout
    assert "x/one" in testbed("list").stdout
    assert testbed("down", "--name", run_id).returncode == 0
    assert run_id not in testbed("list").stdout

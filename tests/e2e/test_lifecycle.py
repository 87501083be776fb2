# SPDX-License-Identifier: Apache-2.0
"""weftd's own life: refusals to start, cleaning up, restarts in the middle of changes."""
import os
import random
import re
import signal
import subprocess
import time

import pytest
from helpers import Running, client, curl, open_connections, wait_for
from testbed_lib.shell import in_netns, program, run

RULE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: recommendation, namespace: tutorial}
spec:
  hosts: [recommendation]
  http:
  - route:
    - destination: {host: recommendation, subset: version-%s}
"""


@pytest.fixture(scope="module")
def bed(make_bed):
    made = make_bed("chain.yaml", "l4.yaml", args=("--access-log", "off"))
    made.apply_text(RULE % "v1", "rule.yaml")
    wait_for(lambda: version(made) == "v1", what="the rule in force")
    return made


def version(bed):
    return curl(bed, "tutorial/client", "http://recommendation:8080/").headers.get("x-app-version")


def start_and_fail(bed, *args):
    done = subprocess.run(in_netns(bed.agent().netns, [program("weftd"), *args]), timeout=20,
                          capture_output=True, text=True, check=False)
    assert done.returncode != 0
    return (done.stdout + done.stderr).strip()


def test_a_second_weftd_is_refused_with_a_reason_and_disturbs_nothing(bed):
    pid = bed.agent().pid()
    out = start_and_fail(bed, *bed.agent().argv()[1:])
    assert len(out.splitlines()) == 1 and bed.agent().dir in out, out
    assert bed.agent().pid() == pid and version(bed) == "v1"


def test_a_config_directory_that_is_missing_is_one_line_of_reason(bed, tmp_path):
    out = start_and_fail(bed, "--config", f"{tmp_path}/none", "--run", f"{tmp_path}/run",
                         "--pins", f"/sys/fs/bpf/weft-{bed.run_id}-none")
    assert len(out.splitlines()) == 1 and f"{tmp_path}/none" in out, out


def test_wrk_sees_no_error_while_weftd_is_killed_in_the_middle_of_changes(bed):
    wrk = bed.popen("tutorial/customer", ["wrk", "-t1", "-c8", "-d60s",
                                          "http://recommendation:8080/"],
                    stdout=subprocess.PIPE, text=True)
    rng = random.Random(7)
    for i in range(8):
        with open(f"{bed.config_dir}/.rule.new", "w", encoding="utf-8") as f:
            f.write(RULE % ("v1" if i % 2 else "v2"))
        os.rename(f"{bed.config_dir}/.rule.new", f"{bed.config_dir}/rule.yaml")
        time.sleep(rng.random() * 0.03)  # somewhere in the push, or before, or behind it
        os.kill(bed.agent().pid(), signal.SIGKILL)
        wait_for(lambda: bed.agent().pid() is None, what="weftd gone")
        bed.agent().start()
    wait_for(lambda: version(bed) == "v1", what="the last change")
    assert wrk.poll() is None
    wrk.send_signal(signal.SIGINT)
    out = wrk.communicate(timeout=30)[0]
    assert int(re.search(r"(\d+) requests in", out)[1]) > 500, out
    assert "Socket errors" not in out and "Non-2xx" not in out, out
    wait_for(lambda: len(bed.agent().proxy_pids()) == 1, timeout=30, what="old proxies ended")


def test_limits_hold_over_restarts(bed):
    with Running(bed, "l4/client", "netc.py", "hold", "limited", 7000, "-n", 30) as run_:
        assert run_.first["open"] == 30
        os.kill(bed.agent().pid(), signal.SIGKILL)
        wait_for(lambda: bed.agent().pid() is None, what="weftd gone")
        bed.agent().start()
        wait_for(lambda: not bed.not_enrolled(), what="enrolled again")
        assert open_connections(bed, "limited.l4") == 30
        with Running(bed, "l4/client", "netc.py", "hold", "limited", 7000, "-n", 40) as more:
            assert more.first["open"] == 20
            more.end()
        run_.end()
    wait_for(lambda: open_connections(bed, "limited.l4") == 0, what="all released")


def test_weftd_that_was_away_finds_what_changed_meanwhile(bed):
    os.kill(bed.agent().pid(), signal.SIGKILL)
    wait_for(lambda: bed.agent().pid() is None, what="weftd gone")
    bed.apply_text(RULE % "v2", "rule.yaml", wait=False)
    assert version(bed) == "v1", "the old rule while nobody reads the new one"
    bed.agent().start()
    wait_for(lambda: version(bed) == "v2", what="the new rule")


def test_cleanup_removes_programs_maps_and_addresses(bed):
    agent = bed.agent()
    os.kill(agent.pid(), signal.SIGTERM)
    wait_for(lambda: agent.pid() is None, what="weftd's end")
    assert os.path.isdir(agent.pins)
    done = run(in_netns(agent.netns, [program("weftd"), "--cleanup", "--run", agent.dir, "--pins",
                                      agent.pins, "--state", f"{agent.dir}/state"]), check=False)
    assert done.returncode == 0, done.stderr
    assert not os.path.exists(agent.pins)
    assert "169.254.77.1" not in run(["ip", "-n", agent.netns, "addr"]).stdout
    veth = bed.pod("l4/client")["veth"]
    filters = run(["tc", "-n", agent.netns, "filter", "show", "dev", veth, "ingress"]).stdout
    assert filters.strip() == ""
    wait_for(lambda: not agent.proxy_pids(), what="no proxy")
    ip = bed.pod("echo-v1")["ips"][0]
    assert client(bed, "l4/client", "who", ip, 7000)["names"] == {"echo-v1-0": 1}
    vip = bed.addresses("l4/echo")[0]
    assert client(bed, "l4/client", "who", vip, 7000)["names"] == {}, "nobody knows it any more"
    agent.start()
    wait_for(lambda: not bed.not_enrolled(), what="enrolled again")
    assert version(bed) == "v2"

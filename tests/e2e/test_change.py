# SPDX-License-Identifier: Apache-2.0
"""A big mesh: changes are in force at once, nobody notices them, memory stays small."""
import os
import re
import statistics
import subprocess
import time

import pytest
from helpers import curl, rss_mb, wait_for

SERVICES, ENDPOINTS = 1000, 10
IN_FORCE_S = 0.1

SERVICE = """apiVersion: v1
kind: Service
metadata: {{name: s{i}, namespace: big}}
spec:
  clusterIP: 10.97.{a}.{b}
  ports: [{{name: http, port: 80}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: s{i}-x
  namespace: big
  labels: {{kubernetes.io/service-name: s{i}}}
addressType: IPv4
ports: [{{name: http, port: 8080}}]
endpoints:
"""
RULE = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: recommendation, namespace: tutorial}}
spec:
  hosts: [recommendation]
  http:
  - route:
    - destination: {{host: recommendation, subset: version-{version}}}
"""


def big_mesh():
    """1,000 services with 10 endpoints each, as text."""
    parts = []
    for i in range(SERVICES):
        text = SERVICE.format(i=i, a=i // 250, b=i % 250 + 1)
        for k in range(ENDPOINTS):
            n = i * ENDPOINTS + k
            text += f"- addresses: [10.{100 + n // 62500}.{n // 250 % 250}.{n % 250 + 1}]\n"
        parts.append(text)
    return "---\n".join(parts)


def write(bed, name, text):
    """Puts a file into the config directory at once, as the contract says."""
    path = f"{bed.config_dir}/{name}"
    with open(f"{bed.config_dir}/.{name}.new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(f"{bed.config_dir}/.{name}.new", path)
    return time.monotonic()


@pytest.fixture(scope="module")
def bed(make_bed):
    """Without access log: wrk's requests would fill it."""
    made = make_bed("chain.yaml", args=("--access-log", "off"))
    write(made, "big.yaml", big_mesh())
    wait_for(lambda: knows_everything(made), timeout=30, what="1,000 services known")
    write(made, "flip.yaml", RULE.format(version="v1"))
    wait_for(lambda: curl(made, "client", "http://recommendation:8080/")
             .headers.get("x-app-version") == "v1", what="the first rule")
    return made


def knows_everything(bed):
    rows = (bed.agent().ask("services") or {"services": []})["services"]
    return sum(1 for r in rows if ".big." in str(r["clusters"])) >= SERVICES


class Probe:
    """Asks again and again over one connection from inside the client's pod."""

    PROGRAM = """
import socket, sys, time
s = socket.create_connection(("recommendation", 8080))
for line in sys.stdin:
    wanted, deadline = line.strip().encode(), time.monotonic() + 5
    while time.monotonic() < deadline:
        s.sendall(b"GET / HTTP/1.1\\r\\nhost: recommendation\\r\\n\\r\\n")
        got = s.recv(65536)
        if b"x-app-version: " + wanted in got:
            break
    print(time.monotonic(), flush=True)
"""

    def __init__(self, bed):
        self.process = bed.popen("client", ["/usr/bin/python3", "-c", self.PROGRAM], text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def wait_for(self, version):
        self.process.stdin.write(version + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def flip(bed, probe, count):
    """Flips the rule and returns the seconds until each change was in force."""
    took = []
    for i in range(count):
        version = "v2" if i % 2 == 0 else "v1"
        begin = write(bed, "flip.yaml", RULE.format(version=version))
        took.append(probe.wait_for(version) - begin)
    return took


def test_a_change_is_in_force_100_ms_after_the_write(bed):
    """18 of 20, the machine being shared; in the best of three rounds."""
    probe, rounds = Probe(bed), []
    while len(rounds) < 3 and (not rounds or rounds[-1][17] > IN_FORCE_S):
        rounds.append(sorted(flip(bed, probe, 20)))
    probe.close()
    assert rounds[-1][17] <= IN_FORCE_S, rounds


def test_wrk_sees_no_error_through_50_changes(bed):
    probe = Probe(bed)
    wrk = bed.popen("customer", ["wrk", "-t1", "-c16", "-d60s", "http://recommendation:8080/"],
                    stdout=subprocess.PIPE, text=True)
    try:
        took = flip(bed, probe, 50)
        assert wrk.poll() is None
    finally:
        wrk.send_signal(2)
        out = wrk.communicate(timeout=30)[0]
        probe.close()
    assert max(took) < 5, took
    requests = int(re.search(r"(\d+) requests in", out)[1])
    assert requests > 1000, out
    assert "Socket errors" not in out and "Non-2xx" not in out, out


def test_an_invalid_change_leaves_the_last_valid_one_in_force(bed):
    write(bed, "flip.yaml", RULE.format(version="v2"))
    wait_for(lambda: curl(bed, "client", "http://recommendation:8080/")
             .headers["x-app-version"] == "v2", what="a valid rule")
    write(bed, "flip.yaml", RULE.format(version="v1").replace("subset:", "subsett:"))
    status = wait_for(lambda: rejected(bed, "recommendation"), what="the rejection in the status")
    assert "subsett" in status
    for _ in range(20):
        assert curl(bed, "client", "http://recommendation:8080/").headers["x-app-version"] == "v2"
    write(bed, "flip.yaml", RULE.format(version="v1"))
    wait_for(lambda: curl(bed, "client", "http://recommendation:8080/")
             .headers["x-app-version"] == "v1", what="the repaired rule")
    wait_for(lambda: not rejected(bed, "recommendation"), what="no rejection any more")


def push(bed):
    return bed.agent().ask("status")["push"]


def rejected(bed, name):
    """What the status says about rejected objects of this name, as text."""
    found = [o for o in bed.agent().ask("status")["config"]["objects"]
             if o["state"] == "rejected" and o["name"] == name]
    assert all(o["last_valid_in_force"] for o in found)
    return str(found) if found else ""


def test_1000_services_with_10000_endpoints_fit_in_60_mb(bed):
    assert rss_mb(bed) <= 60


def test_they_compile_in_100_ms(bed):
    took = []
    for i in range(5):
        before = push(bed)["generation"]
        write(bed, "flip.yaml", RULE.format(version="v1" if i % 2 else "v2"))
        wait_for(lambda: not push(bed)["busy"] and push(bed)["generation"] > before, timeout=5,
                 what="a new generation")
        took.append(push(bed)["compile_ms"])
    assert statistics.median(took) <= 100, took

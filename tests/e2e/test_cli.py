# SPDX-License-Identifier: Apache-2.0
"""What weft says about a running mesh, and pods that come, go, stay out or cannot be found."""
import json
import os
import subprocess

import pytest
from helpers import Running, curl, http, wait_for
from testbed_lib.shell import program

WORDS = ["status", "services", "endpoints", "routes", "connections", "pods", "version"]

RULE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: recommendation, namespace: tutorial}
spec:
  hosts: [recommendation]
  http:
  - route:
    - destination: {host: recommendation, subset: version-v1}
"""
GHOST = """
apiVersion: v1
kind: Pod
metadata: {name: ghost, namespace: tutorial, labels: {app: ghost}}
spec: {nodeName: node1, containers: [{name: c, command: [sleep]}]}
status:
  phase: Running
  podIP: 10.244.1.200
  podIPs: [{ip: 10.244.1.200}]
  conditions: [{type: Ready, status: "True"}]
"""
OUTSIDER = """
apiVersion: v1
kind: Pod
metadata:
  name: outsider
  namespace: tutorial
  labels: {app: outsider, sidecar.istio.io/inject: "false"}
spec:
  containers: [{name: c, command: [sleep, infinity]}]
"""
MORE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: more, namespace: tutorial}
spec:
  replicas: %d
  template:
    metadata: {labels: {app: preference, version: v3}}
    spec:
      containers:
      - name: preference
        command: [bookapp]
        env:
        - {name: APP, value: preference}
        - {name: VERSION, value: v3}
        - {name: PORT, value: "8080"}
        ports: [{containerPort: 8080}]
"""


@pytest.fixture(scope="module")
def bed(make_bed):
    made = make_bed("chain.yaml")
    made.apply_text(RULE, "rule.yaml")
    wait_for(lambda: "server" in curl(made, "client", "http://recommendation:8080/").headers,
             what="the proxy in the path")
    return made


def weft(bed, *args):
    return subprocess.run([program("weft"), *args, "--run", bed.agent().dir], capture_output=True,
                          text=True, check=False)


@pytest.mark.parametrize("word", WORDS)
def test_each_word_answers_as_a_table_and_as_json(bed, word):
    table = weft(bed, word)
    assert table.returncode == 0 and table.stdout.strip(), table.stderr
    assert max(len(line) for line in table.stdout.splitlines()) < 250, "a table, not a dump"
    answer = weft(bed, word, "--json")
    assert answer.returncode == 0
    json.loads(answer.stdout)


def test_services_say_which_path_is_taken_and_why(bed):
    rows = {(r["address"], r["port"]): r for r in bed.agent().ask("services")["services"]}
    recommendation = rows[bed.addresses("tutorial/recommendation")[0], 8080]
    assert recommendation["verdict"] == "proxy"
    assert "VirtualService tutorial/recommendation" in recommendation["why"]
    preference = rows[bed.addresses("tutorial/preference")[0], 8080]
    assert preference["verdict"] == "backend" and preference["why"]
    assert "|preference.tutorial." in preference["clusters"][0]["cluster"]


def test_routes_of_a_host_show_its_rule(bed):
    out = weft(bed, "routes", "recommendation.tutorial.svc.cluster.local").stdout
    assert "version-v1" in out


def test_without_weftd_the_message_says_what_is_missing(tmp_path):
    done = subprocess.run([program("weft"), "status", "--run", str(tmp_path)], capture_output=True,
                          text=True, check=False)
    assert done.returncode != 0 and str(tmp_path) in done.stderr


def test_validate_names_file_line_and_remedy(tmp_path):
    file = tmp_path / "rule.yaml"
    file.write_text(RULE.replace("subset:", "subsett:"))
    done = subprocess.run([program("weft"), "validate", str(file)], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1
    text = done.stdout + done.stderr
    assert f"{file}:9:" in text and "subsett" in text and "subset" in text.replace("subsett", "")


def pod_row(bed, name):
    rows = bed.agent().ask("pods")["pods"]
    return next((r for r in rows if r["name"] == name), None)


def test_a_pod_that_cannot_be_found_is_reported_and_stops_nobody(bed):
    with open(f"{bed.config_dir}/ghost.yaml", "w", encoding="utf-8") as f:
        f.write(GHOST)
    wait_for(lambda: (r := pod_row(bed, "ghost")) and r["reason"] and
             r["state"] in ("waiting", "failed"), what="the ghost and why it is not enrolled")
    bed.apply_text(MORE % 1, "more.yaml", wait=False)
    wait_for(lambda: (r := pod_row(bed, "more-0")) and r["state"] == "enrolled", what="the next")
    os.unlink(f"{bed.config_dir}/ghost.yaml")
    wait_for(lambda: pod_row(bed, "ghost") is None, what="the ghost gone")


def test_a_pod_that_opted_out_is_left_alone(bed):
    bed.apply_text(OUTSIDER, "outsider.yaml")
    row = pod_row(bed, "outsider")
    assert row["state"] == "not enrolled" and "inject" in row["reason"]
    ip = bed.pod("recommendation-v1")["ips"][0]
    answer = curl(bed, "outsider", f"http://{ip}:8080/")
    assert answer.status == 200 and "x-envoy-upstream-service-time" not in answer.headers


def test_pods_that_come_get_traffic_and_pods_that_go_get_none(bed):
    def versions():
        return set(http(bed, "client", "preference", 8080, "/?x", "--reconnect", n=60)["picked"])

    bed.apply_text(MORE % 2, "more.yaml")
    wait_for(lambda: "v3" in versions(), what="traffic to the new pods")
    bed.apply_text(MORE % 0, "more.yaml")
    wait_for(lambda: "v3" not in versions(), what="no traffic to what is gone")
    seen = http(bed, "client", "preference", 8080, "/", "--reconnect", n=100)
    assert seen["status"] == {"200": 100} and not seen["errors"]


def test_connections_show_client_service_and_endpoint(bed):
    with Running(bed, "client", "httpc.py", "preference", 8080, "/?delay=20", "-c", 3,
                 "--interval", 0.2):
        out = wait_for(lambda: (t := weft(bed, "connections").stdout) if "client" in
                       weft(bed, "connections").stdout else None, what="connections of client")
    assert "preference" in out or bed.addresses("tutorial/preference")[0] in out

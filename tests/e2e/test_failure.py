# SPDX-License-Identifier: Apache-2.0
"""weftd and weft-proxy are killed under load."""
import json
import os
import signal

import pytest
from helpers import Running, client, curl, open_connections, wait_for

WHO, ECHO, LIMIT = 7000, 7001, 50

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


@pytest.fixture(scope="module")
def bed(make_bed):
    made = make_bed("l4.yaml", "chain.yaml", args=("--access-log", "off"))
    made.apply_text(RULE, "rule.yaml")
    wait_for(lambda: through_proxy(made), what="the proxy in the path")
    return made


def through_proxy(bed):
    answer = curl(bed, "tutorial/client", "http://recommendation:8080/")
    return answer.status == 200 and "x-envoy-upstream-service-time" in answer.headers


def check_l4(bed):
    """Balanced and limited."""
    names = client(bed, "l4/client", "who", bed.addresses("l4/echo")[0], WHO, "-n", 300)["names"]
    assert len(names) == 3 and all(95 <= n <= 105 for n in names.values()), names
    with Running(bed, "l4/client", "netc.py", "hold", "limited", WHO, "-n", 100) as run:
        assert run.first["open"] == LIMIT
        assert [e for e, _ in run.first["refused"]] == ["ECONNREFUSED"] * 50
        run.end()


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not os.path.exists(f"/proc/{pid}/fd") or not os.listdir(f"/proc/{pid}/fd"),
             what="the process gone")


def test_l4_goes_on_without_weftd_and_a_new_one_takes_over_without_a_reset(bed):
    agent = bed.agent()
    with Running(bed, "l4/client", "netc.py", "pingpong", "echo", ECHO, "-n", 8, "--fresh") as load:
        kill(agent.pid())
        check_l4(bed)
        assert agent.pid() is None
        agent.start()
        wait_for(lambda: not bed.not_enrolled(), what="enrolled again")
        check_l4(bed)
        seen = load.end()
    assert seen["errors"] == {} and seen["rounds"] > 50 and seen["fresh"] > 50, seen


def test_l7_goes_on_without_weftd_and_through_its_restart(bed):
    agent = bed.agent()
    with Running(bed, "tutorial/client", "httpc.py", "recommendation", 8080, "/", "-c", 4,
                 "--interval", 0.2) as load:
        kill(agent.pid())
        assert through_proxy(bed), "the proxy goes on with the last image"
        agent.start()
        wait_for(lambda: through_proxy(bed), what="the path again")
        load.process.terminate()
        rows = [json.loads(line) for line in load.process.stdout]
    total = sum(row["requests"] for row in rows)
    errors = [row["errors"] for row in rows if row["errors"]]
    statuses = {s for row in rows for s in row["status"]}
    assert total > 100 and not errors and statuses == {"200"}, (total, errors, statuses)


def test_a_stopped_weftd_leaves_the_dataplane_in_place(bed):
    agent = bed.agent()
    pid = agent.pid()
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: agent.pid() is None, what="weftd's end")
    check_l4(bed)
    agent.start()
    wait_for(lambda: not bed.not_enrolled(), what="enrolled again")


def test_without_weft_proxy_requests_fail_closed_and_flow_again_within_200_ms(bed):
    agent, took = bed.agent(), []
    with Running(bed, "l4/client", "netc.py", "pingpong", "echo", ECHO, "-n", 4, "--fresh") as l4:
        for _ in range(5):
            wait_for(lambda: through_proxy(bed) and len(agent.proxy_pids()) == 1,
                     what="one proxy, in the path")
            took.append(recovery(bed, agent.proxy_pids()[0]))
        seen = l4.end()
    assert seen["errors"] == {} and seen["rounds"] > 50, seen
    assert sorted(took)[2] <= 0.2, took


PROBE = """
import os, signal, socket, sys, time
ip = socket.gethostbyname("recommendation")
os.kill(int(sys.argv[1]), signal.SIGKILL)
begin = time.monotonic()
bypassed = 0
while time.monotonic() < begin + 10:
    try:
        s = socket.create_connection((ip, 8080), timeout=1)
        s.sendall(b"GET / HTTP/1.1\\r\\nhost: recommendation\\r\\n\\r\\n")
        got = s.recv(65536)
    except OSError:
        time.sleep(0.001)
        continue
    if b"HTTP/1.1 200" in got and b"x-envoy-upstream-service-time" not in got:
        bypassed += 1
    elif b"HTTP/1.1 200" in got:
        break
print(time.monotonic() - begin, bypassed)
"""


def recovery(bed, pid):
    """Kills the proxy from the client's pod and asks until a request flows again; seconds."""
    out = bed.exec("tutorial/client", ["/usr/bin/python3", "-c", PROBE, str(pid)]).stdout.split()
    assert int(out[1]) == 0, "a request went around the proxy"
    return float(out[0])


def test_the_counters_are_at_0_at_the_end(bed):
    wait_for(lambda: open_connections(bed, "limited.l4") == 0, timeout=60,
             what="every reservation released")

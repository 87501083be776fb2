# SPDX-License-Identifier: Apache-2.0
"""Every way in which the kernel refuses is produced here, or by the packet tests in tests/bpf.

Each case does the thing, sees what the client gets, and finds the reason counted.
"""
import glob
import json
import re

import pytest
from conftest import REPO
from helpers import Running, client, curl, reasons, wait_for

WHO, ECHO, UDP = 7000, 7001, 7002


@pytest.fixture(scope="module")
def bed(make_bed):
    return make_bed("l4.yaml", "chain.yaml")


@pytest.fixture(scope="module")
def bed_without_proxy(make_bed):
    """weft-proxy cannot be started: what needs it is refused."""
    made = make_bed("chain.yaml", args=("--proxy", "/bin/false"))
    made.apply_text("""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: recommendation, namespace: tutorial}
spec:
  hosts: [recommendation]
  http:
  - route:
    - destination: {host: recommendation, subset: version-v1}
""", "rule.yaml")
    return made


def refused(bed, host, port):
    seen = client(bed, "l4/client", "who", host, port, "-n", 3)
    assert seen == {"names": {}, "errors": {"ECONNREFUSED": 3}}, seen


def raw(bed, kind, port, *more):
    done = bed.exec("l4/client", ["rawc.py", kind, bed.addresses("l4/echo")[0], str(port), *more])
    return json.loads(done.stdout)["answers"]


def no_endpoint(bed):
    refused(bed, "empty", WHO)


def pool_full(bed):
    with Running(bed, "l4/client", "netc.py", "hold", "limited", WHO, "-n", 53,
                 "--processes", 1) as run:
        assert run.first["open"] == 50 and len(run.first["refused"]) == 3


def no_cluster(bed):
    refused(bed, "split", ECHO)


def unknown_port(bed):
    refused(bed, bed.addresses("l4/echo")[0], 7999)


def mid_connection(bed):
    assert raw(bed, "ack", WHO) == ["RST"]


def spoofed(bed):
    assert raw(bed, "syn", WHO, "--source", bed.pod("l4/lonely")["ips"][0]) == []


def unparsable(bed):
    assert raw(bed, "short", WHO) == []
    assert raw(bed, "offset", WHO) == []


def fragment(bed):
    assert raw(bed, "fragment", WHO) == []


PRODUCED = [no_endpoint, pool_full, no_cluster, unknown_port, mid_connection, spoofed, unparsable,
            fragment]
ON_THEIR_OWN = ["no_proxy", "table_full"]


@pytest.mark.parametrize("case", PRODUCED, ids=lambda f: f.__name__)
def test_a_refusal_is_seen_by_the_client_and_counted(bed, case):
    before = reasons(bed).get(case.__name__, 0)
    case(bed)
    wait_for(lambda: reasons(bed).get(case.__name__, 0) > before, what=f"{case.__name__} counted")


def test_a_flow_that_needs_the_proxy_is_refused_without_it(bed_without_proxy):
    bed = bed_without_proxy
    before = reasons(bed).get("no_proxy", 0)
    ip = bed.addresses("tutorial/recommendation")[0]
    wait_for(lambda: client(bed, "client", "who", ip, 8080) ==
             {"names": {}, "errors": {"ECONNREFUSED": 1}}, what="ECONNREFUSED")
    assert reasons(bed)["no_proxy"] > before
    ip = bed.addresses("tutorial/preference")[0]
    assert curl(bed, "client", f"http://{ip}:8080/").status == 200, "L4 does not need it"


FLOOD = """
import socket, sys
# A datagram from every port to three services: more flows than the table holds.
sent = 0
for address in sys.argv[1:]:
    for port in range(1024, 61024):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            s.bind(("", port))
            s.connect((address, 7002))
            s.send(b"x")
            sent += 1
        except OSError:
            pass
        s.close()
print(sent)
"""


def test_a_full_connection_table_refuses_new_connections_and_keeps_the_old(make_bed):
    bed = make_bed("l4.yaml")
    ips = [bed.addresses(f"l4/{s}")[0] for s in ("echo", "random", "sticky")]
    before = reasons(bed).get("table_full", 0)
    with Running(bed, "l4/client", "netc.py", "pingpong", "echo", ECHO, "-n", 4) as run:
        bed.exec("l4/client", ["/usr/bin/python3", "-c", FLOOD, *ips])
        assert reasons(bed)["table_full"] > before
        refused(bed, ips[0], WHO)
        seen = run.end()
    assert seen["errors"] == {} and seen["rounds"] > 10, seen


def test_every_refusal_of_reasons_h_is_produced_by_some_test():
    with open(f"{REPO}/include/weft/reasons.h", encoding="utf-8") as f:
        kernel = f.read().split("#define PROXY_REASONS")[0]
    wanted = re.findall(r'X\((\w+), "(?:refused|dropped)', kernel)
    assert len(wanted) > 10
    here = {case.__name__ for case in PRODUCED} | set(ON_THEIR_OWN)
    packets = ""
    for file in glob.glob(f"{REPO}/tests/bpf/*.c"):
        with open(file, encoding="utf-8") as f:
            packets += f.read()
    missing = [r for r in wanted if r not in here and f"REASON_{r}" not in packets]
    assert missing == [], "no test produces these"

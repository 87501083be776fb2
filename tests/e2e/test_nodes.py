# SPDX-License-Identifier: Apache-2.0
"""Two nodes, each with a weftd of its own.

    node1: client, echo-v1-0          node2: echo-v1-1, echo-v2-0
       10.244.1.0/24 ── eth0 ── br0 ── eth0 ── 10.244.2.0/24
"""
import pytest
from helpers import client, curl, http, reasons, wait_for
from testbed_lib.nodes import netns_of
from testbed_lib.shell import ip_batch

WHO, ECHO, UDP = 7000, 7001, 7002


@pytest.fixture(scope="module")
def bed(make_bed):
    return make_bed("two-nodes.yaml", nodes=2)


@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
def test_connections_are_balanced_across_nodes(bed, family):
    names = client(bed, "client", "who", bed.addresses("l4/echo")[family], WHO, "-n", 300)["names"]
    assert set(names) == {"near", "far-0", "far-1"}
    assert all(99 <= n <= 101 for n in names.values()), names


@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
def test_bytes_and_datagrams_cross_nodes_unharmed(bed, family):
    ip = bed.addresses("l4/far")[family]
    seen = client(bed, "client", "transfer", ip, ECHO, "--bytes", 100 << 20)
    assert seen["received"] == 100 << 20 and seen["received_crc"] == seen["sent_crc"]
    seen = client(bed, "client", "udp", ip, UDP, "-n", 50)
    assert not seen["errors"] and set(seen["names"]) == {"far-0", "far-1"}, seen


@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
def test_path_mtu_is_found_through_the_translation(bed, family):
    """The way between the nodes takes 1,400 bytes, which both ends learn from ICMP alone."""
    ip = bed.addresses("l4/far")[family]
    before = reasons(bed).get("icmp_translated", 0)
    for node in bed.store.nodes:
        ip_batch(netns_of(bed.run_id, node), ["link set eth0 mtu 1400"])
    try:
        seen = client(bed, "client", "transfer", ip, ECHO, "--bytes", 20 << 20)
        assert seen["received"] == 20 << 20 and seen["received_crc"] == seen["sent_crc"]
        wait_for(lambda: reasons(bed).get("icmp_translated", 0) > before,
                 what="a translated ICMP error")
    finally:
        for node in bed.store.nodes:
            ip_batch(netns_of(bed.run_id, node), ["link set eth0 mtu 1500"])


def test_http_rules_reach_endpoints_of_another_node(bed):
    """The client's node routes; the other one passes the proxy's connection on."""
    for where, version in (("near", "v1"), ("far", "v2")):
        answer = wait_for(lambda w=where: (a := curl(bed, "client", f"http://pages:9080/{w}"))
                          .status == 200 and a, what=f"an answer from {where}")
        assert answer.headers["x-app-version"] == version
        assert answer.headers["server"] == "envoy"
    seen = http(bed, "client", "pages", 9080, "/far", n=500, c=4)
    assert seen["picked"] == {"v2": 500} and not seen["errors"]


def test_each_node_knows_its_own_pods_only(bed):
    for node in bed.store.nodes:
        rows = bed.agent(node).ask("pods")["pods"]
        enrolled = {r["name"] for r in rows if r["state"] == "enrolled"}
        assert enrolled == {p["name"] for p in bed.store.pods.values() if p["node"] == node}

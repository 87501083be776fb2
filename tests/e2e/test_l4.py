# SPDX-License-Identifier: Apache-2.0
"""The kernel path: balancing, families, protocols and what must pass unharmed.

    client ──▶ echo, random, least, … ──▶ echo-v1-0, echo-v1-1, echo-v2-0
    lonely ──▶ lonely (itself)
"""
import pytest
from helpers import Running, client, connections, reasons, wait_for, within_3_sigma

WHO, ECHO, UDP = 7000, 7001, 7002
ENDPOINTS = {"echo-v1-0", "echo-v1-1", "echo-v2-0"}
GIB = 1 << 30


@pytest.fixture(scope="module")
def bed(make_bed):
    return make_bed("l4.yaml")


def spread(bed, host, count, *more):
    """{endpoint: connections}; the server speaks first, the client never."""
    seen = client(bed, "client", "who", host, WHO, "-n", count, *more)
    assert not seen["errors"], seen
    assert sum(seen["names"].values()) == count
    return seen["names"]


def test_3000_connections_are_dealt_round_robin_within_1(bed):
    before = reasons(bed)
    names = spread(bed, bed.addresses("l4/echo")[0], 3000)
    assert set(names) == ENDPOINTS
    assert all(999 <= n <= 1001 for n in names.values()), names
    after = reasons(bed)
    assert after["balanced"] - before.get("balanced", 0) >= 3000
    assert after.get("to_proxy", 0) == before.get("to_proxy", 0), "L4 never meets the proxy"


def test_random_is_within_3_sigma(bed):
    names = spread(bed, "random", 3000)
    assert set(names) == ENDPOINTS
    assert all(within_3_sigma(n, 3000, 1 / 3) for n in names.values()), names
    assert max(names.values()) - min(names.values()) > 2, "that is round robin"


def test_weighted_subsets_are_within_3_sigma(bed):
    names = spread(bed, "split", 4000)
    assert set(names) == ENDPOINTS
    assert within_3_sigma(names["echo-v2-0"], 4000, 0.25), names
    assert abs(names["echo-v1-0"] - names["echo-v1-1"]) <= 1


def test_endpoint_weights_are_kept(bed):
    names = spread(bed, "weighted.example", 4000)
    assert set(names) == {"echo-v1-0", "echo-v1-1"}
    assert within_3_sigma(names["echo-v1-0"], 4000, 0.75), names


def test_least_request_prefers_the_endpoint_with_fewer_open_connections(bed):
    """60 connections that stay open end evenly; that tells it from random."""
    with Running(bed, "client", "netc.py", "hold", "least", WHO, "-n", 60, "--processes", 1) as run:
        names = run.first["names"]
    assert set(names) == ENDPOINTS
    assert max(names.values()) - min(names.values()) <= 6, names


def test_source_ip_hash_always_chooses_the_same_endpoint(bed):
    assert len(spread(bed, "sticky", 100)) == 1


def test_ipv6_is_balanced_alike(bed):
    names = spread(bed, bed.addresses("l4/echo")[1], 300)
    assert set(names) == ENDPOINTS
    assert all(99 <= n <= 101 for n in names.values()), names


def test_a_v4_mapped_socket_is_balanced_alike(bed):
    names = spread(bed, bed.addresses("l4/echo")[0], 300, "--mapped")
    assert all(99 <= n <= 101 for n in names.values()) and set(names) == ENDPOINTS, names


@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
def test_udp_answers_come_from_the_address_that_was_asked(bed, family):
    seen = client(bed, "client", "udp", bed.addresses("l4/echo")[family], UDP, "-n", 300)
    assert not seen["errors"] and set(seen["names"]) == ENDPOINTS, seen
    assert sum(seen["names"].values()) == 300


def test_udp_near_the_mtu_keeps_its_bytes(bed):
    seen = client(bed, "client", "udp", "echo.l4", UDP, "-n", 20, "--size", 1380)
    assert not seen["errors"], seen


@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
def test_a_pod_reaches_itself_through_its_service(bed, family):
    ip = bed.addresses("l4/lonely")[family]
    assert client(bed, "lonely", "who", ip, WHO, "-n", 50) == {"names": {"lonely": 50},
                                                               "errors": {}}
    seen = client(bed, "lonely", "transfer", ip, ECHO, "--bytes", 5 << 20)
    assert seen["received_crc"] == seen["sent_crc"] and seen["received"] == 5 << 20
    seen = client(bed, "lonely", "udp", ip, UDP, "-n", 20)
    assert seen == {"names": {"lonely": 20}, "errors": {}}


def test_a_half_closed_connection_still_answers(bed):
    """transfer ends with shutdown(SHUT_WR); the echo gives back what is left after that."""
    for _ in range(20):
        seen = client(bed, "client", "transfer", "echo", ECHO, "--bytes", 300000)
        assert seen["received"] == 300000 and seen["received_crc"] == seen["sent_crc"]


@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
def test_1_gib_both_ways_keeps_every_byte(bed, family):
    seen = client(bed, "client", "transfer", bed.addresses("l4/echo")[family], ECHO,
                  "--bytes", GIB)
    assert seen["received"] == GIB and seen["received_crc"] == seen["sent_crc"], seen


def test_a_headless_service_reaches_the_pod_that_was_dialled(bed):
    for name in sorted(ENDPOINTS):
        ip = bed.pod(name)["ips"][0]
        assert client(bed, "client", "who", ip, WHO, "-n", 5)["names"] == {name: 5}


def test_a_tcp_route_may_choose_the_port_by_the_source_subnet(bed):
    """Tutorial 000-09, corrected."""
    assert bed.pod("l4/client")["ips"][0] == "10.244.1.5"
    assert spread_on(bed, "client", 5432) == {"lonely": 5}
    seen = client(bed, "lonely", "transfer", "postgresql", 5432, "--bytes", 1000)
    assert seen["received"] == 1000, "others stay on 5432, which echoes"


def spread_on(bed, pod, port):
    return client(bed, pod, "who", "postgresql", port, "-n", 5)["names"]


def test_the_pods_own_addresses_and_the_loopback_are_left_alone(bed):
    ip = bed.pod("lonely")["ips"][0]
    assert client(bed, "lonely", "who", ip, WHO)["names"] == {"lonely": 1}
    assert client(bed, "lonely", "who", "127.0.0.1", WHO)["names"] == {"lonely": 1}


def test_10000_connections_leave_no_entry_behind(bed):
    ip = bed.addresses("l4/echo")[0]
    spread(bed, ip, 10000)
    left = [None]

    def empty():
        left[0] = [c for c in connections(bed) if c["protocol"] == "TCP"]
        return not left[0]

    try:
        wait_for(empty, timeout=60, what="an empty connection table")
    except AssertionError:
        pytest.fail(f"{len(left[0])} entries left: {left[0][:5]}")

# SPDX-License-Identifier: Apache-2.0
"""Packets that a hostile pod sends: the table stays bounded, others' connections stay as they are.

    evil (raw sockets) ──▶ the services of the others
    good (netc.py)     ──▶ echo:7001, echo UDP 7002       must not notice
"""
import os
import random
import socket
import struct
import time

import pytest
from helpers import Running, client, connections, reasons, wait_for
from inside import dial, new_socket, read_all

WHO, ECHO, UDP = 7000, 7001, 7002
FIN, SYN, RST, ACK = 1, 2, 4, 16


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def ip(source, target, proto, payload, fragment=0, ihl=5, length=None):
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, 0, length or 20 + len(payload), 77, fragment,
                       64, proto, 0, socket.inet_aton(source), socket.inet_aton(target))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def tcp(source, target, sport, dport, flags, seq=1000, ack=0, payload=b""):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 8192, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + \
        struct.pack("!BBH", 0, 6, 20 + len(payload))
    sum_ = checksum(pseudo + head + payload)
    return head[:16] + struct.pack("!H", sum_) + head[18:] + payload


def icmp(kind, code, quote, rest=0):
    head = struct.pack("!BBHI", kind, code, 0, rest)
    return head[:2] + struct.pack("!H", checksum(head + quote)) + head[4:] + quote


class Evil:
    def __init__(self, bed):
        self.bed = bed
        self.own = bed.pod("h/evil")["ips"][0]
        self.good = bed.pod("h/good")["ips"][0]
        self.server = bed.pod("h/server")["ips"][0]
        self.echo = bed.addresses("h/echo")[0]
        self.web = bed.addresses("h/web")[0]
        self.raw = new_socket(bed, "h/evil", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        # whole frames, for what the IP layer would put right
        self.link = new_socket(bed, "h/evil", socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.link.bind(("eth0", 0))
        own = self.link.getsockname()[4]
        done = bed.exec("h/evil", ["ip", "neigh", "show", "169.254.1.1"]).stdout.split()
        gateway = bytes.fromhex(done[done.index("lladdr") + 1].replace(":", "")) \
            if "lladdr" in done else b"\xff" * 6
        self.ether = gateway + own

    def send(self, packet):
        self.raw.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))

    def frame(self, packet, proto=b"\x08\x00"):
        self.link.send(self.ether + proto + packet)


@pytest.fixture(scope="module")
def evil(make_bed):
    bed = make_bed("hostile.yaml")
    client(bed, "h/evil", "who", "echo", WHO)  # its neighbour is known now
    return Evil(bed)


@pytest.fixture(autouse=True)
def nobody_else_notices(evil):
    """The good pod's connections live through every test, and new ones work afterwards."""
    bed = evil.bed
    pid, proxies = bed.agent().pid(), bed.agent().proxy_pids()
    with Running(bed, "h/good", "netc.py", "pingpong", "echo", ECHO, "-n", 4) as run:
        yield
        time.sleep(0.3)
        seen = run.end()
    assert seen["errors"] == {} and seen["rounds"] > 5, seen
    wait_for(lambda: client(bed, "h/good", "who", "echo", WHO, "-n", 20) ==
             {"names": {"server": 20}, "errors": {}}, timeout=15, what="new connections")
    assert (bed.agent().pid(), bed.agent().proxy_pids()) == (pid, proxies)


def test_another_pod_cannot_end_a_connection_with_fin_or_rst(evil):
    bed, before = evil.bed, reasons(evil.bed).get("spoofed", 0)
    with dial(bed, "h/good", (evil.echo, ECHO)) as s, dial(bed, "h/good", (evil.web, 80)) as w:
        for victim, vip, port, at in ((s, evil.echo, ECHO, ECHO), (w, evil.web, 80, 8080)):
            sport = victim.getsockname()[1]
            for flags in (RST, RST | ACK, FIN | ACK, SYN, ACK):
                for seq in (0, 1000, 1 << 31):
                    # as the client to the service and to the server, as the server to the client
                    evil.send(ip(evil.good, vip, 6, tcp(evil.good, vip, sport, port, flags, seq)))
                    evil.send(ip(evil.good, evil.server, 6,
                                 tcp(evil.good, evil.server, sport, at, flags, seq)))
                    evil.send(ip(evil.server, evil.good, 6,
                                 tcp(evil.server, evil.good, at, sport, flags, seq)))
                    evil.send(ip(vip, evil.good, 6, tcp(vip, evil.good, port, sport, flags, seq)))
                    # with its own address it is another flow
                    evil.send(ip(evil.own, vip, 6, tcp(evil.own, vip, sport, port, flags, seq)))
        s.sendall(b"alive")
        assert read_all(s, 2, lambda b: b.endswith(b"alive"))[1] == "enough"
        rows = [r for r in connections(bed) if str(s.getsockname()[1]) in str(r)]
        assert rows, "the entry must still be there"
        w.sendall(b"GET /alive HTTP/1.1\r\nhost: web\r\n\r\n")
        assert b" 200 OK" in read_all(w, 2, lambda b: b.endswith(b"ok"))[0]
    assert reasons(bed)["spoofed"] - before >= 120


def test_another_pod_cannot_complain_about_packets_it_was_never_sent(evil):
    """ICMP errors that quote somebody else's flow: port unreachable, fragmentation needed."""
    bed, before = evil.bed, reasons(evil.bed).get("spoofed", 0)
    u = new_socket(bed, "h/good", socket.AF_INET, socket.SOCK_DGRAM)
    u.connect((evil.echo, UDP))
    u.settimeout(2)
    u.send(b"one")
    assert u.recv(100)
    sport = u.getsockname()[1]
    # as the server saw it, as the client sent it, and as a fragment that has no ports to look at
    for dst, fragment in ((evil.server, 0), (evil.echo, 0), (evil.echo, 1), (evil.echo, 0x2000)):
        quote = ip(evil.good, dst, 17, struct.pack("!HHHH", sport, UDP, 11, 0) + b"one", fragment)
        for kind, code, rest in ((3, 3, 0), (3, 1, 0), (3, 4, 68), (11, 0, 0), (12, 0, 0)):
            evil.send(ip(evil.own, evil.good, 1, icmp(kind, code, quote, rest)))
    for _ in range(5):
        u.send(b"two")  # ECONNREFUSED, when the error got through
        assert u.recv(100)
    u.close()
    assert reasons(bed)["spoofed"] - before == 20


def test_a_flood_of_syns_takes_the_pods_own_share_of_the_table_and_no_more(evil):
    """More half-open connections than the table holds: the others connect as before."""
    bed, before = evil.bed, reasons(evil.bed).get("table_full", 0)
    for address, port in ((evil.echo, WHO), (evil.echo, ECHO), (evil.web, 80)):
        bed.exec("h/evil", ["flood", address, str(port), "64000"])
        with dial(bed, "h/good", (evil.echo, ECHO)) as s:
            s.sendall(b"through")
            assert read_all(s, 2, lambda b: b.endswith(b"through"))[1] == "enough"
    assert reasons(bed)["table_full"] - before >= 3 * 64000 - 90000


def test_garbage_frames_are_dropped_and_counted(evil):
    bed = evil.bed
    before = reasons(bed)
    syn = tcp(evil.own, evil.echo, 40001, WHO, SYN)
    for packet in (
            ip(evil.own, evil.echo, 6, syn[:10]),                     # half a TCP header
            ip(evil.own, evil.echo, 6, syn, length=2000),             # says it is longer
            ip(evil.own, evil.echo, 6, syn, length=25),               # says it is shorter
            ip(evil.own, evil.echo, 6, syn, ihl=4),                   # header too short
            ip(evil.own, evil.echo, 6, syn, ihl=15),                  # options past the end
            ip(evil.own, evil.echo, 6, tcp(evil.own, evil.echo, 40001, WHO, SYN | FIN)),
            ip(evil.own, evil.echo, 6, tcp(evil.own, evil.echo, 40001, WHO, SYN | RST)),
            ip(evil.own, evil.echo, 6, b""),
            ip(evil.own, evil.echo, 17, b"\0\1"),
            ip(evil.own, evil.echo, 6, syn + b"\0" * 4, fragment=0x2000),
            ip(evil.own, evil.echo, 6, b"x" * 64, fragment=0x0001),
            ip(evil.own, evil.echo, 1, b"\3"),
            ip(evil.own, evil.good, 1, icmp(3, 3, b"\x45")),
            ip(evil.own, evil.good, 1, icmp(3, 3, ip(evil.good, evil.echo, 6, b"\1")))):
        evil.frame(packet)
    for noise in (b"", b"\0", b"\x45", b"\x60" * 39, os.urandom(1400)):
        evil.frame(noise or b"\0")
        evil.frame(noise or b"\0", b"\x86\xdd")
        evil.frame(noise or b"\0", b"\x81\x00")
    rng = random.Random(7)
    for _ in range(5000):  # one byte of a good packet is changed, any of them
        packet = bytearray(ip(evil.own, evil.echo, 6,
                              tcp(evil.own, evil.echo, rng.randrange(1024, 65536), WHO, SYN)))
        packet[rng.randrange(len(packet))] = rng.randrange(256)
        evil.frame(bytes(packet))
    after = reasons(bed)
    assert after["unparsable"] - before["unparsable"] > 5
    assert after["fragment"] - before["fragment"] >= 2
    assert after["spoofed"] - before["spoofed"] > 100, "source addresses that were changed"


def test_weft_proxy_cannot_be_dialled_around_the_mesh(evil):
    """Its own address leads nowhere: a connection without an entry in the table is closed."""
    bed = evil.bed
    for where in (("169.254.77.1", 15001), ("169.254.77.1", 15020), ("169.254.1.1", 15001),
                  ("192.168.77.1", 15001), ("192.168.77.1", 15020)):
        try:
            with dial(bed, "h/evil", where, timeout=1) as s:
                s.sendall(b"GET / HTTP/1.1\r\nhost: web\r\n\r\n")
                got, end = read_all(s, 2)
                assert got == b"" and end in ("fin", "reset"), (where, got, end)
        except OSError:
            pass  # refused is as good

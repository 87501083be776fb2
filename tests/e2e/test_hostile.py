# SPDX-License-Identifier: Apache-2.0
"""Hostile and unlucky HTTP traffic: each test does harm, then everything must be as before.

    evil ──▶ web:80 [weft-proxy] ──▶ server (rogue.py does what the header x-script says)
    good ──▶ web:80, echo:7001       must not notice
"""
import collections
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest
from helpers import metric_sum, metrics, rss_mb, wait_for
from inside import dial, read_all, reset, statuses
from testbed_lib import pods
from testbed_lib.shell import program

OK_BODY = b"ok"


class Hostile:
    """The bed, and what the tests ask of it all the time."""

    def __init__(self, bed):
        self.bed = bed
        self.web = (bed.addresses("h/web")[0], 80)
        self.echo = (bed.addresses("h/echo")[0], 7001)
        self.seen_log = f"{bed.store.log_dir}/h.server.rogue.log"

    def dial(self, pod="evil", **more):
        return dial(self.bed, pod, self.web, **more)

    def ask(self, data, seconds=3.0, half_close=False, enough=None):
        """Sends bytes on a connection of its own; (what came back, how it ended)."""
        if data.startswith(b"POST"):
            time.sleep(0.05)  # not again: closed connections must have been noticed
        with self.dial() as s:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
            return read_all(s, seconds, enough)

    def arrived(self, mark):
        """Heads with this text in them that reached the server."""
        with open(self.seen_log, encoding="utf-8") as f:
            return [row["head"] for row in map(json.loads, filter(lambda l: l[0] == "{", f))
                    if mark in row["head"]]

    def good(self, path="/good"):
        """The other client's request, as a status code; its time must stay sane."""
        begin = time.monotonic()
        with self.dial("good") as s:
            s.sendall(get(path))
            got, end = read_all(s, 5, lambda b: b.endswith(OK_BODY))
        assert time.monotonic() - begin < 1, "the other client had to wait"
        return statuses(got)

    def proxy(self):
        pids = self.bed.agent().proxy_pids()
        return pids[0] if len(pids) == 1 else None

    def proxy_fds(self):
        """Descriptors of weft-proxy but for its connections to servers, which it may keep."""
        kept = metric_sum(metrics(self.bed), "envoy_cluster_upstream_cx_active")
        return len(os.listdir(f"/proc/{self.proxy()}/fd")) - kept

    def cpu(self):
        """Processor seconds of weft-proxy so far."""
        with open(f"/proc/{self.proxy()}/stat", encoding="utf-8") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def refused(self, reason):
        return metric_sum(metrics(self.bed), "weft_proxy_events_total", reason=reason)


def get(path, *headers, method="GET", version="1.1"):
    lines = [f"{method} {path} HTTP/{version}", "host: web", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def script(path, *steps, method="GET", headers=()):
    return get(path, "x-script: " + json.dumps(steps), *headers, method=method)


@pytest.fixture(scope="module")
def the_mesh(make_bed):
    made = Hostile(make_bed("hostile.yaml"))

    def in_path():
        with made.dial("good") as s:
            s.sendall(get("/up"))
            return b"server: envoy" in read_all(s, 2, lambda b: b.endswith(OK_BODY))[0]
    wait_for(in_path, what="the proxy in the path")
    return made


@pytest.fixture
def mesh(the_mesh):
    """Afterwards: the same processes, all connections of the test gone, the other client served."""
    bed = the_mesh.bed
    before = bed.agent().pid(), the_mesh.proxy()
    fds = the_mesh.proxy_fds()
    yield the_mesh
    assert (bed.agent().pid(), the_mesh.proxy()) == before, "weftd or weft-proxy has ended"
    assert the_mesh.good() == [200]
    wait_for(lambda: the_mesh.proxy_fds() <= fds + 3, timeout=10,
             what=f"descriptors of weft-proxy back to {fds}")
    assert metric_sum(metrics(bed), "envoy_cluster_upstream_rq_active") == 0


# --- request smuggling: what is ambiguous is refused, and nothing behind it is ever looked at ----

BEHIND = get("/smuggled")
AMBIGUOUS = {
    "cl and te": b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "te and cl": b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": b"content-length: 0\r\ncontent-length: 60\r\n\r\n",
    "same length twice": b"content-length: 0\r\ncontent-length: 0\r\n\r\n",
    "list of lengths": b"content-length: 0, 0\r\n\r\n",
    "negative length": b"content-length: -1\r\n\r\n",
    "hexadecimal length": b"content-length: 0x0\r\n\r\n",
    "length with a plus": b"content-length: +0\r\n\r\n",
    "empty length": b"content-length: \r\n\r\n",
    "length in words": b"content-length: 0 0\r\n\r\n",
    "length above 2^64": b"content-length: 18446744073709551616\r\n\r\n",
    "length above 2^63": b"content-length: 9223372036854775808\r\n\r\n",
    "xchunked": b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked not last": b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked in two fields": b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n"
                             b"0\r\n\r\n",
    "chunked and identity": b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n"
                            b"0\r\n\r\n",
    "identity": b"transfer-encoding: identity\r\n\r\n",
    "gzip": b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "empty coding": b"transfer-encoding: \r\n\r\n0\r\n\r\n",
    "quoted coding": b'transfer-encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "coding with a parameter": b"transfer-encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    "vertical tab before coding": b"transfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "no-break space after coding": b"transfer-encoding: chunked\xa0\r\n\r\n0\r\n\r\n",
    "space before the colon": b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    "tab before the colon": b"content-length\t: 4\r\n\r\n",
    "folded coding": b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "folded header": b"x: 1\r\n\ttransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "first header folded": b" x: 1\r\n\r\n",
    "bare LF ends a field": b"x: 1\nhost: web\r\n\r\n",
    "bare LF ends the head": b"x: 1\r\n\n",
    "bare CR in a value": b"x: 1\rcontent-length: 9\r\n\r\n",
    "CR CR LF": b"x: 1\r\r\n\r\n",
    "NUL in a value": b"x: a\0b\r\n\r\n",
    "NUL in a name": b"x\0y: 1\r\n\r\n",
    "DEL in a value": b"x: a\x7fb\r\n\r\n",
    "empty name": b": 1\r\n\r\n",
    "no colon": b"nonsense\r\n\r\n",
    "name with a space": b"x y: 1\r\n\r\n",
    "second host": b"host: other\r\n\r\n",
    "connection names host": b"connection: host\r\n\r\n",
    "connection names length": b"connection: content-length\r\ncontent-length: 5\r\n\r\n",
    "connection names 40 headers": b"connection: " + b",".join(b"x-%d" % i for i in range(40)) +
                                   b"\r\n\r\n",
    "other expectation": b"expect: 200-ok\r\n\r\n",
}
BODIES = {  # behind "transfer-encoding: chunked"
    "size with 0x": b"0x0\r\n\r\n",
    "size with a sign": b"+0\r\n\r\n",
    "negative size": b"-1\r\n\r\n",
    "space before the size": b" 0\r\n\r\n",
    "space after the size": b"0 \r\n\r\n",
    "tab after the size": b"5\t\r\nhello\r\n0\r\n\r\n",
    "underscore in the size": b"0_0\r\n\r\n",
    "empty size": b"\r\n\r\n",
    "17 digits": b"00000000000000000\r\n\r\n",
    "size above 2^63": b"8000000000000000\r\n",
    "size that wraps": b"10000000000000000\r\n\r\n",
    "bare LF after the size": b"0\n\r\n",
    "bare CR after the size": b"5\rhello\r\n0\r\n\r\n",
    "bare LF after the data": b"5\r\nhello\n0\r\n\r\n",
    "data longer than said": b"5\r\nhelloo\r\n0\r\n\r\n",
    "extension ended by LF": b"0;a=b\n\r\n",
    "LF inside an extension": b"5;a\nX\r\nhello\r\n0\r\n\r\n",
    "CR inside an extension": b"5;a\rX\r\nhello\r\n0\r\n\r\n",
    "quoted CR LF in an extension": b'5;a="\r\n0\r\n\r\n"\r\nhello\r\n0\r\n\r\n',
    "open quote": b'5;a="b\r\nhello\r\n0\r\n\r\n',
    "empty extension": b"0;\r\n\r\n",
    "NUL in an extension": b"0;a=\0\r\n\r\n",
    "giant chunk line": b"0;" + b"a" * 2000 + b"\r\n\r\n",
    "length as a trailer": b"0\r\ncontent-length: 5\r\n\r\n",
    "coding as a trailer": b"0\r\ntransfer-encoding: chunked\r\n\r\n",
    "host as a trailer": b"0\r\nhost: other\r\n\r\n",
    "folded trailer": b"0\r\nx: 1\r\n y: 2\r\n\r\n",
    "trailer ended by LF": b"0\r\nx: 1\n\r\n",
    "giant trailers": b"0\r\nx: " + b"a" * 20000 + b"\r\n\r\n",
}
LINES = {
    "tab for a space": b"GET\t/smuggled HTTP/1.1\r\nhost: web\r\n\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\nhost: web\r\n\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\nhost: web\r\n\r\n",
    "space at the end": b"GET / HTTP/1.1 \r\nhost: web\r\n\r\n",
    "bare LF": b"GET / HTTP/1.1\nhost: web\r\n\r\n",
    "version 0.9": b"GET /\r\n\r\n",
    "version 1.2": b"GET / HTTP/1.2\r\nhost: web\r\n\r\n",
    "version 2.0": b"GET / HTTP/2.0\r\nhost: web\r\n\r\n",
    "version 1.10": b"GET / HTTP/1.10\r\nhost: web\r\n\r\n",
    "lower-case version": b"GET / http/1.1\r\nhost: web\r\n\r\n",
    "h2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "empty target": b"GET  HTTP/1.1\r\nhost: web\r\n\r\n",
    "relative target": b"GET smuggled HTTP/1.1\r\nhost: web\r\n\r\n",
    "fragment": b"GET /a#b HTTP/1.1\r\nhost: web\r\n\r\n",
    "NUL in the target": b"GET /a\0b HTTP/1.1\r\nhost: web\r\n\r\n",
    "target against host": b"GET http://other/ HTTP/1.1\r\nhost: web\r\n\r\n",
    "target against port": b"GET http://web:81/ HTTP/1.1\r\nhost: web\r\n\r\n",
    "user in the target": b"GET http://web@other/ HTTP/1.1\r\nhost: web\r\n\r\n",
    "host with a path": b"GET / HTTP/1.1\r\nhost: web/x\r\n\r\n",
    "host with a comma": b"GET / HTTP/1.1\r\nhost: web, other\r\n\r\n",
    "many empty lines": b"\r\n" * 50 + b"GET / HTTP/1.1\r\nhost: web\r\n\r\n",
    "asterisk": b"GET * HTTP/1.1\r\nhost: web\r\n\r\n",
    "coding with 1.0": b"POST / HTTP/1.0\r\nhost: web\r\ntransfer-encoding: chunked\r\n\r\n"
                       b"0\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
}


def check_refused(mesh, data, allowed):
    got, end = mesh.ask(data + BEHIND)
    seen = statuses(got)
    assert seen and seen[-1] in allowed and len(seen) == 1, got
    assert end in ("fin", "reset"), "the connection must not go on"


@pytest.mark.parametrize("kind", ["heads", "bodies", "lines"])
def test_what_is_ambiguous_is_refused_and_what_stands_behind_it_never_seen(mesh, kind):
    before = mesh.refused("bad_request")
    cases = {
        "heads": {n: b"POST /x HTTP/1.1\r\nhost: web\r\n" + d for n, d in AMBIGUOUS.items()},
        "bodies": {n: get("/x", "transfer-encoding: chunked", method="POST") + d
                   for n, d in BODIES.items()},
        "lines": LINES,
    }[kind]
    wrong = {}
    for name, data in cases.items():
        try:
            check_refused(mesh, data, (400, 417, 431, 501, 505))
        except AssertionError as e:
            wrong[name] = str(e).split("\n")[0][:200]
    assert wrong == {}
    assert mesh.arrived("smuggled") == []
    assert mesh.refused("bad_request") - before >= len(cases) - 6


def test_a_request_behind_one_that_is_answered_here_still_counts_as_a_request(mesh):
    got, _ = mesh.ask(get("/refused") + get("/behind-1") + get("/refused") + get("/behind-2"), 3,
                      enough=lambda b: b.count(b"HTTP/1.1") == 4 and b.endswith(OK_BODY))
    assert statuses(got) == [403, 200, 403, 200]
    assert len(mesh.arrived("behind-")) == 2


def test_the_body_of_a_refused_request_is_never_taken_for_a_request(mesh):
    """The body looks like a request; it is not all there when the answer is given."""
    inner = get("/in-a-body")
    with mesh.dial() as s:
        s.sendall(get("/refused", f"content-length: {len(inner) * 3}", method="POST"))
        time.sleep(0.1)
        s.sendall(inner * 3 + get("/after-the-body"))
        got, end = read_all(s, 8)
    assert statuses(got)[0] == 403 and end in ("fin", "reset")
    assert mesh.arrived("in-a-body") == []


def test_extensions_and_hop_headers_do_not_travel(mesh):
    body = b'5;a=b;c="d"\r\nhello\r\n0;x\r\nx-t: 1\r\n\r\n'
    got, _ = mesh.ask(get("/clean", "transfer-encoding: ChunKed", "connection: x-hop, te",
                          "x-hop: 1", "proxy-connection: keep-alive", "keep-alive: 5",
                          method="POST") + body, enough=lambda b: b.endswith(OK_BODY))
    assert statuses(got) == [200], "the server does not understand extensions"
    head, = mesh.arrived("/clean")
    lower = head.lower()
    assert "transfer-encoding: chunked" in lower and "content-length" not in lower
    assert not any(n in lower for n in ("x-hop", "proxy-connection", "keep-alive"))


# --- slow and endless clients -----------------------------------------------------------------

def test_a_thousand_slow_heads_and_bodies_cost_little_and_hurt_nobody(mesh):
    before, cpu = rss_mb(mesh.bed), mesh.cpu()
    heads = [mesh.dial() for _ in range(700)]
    bodies = [mesh.dial() for _ in range(300)]
    try:
        for s in bodies:
            s.sendall(get("/slow", "content-length: 100", method="POST"))
        for byte in b"GET /slow HTTP/1.1\r\nx:"[:12]:
            for s in heads + bodies:
                s.sendall(bytes([byte]))
            assert mesh.good() == [200]
        # 1,000 requests that have begun hold a buffer each, those with a body two
        assert rss_mb(mesh.bed) - before < 1300 * 2 * 16 / 1024 + 10
    finally:
        for s in heads + bodies:
            s.close()
    wait_for(lambda: mesh.proxy_fds() < 200, what="all of them gone")
    assert mesh.cpu() - cpu < 5


def test_giant_heads_are_431_and_do_not_stay_in_memory(mesh):
    before = rss_mb(mesh.bed)
    line = b"x-%d: " + b"a" * 1000 + b"\r\n"
    cases = [
        get("/giant")[:-2] + b"x: " + b"a" * (100 << 10),
        get("/giant")[:-2] + b"".join(line % i for i in range(90)),
        get("/" + "g" * (70 << 10)),
        get("/giant", *[f"x-{i}: 1" for i in range(101)]),
        b"GET /" + b"g" * (200 << 10),
    ]
    for data in cases:
        got, end = mesh.ask(data + BEHIND)
        assert statuses(got) == [431] and end in ("fin", "reset"), (data[:40], got[:100])
    # 100 headers and 59 KiB are no reason to refuse
    got, _ = mesh.ask(get("/many", *[f"x-{i}: 1" for i in range(99)]),
                      enough=lambda b: b.endswith(OK_BODY))
    assert statuses(got) == [200]
    got, _ = mesh.ask(get("/many", "x: " + "a" * (59 << 10)), enough=lambda b: b.endswith(OK_BODY))
    assert statuses(got) == [200]
    held = [mesh.dial() for _ in range(200)]
    for s in held:
        s.sendall(get("/giant")[:-2] + b"x: " + b"a" * (50 << 10))
    time.sleep(0.3)
    assert rss_mb(mesh.bed) - before < 200 * 70 / 1024 + 10
    for s in held:
        s.close()
    assert mesh.arrived("/giant") == [] and mesh.arrived("smuggled") == []


def test_thousands_of_idle_connections_hold_no_buffers(mesh):
    before, cpu = rss_mb(mesh.bed), mesh.cpu()
    held = []
    try:
        for i in range(5000):
            s = mesh.dial()
            held.append(s)
            if i % 5 == 0:
                s.sendall(get("/idle"))
        for s in held[::5]:
            got, _ = read_all(s, 5, lambda b: b.endswith(OK_BODY))
            assert statuses(got) == [200]
        assert rss_mb(mesh.bed) - before < 10, "2 KB each at the most"
        quiet = mesh.cpu()
        assert mesh.good() == [200]
        time.sleep(0.5)
        assert mesh.cpu() - quiet < 0.1, "idle connections cost no time"
    finally:
        for s in held:
            s.close()
    wait_for(lambda: mesh.proxy_fds() < 200, what="all of them gone")
    assert mesh.cpu() - cpu < 10


def test_a_client_that_never_reads_stops_its_own_answers_only(mesh):
    """Large bodies to readers that sleep: the server is held back, memory is not used."""
    before = rss_mb(mesh.bed)
    sleepy = [mesh.dial(rcvbuf=4096) for _ in range(20)]
    for s in sleepy:
        s.sendall(script("/big", ["send", "HTTP/1.1 200 OK\r\n\r\n"],
                         ["repeat", "x" * 1000, 100000]))
    time.sleep(1)
    assert mesh.good() == [200]
    assert rss_mb(mesh.bed) - before < 20 * 64 / 1024 + 6
    got, _ = read_all(sleepy[0], 20, lambda b: len(b) > 30000000)
    assert len(got) > 30000000
    for s in sleepy:
        reset(s)
    wait_for(lambda: mesh.proxy_fds() < 100, what="all of them gone")


def test_a_client_that_stops_reading_answers_of_ours_does_not_make_the_proxy_spin(mesh):
    """Pipelined requests that are answered locally, then half-close, never reading."""
    s = mesh.dial(rcvbuf=2048)
    s.setblocking(False)
    data, sent = get("/refused") * 200, 0
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        try:
            sent += s.send(data)
        except BlockingIOError:
            time.sleep(0.01)
    s.shutdown(socket.SHUT_WR)
    time.sleep(0.2)
    begin = mesh.cpu()
    time.sleep(1)
    spent = mesh.cpu() - begin
    reset(s)
    assert sent > 100000 and spent < 0.2, f"{spent} s of processor time in a second"


def test_clients_that_reset_at_every_stage_leave_nothing(mesh):
    pieces = [
        b"", b"G", b"GET /rst HTTP/1.1\r\n", get("/rst")[:-2], get("/rst"), get("/rst") * 5,
        get("/rst", "content-length: 100", method="POST"),
        get("/rst", "content-length: 100", method="POST") + b"x" * 50,
        get("/rst", "transfer-encoding: chunked", method="POST") + b"5\r\nhe",
        get("/rst", "content-length: 100", "expect: 100-continue", method="POST"),
        script("/rst", ["hang"]), script("/short", ["hang"]),
        script("/rst", ["send", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"], ["hang"]),
        script("/rst", ["send", "HTTP/1.1 200 OK\r\n\r\n"], ["repeat", "x" * 999, 9999]),
        script("/rst", ["send", "HTTP/1.1 100 Continue\r\n\r\n"], ["hang"]),
        script("/rst", ["send", "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\n"
                        "upgrade: x\r\n\r\n"], ["hang"],
               headers=("connection: upgrade", "upgrade: x")),
        get("/refused"), b"\0", get("/refused", "content-length: 50", method="POST"),
    ]
    for end in (reset, socket.socket.close, lambda s: (s.shutdown(socket.SHUT_WR), s.close())):
        for delay in (0, 0.005, 0.05):
            for piece in pieces:
                s = mesh.dial()
                s.sendall(piece)
                time.sleep(delay)
                end(s)
    wait_for(lambda: metric_sum(metrics(mesh.bed), "envoy_cluster_upstream_rq_active") == 0,
             what="no request in flight")
    wait_for(lambda: mesh.proxy_fds() < 100, what="all of them gone")


# --- servers that misbehave ---------------------------------------------------------------------

CL = "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"
CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def test_an_answer_that_is_not_http_is_502(mesh):
    bad = [
        "garbage\r\n\r\n", "\0\1\2\3\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 99 No\r\n\r\n",
        "HTTP/1.1 2000 No\r\n\r\n", "HTTP/1.1 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx y: z\r\n\r\n", "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: 1\r\n folded\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\n" + "x: 1\r\n" * 101 + "\r\n",
    ]
    before = mesh.refused("upstream_protocol")
    wrong = {}
    for text in bad:
        got, _ = mesh.ask(script("/bad", ["send", text], ["hang"]),
                          enough=lambda b: b"\r\n\r\n" in b)
        if statuses(got) != [502]:
            wrong[text[:60]] = got[:100]
    assert wrong == {}
    assert mesh.refused("upstream_protocol") - before == len(bad)
    got, _ = mesh.ask(script("/bad", ["send", "HTTP/1.1 200 OK\r\n"],
                             ["repeat", "x: " + "a" * 1000 + "\r\n", 90], ["hang"]),
                      enough=lambda b: b"\r\n\r\n" in b)
    assert statuses(got) == [502]


def test_a_body_that_breaks_off_breaks_the_clients_connection(mesh):
    cases = {
        "short": [["send", CL % 100 + "half"]],
        "reset": [["send", CL % 100 + "half"], ["sleep", 0.05], ["reset"]],
        "chunk cut": [["send", CHUNKED + "5\r\nhel"]],
        "no last chunk": [["send", CHUNKED + "5\r\nhello\r\n"]],
        "bad chunk": [["send", CHUNKED + "5\r\nhello\r\nzz\r\n"], ["hang"]],
        "chunk overflow": [["send", CHUNKED + "5\r\nhellothere\r\n0\r\n\r\n"], ["hang"]],
    }
    for name, steps in cases.items():
        got, end = mesh.ask(script("/broken", *steps) + get("/next"))
        assert end in ("fin", "reset"), name
        assert not got.endswith(b"0\r\n\r\n") and b"HTTP/1.1" not in got[9:], (name, got)
        if "chunk" not in name:
            assert len(got.partition(b"\r\n\r\n")[2]) < 100, name


def test_bytes_behind_a_body_never_answer_another_request(mesh):
    """A desynchronised server: what it says too much must not reach anybody."""
    evil = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL"
    for steps in ([["send", CL % 2 + "ok" + evil], ["hang"]],
                  [["send", CL % 2 + "ok"], ["sleep", 0.02], ["send", evil], ["hang"]],
                  [["send", "HTTP/1.1 204 No\r\ncontent-length: 2\r\n\r\nok" + evil], ["hang"]],
                  [["send", "HTTP/1.1 304 Not\r\n\r\n" + evil], ["hang"]],
                  [["send", CHUNKED + "2\r\nok\r\n0\r\n\r\n" + evil], ["hang"]]):
        for _ in range(5):
            with mesh.dial() as s:
                s.sendall(script("/desync", *steps))
                got, _ = read_all(s, 2, lambda b: b"\r\n\r\n" in b)
                time.sleep(0.05)  # a server may say it too early, not too late
                s.sendall(get("/innocent") * 2)
                more, _ = read_all(s, 2, lambda b: b.count(b"ok") >= 2)
            assert b"EVIL" not in got + more
    got, _ = mesh.ask(script("/desync", ["send", CL % 2 + "ok" + evil], ["hang"], method="HEAD"),
                      1)
    assert b"EVIL" not in got and statuses(got) == [200]


def test_an_answer_before_the_request_has_ended_is_delivered_and_the_rest_dropped(mesh):
    with mesh.dial() as s:
        s.sendall(script("/early", ["send", CL % 2 + "ok"], ["hang"], method="POST",
                         headers=("content-length: 1000000",)))
        got, _ = read_all(s, 2, lambda b: b.endswith(OK_BODY))
        assert statuses(got) == [200]
        try:
            s.sendall(get("/in-the-early-body") * 1000)
        except OSError:
            pass
        got, end = read_all(s, 8)
    assert got == b"" and end in ("fin", "reset")
    assert mesh.arrived("/in-the-early-body") == []


def test_a_server_that_closes_between_requests_costs_no_request(mesh):
    with mesh.dial() as s:
        for i in range(100):
            s.sendall(script("/kept", ["send", CL % 2 + "ok"]) if i % 2 else get("/kept"))
            got, _ = read_all(s, 2, lambda b: b.endswith(OK_BODY))
            assert statuses(got) == [200], i


def test_a_flood_of_interim_answers_is_bounded(mesh):
    before = rss_mb(mesh.bed)
    one = "HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n"
    got, _ = mesh.ask(script("/flood", ["repeat", one, 20000], ["send", CL % 2 + "ok"]), 10,
                      enough=lambda b: b.endswith(OK_BODY))
    assert set(statuses(got)) <= {103, 200, 502}
    with mesh.dial(rcvbuf=2048) as s:  # and one that does not read
        s.sendall(script("/flood", ["repeat", one, 300000]))
        time.sleep(1)
        begin = mesh.cpu()
        assert mesh.good() == [200]
        time.sleep(0.5)
        assert mesh.cpu() - begin < 0.3
        assert rss_mb(mesh.bed) - before < 8
        got, end = read_all(s, 10)  # then it does, and the server has ended without an answer
    seen = statuses(got)
    assert len(seen) > 100000 and set(seen[:-1]) == {103} and seen[-1] == 503, seen[-3:]
    assert mixed(got) == []


def mixed(got):
    """Heads that begin inside another one."""
    return [h for h in got.split(b"\r\n\r\n")[:-1] if h.count(b"HTTP/1.1") > 1]


def test_a_timeout_behind_half_an_interim_answer_breaks_the_connection(mesh):
    one = "HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n"
    for size in (1500, 1537, 1611):  # it stops at some byte of some head
        with mesh.dial(rcvbuf=size) as s:
            s.sendall(script("/short", ["repeat", one, 300000]))
            time.sleep(0.8)
            got, _ = read_all(s, 1)
        assert mixed(got) == [] and b"504" not in got[-500:], got[-200:]


def test_a_server_that_never_answers_is_504_after_the_routes_timeout(mesh):
    begin = time.monotonic()
    got, _ = mesh.ask(script("/short", ["hang"]), enough=lambda b: b"timeout" in b)
    assert statuses(got) == [504] and 0.4 < time.monotonic() - begin < 1.5


def test_an_upgrade_that_was_not_asked_for_or_is_refused_opens_no_tunnel(mesh):
    asked = ("connection: upgrade", "upgrade: websocket")
    got, _ = mesh.ask(script("/up", ["send", CL % 2 + "no"], headers=asked) + get("/piped"),
                      enough=lambda b: b.endswith(b"ok"))
    assert statuses(got) == [200, 200] and len(mesh.arrived("/piped")) == 1
    got, _ = mesh.ask(script("/up", ["send", "HTTP/1.1 101 S\r\nconnection: upgrade\r\n"
                                     "upgrade: websocket\r\n\r\n"], ["hang"]),
                      enough=lambda b: b"\r\n\r\n" in b)
    assert statuses(got) == [502]
    # with a body there is no upgrade: what is the body and what the tunnel would be unclear
    got, _ = mesh.ask(script("/up", ["send", CL % 2 + "no"], method="POST",
                             headers=(*asked, "content-length: 4")) + b"body",
                      enough=lambda b: b.endswith(b"no"))
    assert statuses(got) == [200]
    assert "upgrade" not in mesh.arrived("content-length: 4")[-1].lower()


def test_100_continue_in_every_order(mesh):
    expect = ("content-length: 4", "expect: 100-continue")
    interim = "HTTP/1.1 100 Continue\r\n\r\n"
    with mesh.dial() as s:  # waits for it
        s.sendall(script("/c", ["send", interim], ["body", 4], ["send", CL % 2 + "ok"],
                         method="POST", headers=expect))
        assert read_all(s, 2, lambda b: b"\r\n\r\n" in b)[0].startswith(b"HTTP/1.1 100")
        s.sendall(b"body")
        assert statuses(read_all(s, 2, lambda b: b.endswith(OK_BODY))[0]) == [200]
    got, _ = mesh.ask(script("/c", ["body", 4], ["send", CL % 2 + "ok"], method="POST",
                             headers=expect) + b"body", enough=lambda b: b.endswith(OK_BODY))
    assert statuses(got)[-1] == 200  # does not wait, never told
    got, _ = mesh.ask(script("/c", ["send", interim], ["send", interim], ["body", 4],
                             ["send", CL % 2 + "ok"], method="POST", headers=expect) + b"body",
                      enough=lambda b: b.endswith(OK_BODY))
    assert statuses(got)[-1] == 200  # told twice
    got, end = mesh.ask(script("/c", ["send", "HTTP/1.1 417 No\r\ncontent-length: 0\r\n\r\n"],
                               ["hang"], method="POST", headers=("content-length: 1000",
                                                                 "expect: 100-continue")) +
                        get("/smuggled"), 8)
    assert statuses(got) == [417] and end in ("fin", "reset")
    assert mesh.arrived("smuggled") == []


def test_http_1_0_and_head_in_all_variants(mesh):
    got, end = mesh.ask(get("/one", version="1.0"))
    assert statuses(got) == [200] and end == "fin"
    got, _ = mesh.ask(get("/one", "connection: keep-alive", version="1.0") * 2,
                      enough=lambda b: b.count(OK_BODY) == 2)
    assert statuses(got) == [200, 200]
    got, end = mesh.ask(b"GET /one HTTP/1.0\r\n\r\n")  # names no host
    assert end == "fin" and statuses(got)[0] in (200, 404)
    got, end = mesh.ask(script("/one", ["send", CHUNKED + "5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n"])
                        .replace(b"HTTP/1.1", b"HTTP/1.0", 1))
    assert end == "fin" and got.endswith(b"\r\n\r\nhello") and b"chunked" not in got.lower()
    for answer in (CL % 1000, CHUNKED, "HTTP/1.1 204 No\r\n\r\n", "HTTP/1.1 304 No\r\n"
                   "content-length: 99\r\n\r\n"):
        got, _ = mesh.ask(script("/h", ["send", answer], ["head"],
                                 ["send", CL % 2 + "ok"], method="HEAD") + get("/h2"),
                          enough=lambda b: b.endswith(OK_BODY))
        assert statuses(got)[1:] == [200], answer


# --- resources run out, processes die -----------------------------------------------------------

@pytest.fixture(scope="module")
def poor(make_bed):
    """A mesh whose weft-proxy may have 100 descriptors."""
    folder = tempfile.mkdtemp(prefix="weft-e2e-")
    os.chmod(folder, 0o755)  # the proxy's user must come in
    for name in ("weft-proxy", "tests/e2e/programs/poor"):
        shutil.copy(program(name), folder)
    yield Hostile(make_bed("hostile.yaml", args=("--proxy", f"{folder}/poor")))
    shutil.rmtree(folder)


def test_without_descriptors_new_connections_wait_and_nothing_spins(poor):
    wait_for(lambda: poor.good() == [200], what="served")
    held = [poor.dial() for _ in range(200)]
    seen = collections.Counter()
    for s in held:
        s.sendall(get("/fds"))
    for s in held[:60]:  # accepted; requests may find no descriptor for the way on
        seen.update(statuses(read_all(s, 1, lambda b: b"\r\n\r\n" in b)[0]))
    assert set(seen) <= {200, 503} and seen.total() == 60, seen
    begin = poor.cpu()
    time.sleep(1)
    assert poor.cpu() - begin < 0.15, "waiting must not cost time"
    for s in held[:150]:
        s.close()
    for s in held[150:]:  # they have waited, and are answered now
        got, _ = read_all(s, 2, lambda b: b"\r\n\r\n" in b)
        assert statuses(got) in ([200], [503])
        s.close()
    wait_for(lambda: poor.good() == [200], timeout=2, what="served again")
    assert poor.refused("no_memory") > 0


def wrk(bed, seconds):
    """wrk in the good pod at /load; .communicate() has its report."""
    return bed.popen("good", ["wrk", "-t1", "-c20", f"-d{seconds}s", "http://web/load"],
                     stdout=subprocess.PIPE, text=True)


def test_a_cluster_that_goes_and_comes_under_load_does_no_harm(mesh):
    """The service, its rule and its pods are taken away while requests run."""
    bed = mesh.bed
    load = wrk(bed, 6)
    for _ in range(3):
        for kind in ("VirtualService", "Service"):
            kept = dict(bed.store.documents)
            doc = bed.store.documents.pop(f"{kind}/h/web")
            bed._write()
            time.sleep(0.4)
            assert doc
            bed.store.documents.update(kept)
            bed._write()
            time.sleep(0.4)
    out, _ = load.communicate(timeout=30)
    assert "Requests/sec" in out
    wait_for(lambda: mesh.good() == [200], what="served again")


def test_a_server_pod_that_is_killed_under_load_ends_in_503_and_comes_back(mesh):
    bed = mesh.bed
    load = wrk(bed, 4)
    time.sleep(0.5)
    pod = bed.pod("server")
    for process in pod["processes"]:
        if process["name"] == "rogue":
            os.killpg(process["pid"], signal.SIGKILL)
    def refused():
        got, _ = mesh.ask(get("/dead"), enough=lambda b: b"\r\n\r\n" in b)
        return statuses(got) == [503]
    wait_for(refused, what="503 of a server that is gone")
    pods.stop(pod)
    os.makedirs(pod["cgroup"], exist_ok=True)
    programs = pods.start(pod, pod["manifest"], bed.store.log_dir)
    pods.wait_ready(pod, programs, time.monotonic() + 10)
    wait_for(lambda: mesh.good() == [200], what="served again")
    load.communicate(timeout=30)
    assert mesh.good() == [200]

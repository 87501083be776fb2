# SPDX-License-Identifier: Apache-2.0
"""weft-proxy between a real client and a real server: HTTP/1.1 as it is on the wire.

    client (wire.py) ──▶ web:80 [weft-proxy] ──▶ server (httpd.py)
           netc.py   ──▶ stream:7001 [weft-proxy, TCP] ──▶ server (netd)
"""
import base64
import hashlib
import json

import pytest
from helpers import access_log, client, curl, http, metric_sum, metrics, reasons, rss_mb, wait_for

PATTERN = b"0123456789abcdef"


@pytest.fixture(scope="module")
def bed(make_bed):
    made = make_bed("http.yaml")
    wait_for(lambda: curl(made, "client", "http://web/raw").headers.get("server") == "envoy",
             what="the proxy in the path")
    return made


class Wire:
    def __init__(self, out):
        self.bytes = base64.b64decode(out.get("received", ""))
        self.length, self.end, self.seconds = out["length"], out["end"], out["seconds"]

    @property
    def statuses(self):
        """Status codes of the answers, when no body looks like a head."""
        return [int(p[:3]) for p in self.bytes.split(b"HTTP/1.1 ")[1:]]


def wire(bed, *parts, args=(), host="web", port=80):
    data = json.dumps([base64.b64encode(p).decode() for p in parts])
    done = bed.exec("client", ["wire.py", host, str(port), *map(str, args)], input=data)
    return Wire(json.loads(done.stdout))


def get(path, *headers, method="GET", version="1.1"):
    lines = [f"{method} {path} HTTP/{version}", "host: web", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_a_head_that_comes_byte_by_byte_is_one_request(bed):
    request = get("/raw", "x-slowly: yes")
    seen = wire(bed, *[request[i:i + 1] for i in range(len(request))], args=("--pause", 1))
    assert seen.statuses == [200] and b"x-slowly: yes" in seen.bytes.lower()


def test_pipelined_requests_are_answered_in_order(bed):
    seen = wire(bed, get("/status/200") + get("/status/404") + get("/sized/5") + get("/status/204"))
    assert seen.statuses == [200, 404, 200, 204]
    assert b"\r\n\r\n01234HTTP/1.1 204" in seen.bytes


@pytest.mark.parametrize("size", [0, 1, 999, 16384, 70000, 5 << 20])
@pytest.mark.parametrize("way", ["sized", "chunked"])
def test_bodies_of_any_size_arrive_whole(bed, way, size):
    seen = bed.exec("client", ["sh", "-c", f"curl -sS http://web/{way}/{size} | sha256sum"]).stdout
    body = (PATTERN * (size // 16 + 1))[:size]
    assert seen.split()[0] == hashlib.sha256(body).hexdigest()


def test_trailers_come_through(bed):
    seen = wire(bed, get("/chunked/2500", "te: trailers"))
    assert b"x-bytes: 2500" in seen.bytes.lower() and seen.bytes.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("how", [[], ["-H", "transfer-encoding: chunked"],
                                 ["-H", "expect: 100-continue"]],
                         ids=["sized", "chunked", "expect"])
def test_request_bodies_stream_through(bed, how):
    done = bed.exec("client", ["sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x > "
                               "/tmp/e2e-body; "
                               f"curl -sS --data-binary @/tmp/e2e-body {quoted(how)} "
                               "http://web/echo | cmp - /tmp/e2e-body && echo same; "
                               "rm /tmp/e2e-body"])
    assert done.stdout.strip() == "same"


def quoted(args):
    return " ".join(f"'{a}'" for a in args)


def test_head_204_and_304_have_no_body(bed):
    seen = wire(bed, get("/sized/77", method="HEAD") + get("/status/204") + get("/status/304")
                + get("/sized/3"))
    assert seen.statuses == [200, 204, 304, 200] and seen.bytes.endswith(b"\r\n\r\n012")
    assert b"content-length: 77" in seen.bytes.lower()


def test_an_http_1_0_client_gets_an_answer_it_can_read(bed):
    seen = wire(bed, b"GET /chunked/2500 HTTP/1.0\r\nhost: web\r\n\r\n", args=("--idle", 3))
    assert seen.end == "fin"
    head, _, body = seen.bytes.partition(b"\r\n\r\n")
    if b" 426 " not in head:
        assert body == (PATTERN * 200)[:2500] and b"chunked" not in head.lower()


def test_the_absolute_form_is_understood(bed):
    seen = wire(bed, b"GET http://web/raw HTTP/1.1\r\nhost: web\r\n\r\n")
    assert seen.statuses == [200] and b"GET /raw HTTP/1.1" in seen.bytes


def test_connection_close_is_honoured(bed):
    seen = wire(bed, get("/sized/5", "connection: close"), args=("--idle", 5))
    assert (seen.end, seen.statuses) == ("fin", [200]) and seen.seconds < 2


def test_hop_by_hop_headers_stay_on_their_hop(bed):
    seen = wire(bed, get("/raw", "connection: x-private, keep-alive", "x-private: 1",
                         "keep-alive: timeout=5", "x-public: 2"))
    body = seen.bytes.partition(b"\r\n\r\n")[2].lower()
    assert b"x-public: 2" in body and b"x-private: 1" not in body and b"timeout=5" not in body


def test_an_upgrade_becomes_a_tunnel(bed):
    seen = wire(bed, get("/upgrade", "connection: upgrade", "upgrade: echo"), b"ping", b"pong",
                args=("--pause", 100, "--half-close", "--idle", 3))
    assert seen.statuses == [101] and seen.bytes.endswith(b"pingpong") and seen.end == "fin"


@pytest.mark.parametrize("request_bytes", [
    b"GET / HTTP/1.1\r\nhost: web\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: web\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost : web\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: web\r\n folded: yes\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: web\r\nhost: other\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: web\r\nx: a\0b\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: web\r\ncontent-length: +5\r\n\r\nhello",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
], ids=["te-and-cl", "two-cl", "space-before-colon", "obs-fold", "two-hosts", "nul", "plus",
        "tls"])
def test_what_is_ambiguous_is_refused_and_never_forwarded(bed, request_bytes):
    seen = wire(bed, request_bytes + b"\r\n\r\n", args=("--idle", 3))
    assert seen.statuses == [400] and seen.end in ("fin", "reset"), seen.bytes


def test_a_head_too_large_is_431(bed):
    seen = wire(bed, get("/raw", "x-large: " + "a" * (70 << 10)), args=("--idle", 3))
    assert seen.statuses == [431]
    seen = wire(bed, get("/raw", *[f"x-{i}: 1" for i in range(120)]), args=("--idle", 3))
    assert seen.statuses == [431]


def test_a_server_that_resets_is_503_uc(bed):
    assert curl(bed, "client", "http://web/reset").status == 503
    row = last(bed, "/reset")
    assert row["response_flags"].split(",")[0] in ("UC", "UF")


def test_a_server_that_speaks_something_else_is_502_upe(bed):
    assert curl(bed, "client", "http://web/garbage").status == 502
    assert last(bed, "/garbage")["response_flags"] == "UPE"


def test_a_body_that_ends_half_way_ends_the_clients_connection(bed):
    seen = wire(bed, get("/part"), args=("--idle", 5))
    assert seen.end in ("fin", "reset") and seen.bytes.endswith((PATTERN * 32)[:500])


def test_a_body_until_close_arrives_whole(bed):
    seen = wire(bed, get("/until-close/4000"), args=("--idle", 3))
    body = (PATTERN * 300)[:4000]
    assert body[-100:] in seen.bytes and body[:100] in seen.bytes


def test_a_route_timeout_is_504_ut(bed):
    seen = wire(bed, get("/timeout/silent"), args=("--idle", 3))
    assert seen.statuses == [504] and b"upstream request timeout" in seen.bytes
    assert 0.25 < seen.seconds - 3 < 1 or seen.end == "fin"
    assert last(bed, "/timeout/silent")["response_flags"] == "UT"


def last(bed, path):
    return wait_for(lambda: [r for r in access_log(bed) if r["path"] == path],
                    what=f"access log of {path}")[-1]


def test_a_client_that_goes_away_is_logged_as_dc_and_its_upstream_ends(bed):
    bed.exec("client", ["curl", "-sS", "--max-time", "0.3", "http://web/silent"], check=False)
    assert last(bed, "/silent")["response_flags"] == "DC"


def test_a_slow_reader_gets_everything_and_the_proxy_buffers_little(bed):
    before = rss_mb(bed)
    seen = wire(bed, get("/sized/30000000"), args=("--read-slowly", 200000, "--idle", 5,
                                                  "--digest"))
    assert seen.length > 30000000
    assert rss_mb(bed) - before < 8, "the body was stored"


def test_a_slow_writer_is_served(bed):
    body = [b"1000\r\n" + b"z" * 4096 + b"\r\n"] * 20 + [b"0\r\n\r\n"]
    seen = wire(bed, get("/echo", "transfer-encoding: chunked", method="POST"), *body,
                args=("--pause", 30, "--idle", 3))
    assert seen.statuses == [200] and seen.bytes.count(b"z") == 20 * 4096


def test_upstream_connections_are_kept_and_reused(bed):
    before = metric_sum(metrics(bed), "envoy_cluster_upstream_cx_total")
    assert http(bed, "client", "web", 80, "/sized/10", "--reconnect", n=300, c=1)["status"] == \
        {"200": 300}
    after = metric_sum(metrics(bed), "envoy_cluster_upstream_cx_total")
    assert after - before <= 10, "300 requests over few upstream connections"


def test_tcp_through_the_proxy_keeps_bytes_half_close_and_server_first(bed):
    before = reasons(bed)["to_proxy"]
    assert client(bed, "client", "who", "stream", 7000, "-n", 50) == {"names": {"server": 50},
                                                                     "errors": {}}
    seen = client(bed, "client", "transfer", "stream", 7001, "--bytes", 200 << 20)
    assert seen["received"] == 200 << 20 and seen["received_crc"] == seen["sent_crc"]
    assert reasons(bed)["to_proxy"] - before >= 51


def test_upstream_port_differs_from_the_service_port(bed):
    assert curl(bed, "client", "http://web.web.svc.cluster.local/raw").status == 200

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Closed-loop HTTP/1.1 load from one thread, counting who answered.

Prints one JSON line at the end, or one each --interval seconds: requests, errors, statuses, who
answered (--pick: a path into the JSON body, else the header x-app-version), latencies in ms.
"""
import argparse
import collections
import json
import re
import selectors
import signal
import socket
import sys
import time

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
VERSION = re.compile(rb"\r\nx-app-version: *([^\r]+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


class Tally:
    """What was seen since the last report."""

    def __init__(self):
        self.begin = time.monotonic()
        self.status, self.picked = collections.Counter(), collections.Counter()
        self.errors, self.ms = collections.Counter(), []

    def report(self):
        seconds, ms = time.monotonic() - self.begin, sorted(self.ms)

        def at(share):
            return round(ms[min(len(ms) - 1, int(len(ms) * share))], 3) if ms else None

        return {"requests": len(ms), "rps": round(len(ms) / seconds, 1), "status": self.status,
                "picked": self.picked, "errors": self.errors, "p50_ms": at(.5), "p90_ms": at(.9),
                "p99_ms": at(.99)}


class Connection:
    def __init__(self, load):
        self.load, self.buffer, self.sock = load, b"", None
        self.begin = 0.0

    def start(self):
        self.sock = socket.socket(self.load.family, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(10)
        try:
            self.sock.connect(self.load.sockaddr)
        except OSError as e:
            self.load.tally.errors[type(e).__name__] += 1
            self.sock.close()
            return False
        self.load.selector.register(self.sock, selectors.EVENT_READ, self)
        return True

    def end(self):
        self.load.selector.unregister(self.sock)
        self.sock.close()
        self.buffer = b""

    def ask(self):
        if self.load.to_ask <= 0:
            return False
        self.load.to_ask -= 1
        self.begin = time.monotonic()
        try:
            self.sock.sendall(self.load.request)
            return True
        except OSError as e:
            self.load.tally.errors[type(e).__name__] += 1
            return False

    def take(self):
        """Reads; True when a whole answer was counted, None when more is to come, False: broken."""
        try:
            part = self.sock.recv(1 << 18)
        except OSError as e:
            self.load.tally.errors[type(e).__name__] += 1
            return False
        self.buffer += part
        head_end = self.buffer.find(b"\r\n\r\n")
        if not part:
            self.load.tally.errors["ended"] += 1
            return False
        if head_end < 0:
            return None
        head = self.buffer[:head_end + 2]
        length = LENGTH.search(head)
        if length:
            total = head_end + 4 + int(length[1])
            if len(self.buffer) < total:
                return None
        elif CHUNKED.search(head) and not self.buffer.endswith(b"0\r\n\r\n"):
            return None
        self.count(head, self.buffer[head_end + 4:])
        self.buffer = b""
        return b"\r\nconnection: close" not in head.lower()

    def count(self, head, body):
        tally = self.load.tally
        tally.ms.append((time.monotonic() - self.begin) * 1000)
        tally.status[head[9:12].decode()] += 1
        tally.picked[self.load.pick(head, body)] += 1
        self.load.left -= 1


class Load:
    def __init__(self, args):
        found = socket.getaddrinfo(args.host, args.port, type=socket.SOCK_STREAM)[0]
        self.family, self.sockaddr = found[0], found[4]
        self.left = self.to_ask = args.count  # answers to come, requests to send
        self.steps = args.pick.split(".") if args.pick else None
        self.reconnect, self.interval = args.reconnect, args.interval
        host = args.authority or f"{args.host}:{args.port}"
        lines = [f"{args.method} {args.path} HTTP/1.1", f"host: {host}", *args.header]
        self.request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self.selector, self.tally = selectors.DefaultSelector(), Tally()
        self.deadline = time.monotonic() + args.seconds if args.seconds else None

    def pick(self, head, body):
        if self.steps is None:
            found = VERSION.search(head)
            return found[1].decode() if found else "-"
        try:
            value = json.loads(body)
            for step in self.steps:
                value = value[step]
            return str(value)
        except (ValueError, KeyError, TypeError):
            return "-"

    def more(self):
        if self.deadline and time.monotonic() > self.deadline:
            return False
        return self.left > 0

    def report(self):
        print(json.dumps(self.tally.report()), flush=True)
        self.tally = Tally()

    def run(self, clients):
        open_ones = [c for c in (Connection(self) for _ in range(clients)) if c.start()]
        live = sum(1 for c in open_ones if c.ask())
        while live and self.more():
            for key, _ in self.selector.select(0.2):
                live += self.step(key.data)
            if self.interval and time.monotonic() - self.tally.begin >= self.interval:
                self.report()
        self.report()

    def step(self, c):
        """One answer of one connection; returns the change in connections at work."""
        done = c.take()
        if done is None:
            return 0
        if not self.more():
            return 0
        if done is False or self.reconnect:
            c.end()
            while not c.start():
                if not self.more():
                    return -1
                time.sleep(0.01)
        return 0 if c.ask() else -1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("-n", "--count", type=int, default=1 << 60)
    parser.add_argument("-c", "--clients", type=int, default=4)
    parser.add_argument("-H", "--header", action="append", default=[])
    parser.add_argument("-X", "--method", default="GET")
    parser.add_argument("--authority", help="Host header, when it is not the host dialled")
    parser.add_argument("--pick")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--interval", type=float)
    parser.add_argument("--reconnect", action="store_true", help="a connection for each request")
    args = parser.parse_args()
    load = Load(args)
    signal.signal(signal.SIGTERM, lambda *_: setattr(load, "left", 0))
    load.run(args.clients)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(0)

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients for the end-to-end tests. Each mode does one thing to netd and prints one JSON line."""
import argparse
import collections
import ctypes
import errno
import json
import multiprocessing
import os
import random
import select
import signal
import socket
import struct
import sys
import threading
import time
import zlib

TIMEOUT_S = 10


def address(args):
    """(family, sockaddr) of the first address of the host; --mapped: v4 through an IPv6 socket."""
    found = socket.getaddrinfo(args.host, args.port, type=socket.SOCK_STREAM)
    family, sockaddr = found[0][0], found[0][4]
    if args.mapped:
        return socket.AF_INET6, (f"::ffff:{sockaddr[0]}", args.port)
    return family, sockaddr


def dial(where, timeout=TIMEOUT_S):
    s = socket.socket(where[0], socket.SOCK_STREAM)
    s.settimeout(timeout)
    try:
        s.connect(where[1])
    except OSError:
        s.close()
        raise
    return s


def name_of(error):
    return errno.errorcode.get(error.errno, type(error).__name__) if error.errno else "TIMEOUT"


def read_line(s):
    line = b""
    while not line.endswith(b"\n"):
        got = s.recv(4096)
        if not got:
            raise ConnectionResetError(errno.ECONNRESET, "ended without a word")
        line += got
    return line.decode().strip()


def who(args):
    """One connection after the other: who answers, without the client saying a word."""
    where, names, errors = address(args), collections.Counter(), collections.Counter()
    for _ in range(args.count):
        try:
            with dial(where) as s:
                name = read_line(s)
                if args.till_end and s.recv(1):
                    name = "BYTES"
                names[name] += 1
        except OSError as e:
            errors[name_of(e)] += 1
    return {"names": names, "errors": errors}


def die_with_parent():
    """The sockets of a killed test do not outlive it."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def open_some(where, count, start_at):
    """Connects count times from a moment on; returns (sockets, names, [(error, ms)])."""
    kept, names, refused = [], collections.Counter(), []
    while time.monotonic() < start_at:
        pass
    for _ in range(count):
        begin = time.monotonic()
        try:
            kept.append(dial(where))
        except OSError as e:
            refused.append((name_of(e), round((time.monotonic() - begin) * 1000, 3)))
    for s in kept:
        try:
            names[read_line(s)] += 1
        except OSError as e:
            names[name_of(e)] += 1
    return kept, names, refused


def hold(args):
    """Opens count connections from --processes at once, says how it went, holds till stdin ends."""
    where, start_at, children = address(args), time.monotonic() + 0.2, []
    for _ in range(args.processes):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            die_with_parent()
            os.close(reader)
            kept, names, refused = open_some(where, args.count // args.processes, start_at)
            os.write(writer, json.dumps([len(kept), names, refused]).encode())
            os.close(writer)
            signal.pause()
        os.close(writer)
        children.append((pid, reader))
    total = {"open": 0, "names": collections.Counter(), "refused": []}
    for _, reader in children:
        with os.fdopen(reader, "rb") as f:
            count, names, refused = json.loads(f.read())
        total["open"] += count
        total["names"].update(names)
        total["refused"] += refused
    print(json.dumps(total), flush=True)
    sys.stdin.read()
    for pid, _ in children:
        os.kill(pid, signal.SIGTERM if not args.kill else signal.SIGKILL)
        os.waitpid(pid, 0)
    return {"closed": total["open"]}


class Census:
    """How many connections are open at this very moment, over all workers.

    Counted after connect() and uncounted before close(), so the figure is never above the truth,
    and a peak above the limit is the limit's fault.
    """

    def __init__(self, workers):
        self.lock = multiprocessing.Lock()
        self.of = multiprocessing.RawArray("i", workers)
        self.gone = multiprocessing.RawArray("b", workers)
        self.total, self.peak = (multiprocessing.RawValue("i", 0) for _ in range(2))

    def count(self, worker, change):
        with self.lock:
            if not self.gone[worker]:
                self.of[worker] += change
                self.total.value += change
                self.peak.value = max(self.peak.value, self.total.value)

    def kill(self, worker, pid):
        """Takes the worker out of the census, then out of the world; it cannot hold the lock."""
        with self.lock:
            self.gone[worker] = 1
            self.total.value -= self.of[worker]
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def churn_worker(where, census, number):
    rng, kept = random.Random(number), []
    while True:
        try:
            s = dial(where, timeout=2)
            census.count(number, 1)
            s.sendall(b"x")
            kept.append(s)
        except OSError:
            time.sleep(0.002)
        while kept and (len(kept) > 12 or rng.random() < 0.5):
            s = kept.pop(rng.randrange(len(kept)))
            census.count(number, -1)
            if rng.random() < 0.3:  # a reset instead of a FIN
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()


def churn(args):
    """Workers that open and close as they like and are killed in the middle of it."""
    where, rng, workers, started = address(args), random.Random(1), {}, 0
    census = Census(int(args.seconds * 10) + args.processes + 10)
    deadline = time.monotonic() + args.seconds
    while time.monotonic() < deadline:
        while len(workers) < args.processes:
            pid = os.fork()
            if pid == 0:
                die_with_parent()
                churn_worker(where, census, started)
            workers[started] = pid
            started += 1
        time.sleep(0.1)
        victim = rng.choice(list(workers))
        census.kill(victim, workers.pop(victim))
    for number, pid in workers.items():
        census.kill(number, pid)
    return {"kills": started, "peak": census.peak.value}


def send_pattern(s, size, result):
    """A stream that never repeats within itself: 1 MiB of noise, each time shifted by one."""
    noise, crc, left, n = random.Random(size).randbytes(2 << 20), 0, size, 0
    while left > 0:
        part = memoryview(noise)[n % (1 << 20):][:min(left, 1 << 20)]
        s.sendall(part)
        crc = zlib.crc32(part, crc)
        left -= len(part)
        n += 1
    s.shutdown(socket.SHUT_WR)
    result["sent_crc"] = crc


def transfer(args):
    """Sends bytes to an echo and takes them back at the same time; ends by half-close."""
    s, result, begin = dial(address(args), timeout=60), {}, time.monotonic()
    sender = threading.Thread(target=send_pattern, args=(s, args.bytes, result))
    sender.start()
    buffer, crc, received = bytearray(1 << 20), 0, 0
    while n := s.recv_into(buffer):
        crc = zlib.crc32(memoryview(buffer)[:n], crc)
        received += n
    sender.join()
    return {**result, "received_crc": crc, "received": received,
            "seconds": round(time.monotonic() - begin, 3)}


def udp(args):
    """A new socket for each datagram; the answer must come from the address that was asked."""
    found = socket.getaddrinfo(args.host, args.port, type=socket.SOCK_DGRAM)[0]
    names, errors = collections.Counter(), collections.Counter()
    for i in range(args.count):
        with socket.socket(found[0], socket.SOCK_DGRAM) as s:
            s.settimeout(2)
            payload = b"%d " % i + b"u" * args.size
            try:
                s.sendto(payload, found[4])
                answer, source = s.recvfrom(65536)
            except OSError as e:
                errors[name_of(e)] += 1
                continue
            name, _, rest = answer.partition(b" ")
            if rest != payload:
                errors["PAYLOAD"] += 1
            if source[:2] != found[4][:2]:
                errors["SOURCE"] += 1
            names[name.decode()] += 1
    return {"names": names, "errors": errors}


def pingpong(args):
    """Long connections to an echo that never stop, and new ones beside them, till stdin ends."""
    where, errors, rounds, fresh = address(args), collections.Counter(), 0, 0
    long_ones = [dial(where) for _ in range(args.count)]
    print(json.dumps({"open": len(long_ones)}), flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        for s in long_ones:
            exchange(s, errors, "long")
        rounds += 1
        if args.fresh:
            try:
                with dial(where) as s:
                    exchange(s, errors, "fresh")
                fresh += 1
            except OSError as e:
                errors[f"fresh {name_of(e)}"] += 1
    return {"rounds": rounds, "fresh": fresh, "errors": errors}


def exchange(s, errors, kind):
    try:
        s.sendall(b"ping" * 64)
        got = b""
        while len(got) < 256:
            part = s.recv(4096)
            if not part:
                raise ConnectionResetError(errno.ECONNRESET, "ended")
            got += part
        if got != b"ping" * 64:
            errors[f"{kind} BYTES"] += 1
    except OSError as e:
        errors[f"{kind} {name_of(e)}"] += 1


def main():
    modes = {"who": who, "hold": hold, "churn": churn, "transfer": transfer, "udp": udp,
             "pingpong": pingpong}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=modes)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("-n", "--count", type=int, default=1)
    parser.add_argument("--mapped", action="store_true")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--kill", action="store_true", help="hold: end by SIGKILL")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--bytes", type=int, default=1 << 20)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--till-end", action="store_true", help="who: the server closes first")
    parser.add_argument("--fresh", action="store_true")
    args = parser.parse_args()
    print(json.dumps(modes[args.mode](args)), flush=True)


main()

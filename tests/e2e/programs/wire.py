#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends the bytes that come on stdin (JSON list of base64) and prints what comes back.

wire.py HOST PORT [--pause MS] [--half-close] [--idle S] [--read-slowly BYTES]
One JSON line: received (base64), end (fin, reset, idle), seconds.
"""
import argparse
import base64
import json
import socket
import sys
import threading
import time


def send(s, args, parts):
    try:
        for part in parts:
            s.sendall(part)
            if args.pause:
                time.sleep(args.pause / 1000)
        if args.half_close:
            s.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # what the other side did shows on reading


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--pause", type=float, default=0)
    parser.add_argument("--half-close", action="store_true")
    parser.add_argument("--idle", type=float, default=1.0)
    parser.add_argument("--read-slowly", type=int, default=0)
    parser.add_argument("--digest", action="store_true", help="length instead of the bytes")
    args = parser.parse_args()
    parts = [base64.b64decode(p) for p in json.load(sys.stdin)]
    s = socket.create_connection((args.host, args.port), timeout=10)
    begin, received, end = time.monotonic(), bytearray(), "idle"
    threading.Thread(target=send, args=(s, args, parts), daemon=True).start()
    s.settimeout(args.idle)
    try:
        while part := s.recv(args.read_slowly or 1 << 16):
            received += part
            if args.read_slowly:
                time.sleep(0.001)
        end = "fin"
    except TimeoutError:
        pass
    except OSError:
        end = "reset"
    out = {"length": len(received), "end": end, "seconds": round(time.monotonic() - begin, 3)}
    if not args.digest:
        out["received"] = base64.b64encode(received).decode()
    print(json.dumps(out))


main()

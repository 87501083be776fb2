#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Packets that no well-behaved client sends: rawc.py KIND DESTINATION PORT [--source IP].

Prints a JSON line: what came back from the destination within half a second.
"""
import argparse
import json
import socket
import struct
import time

SYN, RST, ACK = 2, 4, 16


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def tcp(source, target, sport, dport, flags, offset=5):
    head = struct.pack("!HHIIBBHHH", sport, dport, 1000, 2000, offset << 4, flags, 8192, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack("!BBH", 0, 6, 20)
    return head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]


def ip(source, target, payload, fragment=0, ihl=5, options=b""):
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, 0, 20 + len(options) + len(payload), 77,
                       fragment, 64, 6, 0, socket.inet_aton(source), socket.inet_aton(target))
    return head + options + payload


def packet(args, source, sport):
    """The bytes of one kind. The kernel fills in the IP checksum."""
    target, port = args.destination, args.port
    if args.kind == "ack":
        return ip(source, target, tcp(source, target, sport, port, ACK))
    if args.kind == "syn":
        return ip(source, target, tcp(source, target, sport, port, SYN))
    if args.kind == "short":  # a TCP header that ends in the middle
        return ip(source, target, tcp(source, target, sport, port, SYN)[:10])
    if args.kind == "offset":  # says that its header is shorter than a header can be
        return ip(source, target, tcp(source, target, sport, port, SYN, offset=2))
    if args.kind == "fragment":  # the first of several: "more fragments" is set
        return ip(source, target, tcp(source, target, sport, port, SYN) + b"\0" * 4, 0x2000)
    raise SystemExit(f"unknown kind {args.kind}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind")
    parser.add_argument("destination")
    parser.add_argument("port", type=int)
    parser.add_argument("--source")
    args = parser.parse_args()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((args.destination, 9))
        own = probe.getsockname()[0]
    listener = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    listener.settimeout(0.1)
    sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    sport = 40000 + int(time.monotonic() * 1000) % 20000
    sender.sendto(packet(args, args.source or own, sport), (args.destination, 0))
    flags, deadline = [], time.monotonic() + 0.5
    while time.monotonic() < deadline and not flags:
        try:
            answer = listener.recv(65536)
        except TimeoutError:
            continue
        if answer[12:16] == socket.inet_aton(args.destination) and \
                struct.unpack("!H", answer[22:24])[0] == sport:
            flags.append("RST" if answer[33] & RST else "SYN" if answer[33] & SYN else "other")
    print(json.dumps({"answers": flags}))


main()

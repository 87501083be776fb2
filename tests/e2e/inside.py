# SPDX-License-Identifier: Apache-2.0
"""Sockets of this process that live in a pod: a test holds and drives thousands of them itself."""
import contextlib
import ctypes
import os
import socket
import struct
import time

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def netns(name):
    """This thread's network is that namespace's: what is opened now stays there."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    other = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        if _libc.setns(other, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        yield
    finally:
        if _libc.setns(own, CLONE_NEWNET):
            os.abort()  # every later socket would be in the wrong place
        os.close(other)
        os.close(own)


def new_socket(bed, pod, *args):
    with netns(bed.pod(pod)["netns"]):
        return socket.socket(*args)


def dial(bed, pod, address, timeout=5.0, rcvbuf=0):
    """A connection from a pod to (ip, port)."""
    s = new_socket(bed, pod)
    s.settimeout(timeout)
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    try:
        s.connect(address)
    except OSError:
        s.close()
        raise
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def reset(s):
    """Closes with a RST."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def read_all(s, seconds=5.0, enough=None):
    """(bytes, how it ended): "fin", "reset", "idle" after so many seconds, or "enough"."""
    got, deadline = bytearray(), time.monotonic() + seconds
    while True:
        if enough and enough(got):
            return bytes(got), "enough"
        left = deadline - time.monotonic()
        if left <= 0:
            return bytes(got), "idle"
        s.settimeout(left)
        try:
            part = s.recv(1 << 20)
        except TimeoutError:
            return bytes(got), "idle"
        except OSError:
            return bytes(got), "reset"
        if not part:
            return bytes(got), "fin"
        got += part


def statuses(got):
    """Status codes of the answers, when no body looks like a head."""
    return [int(p[:3]) for p in bytes(got).split(b"HTTP/1.1 ")[1:]]

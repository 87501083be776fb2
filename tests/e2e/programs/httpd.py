#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 server that does on the wire what a test asks for by the path: httpd.py PORT.

  /raw            the request's head as it arrived, as the body
  /echo           the request's body, chunked, as it comes in (X-Bytes trailer at the end)
  /sized/N        N bytes with content-length          /chunked/N   N bytes in chunks
  /status/CODE    that status without a body           /until-close N bytes ended by closing
  /reset          a reset instead of an answer         /part        half of a body, then the end
  /silent         nothing at all, ever                 /upgrade     101, then an echo
  /slow/N/MS      N pieces with MS milliseconds between them
  /garbage        bytes that are not HTTP
"""
import socket
import struct
import sys
import threading
import time


class Peer:
    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def fill(self):
        part = self.sock.recv(1 << 16)
        if not part:
            raise EOFError
        self.buffer += part

    def line(self):
        while b"\r\n" not in self.buffer:
            self.fill()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def take(self, n):
        while len(self.buffer) < n:
            self.fill()
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def head(self):
        lines = [self.line()]
        while line := self.line():
            lines.append(line)
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.lower().decode()] = value.strip().decode()
        return lines, headers

    def body(self, headers):
        """Yields the body in the pieces that it comes in."""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self.line().split(b";")[0], 16):
                yield self.take(size)
                self.take(2)
            while self.line():
                pass
            return
        left = int(headers.get("content-length", 0))
        while left > 0:
            if not self.buffer:
                self.fill()
            piece = self.take(min(left, len(self.buffer)))
            left -= len(piece)
            yield piece


def pattern(n):
    return (b"0123456789abcdef" * (n // 16 + 1))[:n]


def reply(s, body, head_only=False):
    s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) +
              (b"" if head_only else body))


def chunk(piece):
    return b"%x\r\n" % len(piece) + piece + b"\r\n"


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-bytes\r\n\r\n"


def echo(s, peer, headers):
    total = 0
    if headers.get("expect") == "100-continue":
        s.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    s.sendall(CHUNKED)
    for piece in peer.body(headers):
        s.sendall(chunk(piece))
        total += len(piece)
    s.sendall(b"0\r\nx-bytes: %d\r\n\r\n" % total)


def tunnel(s, peer):
    s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
    s.sendall(peer.buffer)
    while part := s.recv(1 << 16):
        s.sendall(part)


def serve_one(s, peer):
    """One request; False: the connection ends here."""
    lines, headers = peer.head()
    words = lines[0].split()[1].decode().strip("/").split("/")
    if words[0] == "timeout":
        words = words[1:]  # a prefix that only the route looks at
    what, number = words[0], int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    if what == "echo":
        echo(s, peer, headers)
        return True
    if what == "upgrade":
        tunnel(s, peer)
        return False
    if what in ("silent", "reset", "garbage", "part", "until-close"):
        return misbehave(s, what, number)
    for _ in peer.body(headers):
        pass
    if what == "sized":
        reply(s, pattern(number), head_only=lines[0].startswith(b"HEAD"))
    elif what == "chunked":
        s.sendall(CHUNKED)
        for at in range(0, number, 1000):
            s.sendall(chunk(pattern(number)[at:at + 1000]))
        s.sendall(b"0\r\nx-bytes: %d\r\n\r\n" % number)
    elif what == "status":
        s.sendall(b"HTTP/1.1 %d Status\r\n%s\r\n" %
                  (number, b"" if number in (204, 304) else b"content-length: 0\r\n"))
    elif what == "slow":
        s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (number * 10))
        for _ in range(number):
            time.sleep(int(words[2]) / 1000)
            s.sendall(pattern(10))
    else:
        reply(s, b"\r\n".join(lines))
    return True


def misbehave(s, what, number):
    if what == "silent":
        while s.recv(1 << 16):
            pass
    elif what == "reset":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif what == "garbage":
        s.sendall(b"\0\1\2 this is not HTTP\r\n\r\n")
    elif what == "part":
        s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + pattern(500))
    else:
        s.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + pattern(number))
    return False


def serve(s):
    peer = Peer(s)
    with s:
        try:
            while serve_one(s, peer):
                pass
        except (EOFError, OSError, ValueError):
            pass


def main():
    listener = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6,
                                    dualstack_ipv6=True, backlog=4096)
    while True:
        s, _ = listener.accept()
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(s,), daemon=True).start()


main()

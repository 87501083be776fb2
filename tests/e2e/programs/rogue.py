#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An HTTP server that does what the request tells it, and notes what arrived: rogue.py PORT.

The header x-script holds JSON, a list of steps that are done in order:
  ["send", TEXT]  ["repeat", TEXT, COUNT]  ["sleep", S]  ["head"]   (wait for the next head)
  ["body", N]     (read N bytes)           ["hang"]      (read till the client ends)
  ["reset"]       (close with a RST)       ["end"]       (end our direction, then hang)
Without it: 200 after the body. Every head that arrives is a JSON line on stdout.
"""
import json
import re
import socket
import struct
import sys
import threading
import time

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
lock = threading.Lock()


class Peer:
    def __init__(self, sock, number):
        self.sock, self.number, self.buffer = sock, number, b""

    def fill(self):
        part = self.sock.recv(1 << 16)
        if not part:
            raise EOFError
        self.buffer += part

    def until(self, mark):
        while mark not in self.buffer:
            self.fill()
        out, _, self.buffer = self.buffer.partition(mark)
        return out

    def take(self, n):
        while len(self.buffer) < n:
            self.fill()
        self.buffer = self.buffer[n:]

    def head(self):
        head = self.until(b"\r\n\r\n").decode("latin-1")
        with lock:
            print(json.dumps({"connection": self.number, "head": head}), flush=True)
        return head

    def body(self, head):
        if length := re.search(r"\ncontent-length: *(\d+)", head, re.I):
            self.take(int(length[1]))
        elif re.search(r"\ntransfer-encoding: *chunked", head, re.I):
            while size := int(self.until(b"\r\n"), 16):
                self.take(size + 2)
            while self.until(b"\r\n"):
                pass

    def step(self, verb, *args):
        s = self.sock
        if verb == "send":
            s.sendall(args[0].encode("latin-1"))
        elif verb == "repeat":
            piece = args[0].encode("latin-1")
            for _ in range(args[1]):
                s.sendall(piece)
        elif verb == "sleep":
            time.sleep(args[0])
        elif verb == "head":
            self.head()
        elif verb == "body":
            self.take(args[0])
        elif verb in ("hang", "end"):
            if verb == "end":
                s.shutdown(socket.SHUT_WR)
            while s.recv(1 << 16):
                pass
        elif verb == "reset":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise EOFError

    def serve(self):
        while True:
            head = self.head()
            script = re.search(r"\nx-script: (.*)", head)
            if script:
                for step in json.loads(script[1]):
                    self.step(*step)
                return
            self.body(head)
            self.sock.sendall(OK)


def serve(sock, number):
    with sock:
        try:
            Peer(sock, number).serve()
        except (EOFError, OSError):
            pass


def main():
    listener, number = socket.create_server(("", int(sys.argv[1])), backlog=4096), 0
    threading.stack_size(256 << 10)
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number += 1
        threading.Thread(target=serve, args=(sock, number), daemon=True).start()


main()

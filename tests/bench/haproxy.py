# SPDX-License-Identifier: Apache-2.0
"""One HAProxy: a plain HTTP hop, tuned for speed. Nothing is logged, connections are reused."""
import os
import re
import socket
import time

# HAProxy changes to this user; the sidecars' iptables rules leave its packets alone.
USER = "haproxy"

CONFIG = """global
    nbthread {threads}
    maxconn 4000
    user {user}
    stats socket {socket} mode 600
defaults
    mode http
    maxconn 4000
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 60s
    http-reuse always
    option splice-response
frontend in
    bind :{port}
    default_backend out
backend out
    server app {target}
"""


class Haproxy:
    """Files live in `folder`; `spawn(argv, log)` starts it where the variant wants it."""

    def __init__(self, folder, name, port, target, threads):
        self.socket = f"{folder}/{name}.sock"
        self.log = f"{folder}/{name}.log"
        self.config = f"{folder}/{name}.cfg"
        self.process = None
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(CONFIG.format(threads=threads, user=USER, socket=self.socket, port=port,
                                  target=target))

    def start(self, spawn, wait=5):
        self.process = spawn(["haproxy", "-db", "-f", self.config], self.log)
        deadline = time.monotonic() + wait
        while not os.path.exists(self.socket):
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(self.log, encoding="utf-8", errors="replace") as f:
                    raise RuntimeError(f"haproxy did not start:\n{f.read()[-2000:]}")
            time.sleep(0.01)

    def requests(self):
        """Requests that came in at the front end since the start."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.connect(self.socket)
            s.sendall(b"show stat -1 1 -1 typed\n")
            text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        found = re.search(r"^F\.\d+\.0\.\d+\.req_tot\.\d+:\w+:u64:(\d+)$", text, re.MULTILINE)
        if not found:
            raise RuntimeError(f"haproxy's statistics have no req_tot:\n{text[:1000]}")
        return int(found[1])

# SPDX-License-Identifier: Apache-2.0
"""What weftd is told: files that are no config, a folder that comes and goes, a busy socket.

The mesh in force must stay as it is, and weftd must go on answering.
"""
import os
import shutil
import socket
import subprocess
import threading
import time

import pytest
from helpers import wait_for
from inside import dial, read_all, statuses
from testbed_lib.shell import program

RULE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: hostile, namespace: h}
spec:
  hosts: [web]
  http:
  - directResponse: {status: %d}
"""


class Agent:
    def __init__(self, bed):
        self.bed, self.agent = bed, bed.agent()
        self.config = bed.store.config_dir
        self.web = (bed.addresses("h/web")[0], 80)

    def status(self):
        """Status code of a request now."""
        with dial(self.bed, "h/good", self.web) as s:
            s.sendall(b"GET / HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n")
            return statuses(read_all(s, 3)[0])

    def served(self):
        try:
            return self.status()
        except OSError:
            return []

    def write(self, name, text):
        with open(f"{self.config}/{name}", "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())

    def answers(self, within=2.0):
        begin = time.monotonic()
        answer = self.agent.ask("status")
        assert answer and time.monotonic() - begin < within, "weftd does not answer in time"
        return answer

    def rss_mb(self):
        with open(f"/proc/{self.agent.pid()}/status", encoding="utf-8") as f:
            return int(next(line for line in f if "VmRSS" in line).split()[1]) / 1024

    def cpu(self):
        with open(f"/proc/{self.agent.pid()}/stat", encoding="utf-8") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def follows(self, code):
        """A change is still seen and comes into force."""
        self.write("a-probe.yaml", RULE % code)
        wait_for(lambda: self.status() == [code], what=f"the rule that answers {code}")
        os.unlink(f"{self.config}/a-probe.yaml")
        wait_for(lambda: self.status() == [200], what="the old state again")


@pytest.fixture(scope="module")
def the_agent(make_bed):
    made = Agent(make_bed("hostile.yaml"))
    wait_for(lambda: made.status() == [200], what="traffic")
    return made


@pytest.fixture
def weftd(the_agent):
    """Afterwards: the same weftd and weft-proxy, traffic as before, changes are still followed."""
    before = the_agent.agent.pid(), the_agent.agent.proxy_pids()
    files = set(os.listdir(the_agent.config))
    yield the_agent
    for name in set(os.listdir(the_agent.config)) - files:
        os.unlink(f"{the_agent.config}/{name}")
    assert (the_agent.agent.pid(), the_agent.agent.proxy_pids()) == before
    wait_for(lambda: the_agent.status() == [200], what="traffic as before")
    the_agent.follows(418)
    begin = the_agent.cpu()
    time.sleep(0.5)
    assert the_agent.cpu() - begin < 0.1, "weftd does not come to rest"


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
GOOD = RULE % 200
FILES = {
    "binary": os.urandom(3 << 20),
    "zeros": bytes(1 << 20),
    "ff": b"\xff" * 1000,
    "alias bomb": BOMB,
    "alias bomb in a rule": GOOD + BOMB.replace("\n", "\n  "),
    "recursive alias": "a: &a [*a]\n",
    "recursive map": "&a {*a: *a}\n",
    "deep flow": "[" * 200000,
    "deep maps": "{a: " * 100000,
    "deep blocks": "".join(" " * i + "a:\n" for i in range(2000)),
    "deep dashes": "- " * 100000,
    "long scalar": "a: " + "x" * (20 << 20),
    "long key": "? " + "x" * (5 << 20) + "\n: 1",
    "many documents": "---\n" * 50000,
    "many documents of nothing": "--- {}\n" * 20000,
    "many nodes": "a: [" + "1," * 1500000 + "1]",
    "too many nodes": "a: [" + "1," * 3000000 + "1]",
    "tags": "!!python/object/apply:os.system [reboot]\n",
    "merge keys": "a: &a {x: 1}\nb: {<<: *a, <<: *a}\n",
    "directives": "%YAML 9.9\n---\na: 1\n",
    "tabs": "\t\ta:\n\tb: 1\n",
    "byte order mark": b"\xff\xfea\0:\0 \0001\0",
    "huge numbers": GOOD.replace("200", "9" * 400),
    "long host": GOOD.replace("[web]", f"[{'x' * 70000}]"),
    "many hosts": GOOD.replace("[web]", str([f"h{i}.example.com" for i in range(3000)])),
    "control characters": "a: \"\\x00\\x01\\e[31m\"\nkind: \"\\e]0;owned\\a\"\n",
    "json": '{"kind": "List", "items": [' + '{"kind": "List", "items": [' * 500,
}


def test_files_that_are_no_config_change_nothing(weftd):
    wrong = {}
    for name, text in FILES.items():
        begin = time.monotonic()
        weftd.write("z-hostile.yaml", text)
        time.sleep(0.1)
        try:
            weftd.answers(within=10)
        except AssertionError as e:
            wrong[name] = str(e)
        if weftd.agent.pid() is None:
            wrong[name] = "weftd has ended"
            break
        if weftd.status() != [200]:
            wrong[name] = "traffic has changed"
        took = time.monotonic() - begin
        if took > 10:
            wrong[name] = f"took {took:.1f} s"
    os.unlink(f"{weftd.config}/z-hostile.yaml")
    assert wrong == {}, "\n".join(f"{k}: {v}" for k, v in wrong.items())
    wait_for(lambda: weftd.rss_mb() < 80, what=f"memory given back: {weftd.rss_mb():.0f} MB")


def test_a_file_above_the_limit_is_not_read(weftd):
    with open(f"{weftd.config}/z-huge.yaml", "wb") as f:
        f.truncate(1 << 40)
    weftd.answers()
    assert weftd.status() == [200] and weftd.rss_mb() < 100


def test_things_in_the_folder_that_are_no_files_do_no_harm(weftd):
    at = f"{weftd.config}/z-"
    os.mkfifo(f"{at}fifo.yaml")
    os.symlink("/dev/zero", f"{at}zero.yaml")
    os.symlink("/dev/random", f"{at}random.yaml")
    os.symlink("/nowhere", f"{at}dangling.yaml")
    os.symlink("z-loop.yaml", f"{at}loop.yaml")
    os.symlink(".", f"{at}here")
    os.symlink("/proc", f"{at}proc")
    os.symlink("/proc/self/mem", f"{at}mem.yaml")
    os.mknod(f"{at}console.yaml", 0o20600, os.makedev(5, 1))
    s = socket.socket(socket.AF_UNIX)
    s.bind(f"{at}socket.yaml")
    time.sleep(0.3)
    weftd.answers()
    weftd.follows(418)
    s.close()


def test_a_symlink_as_a_kubernetes_volume_makes_it_is_followed(weftd):
    """..data points to a folder that is replaced by rename, the file points through it."""
    top = weftd.config
    for n, code in ((1, 418), (2, 403)):
        os.mkdir(f"{top}/..v{n}")
        with open(f"{top}/..v{n}/rule.yaml", "w", encoding="utf-8") as f:
            f.write(RULE % code)
    try:
        os.symlink("..v1", f"{top}/..data")
        os.symlink("..data/rule.yaml", f"{top}/a-rule.yaml")
        wait_for(lambda: weftd.status() == [418], what="the first version")
        os.symlink("..v2", f"{top}/..tmp")
        os.rename(f"{top}/..tmp", f"{top}/..data")
        wait_for(lambda: weftd.status() == [403], what="the second version")
    finally:
        for name in ("a-rule.yaml", "..data"):
            os.unlink(f"{top}/{name}")
        shutil.rmtree(f"{top}/..v1")
        shutil.rmtree(f"{top}/..v2")
    wait_for(lambda: weftd.status() == [200], what="the old state")


def tiny(folder, count):
    for i in range(count):
        with open(f"{folder}/z-{i}.yaml", "w", encoding="utf-8") as f:
            f.write(f"# {i}\n" if i % 2 else "kind: [\n")


def test_10_000_tiny_files_come_and_go(weftd):
    """1,000 one after the other, 10,000 at once by the rename of their folder."""
    tiny(weftd.config, 1000)
    weftd.answers()
    weftd.follows(418)
    for i in range(1000):
        os.unlink(f"{weftd.config}/z-{i}.yaml")
    hidden, shown = f"{weftd.config}/.z-many", f"{weftd.config}/z-many"
    os.mkdir(hidden)
    tiny(hidden, 10000)
    os.rename(hidden, shown)
    weftd.follows(418)
    os.rename(shown, hidden)
    weftd.follows(403)
    shutil.rmtree(hidden)


def test_a_file_that_changes_while_it_is_read_never_takes_effect_by_half(weftd):
    """A rule is rewritten in place all the time: it is in force, in one of its versions."""
    stop = threading.Event()
    texts = [(RULE % 418 + "#" + "x" * n + "\n").encode() for n in (0, 50, 5000)]
    start = texts[0].index(b"spec:")  # whose it is stays to be seen
    weftd.write("a-rule.yaml", RULE % 418)
    wait_for(lambda: weftd.status() == [418], what="the rule")

    def rewrite():
        n = 0
        while not stop.is_set():
            n += 1
            with open(f"{weftd.config}/a-rule.yaml", "r+b", buffering=0) as f:
                f.truncate(start)
                f.seek(start)
                for at in range(start, len(texts[n % 3]), 40):
                    f.write(texts[n % 3][at:at + 40])
    writer = threading.Thread(target=rewrite)
    writer.start()
    end, seen = time.monotonic() + 2, set()
    while time.monotonic() < end:
        seen.update(weftd.status())
        weftd.answers()
    stop.set()
    writer.join()
    assert seen == {418}, "the last valid version stays in force"
    os.unlink(f"{weftd.config}/a-rule.yaml")
    wait_for(lambda: weftd.status() == [200], what="the old state")


def test_a_folder_that_is_moved_away_and_comes_back_is_followed_again(weftd):
    aside = f"{weftd.config}.aside"
    os.rename(weftd.config, aside)
    time.sleep(0.5)
    weftd.answers()
    assert weftd.status() == [200], "a folder that is not there is no order to forget everything"
    os.mkdir(weftd.config)  # an empty one is
    wait_for(lambda: weftd.served() == [], what="nothing is served")
    os.rmdir(weftd.config)
    os.rename(aside, weftd.config)
    wait_for(lambda: weftd.served() == [200], what="traffic with the folder back")
    wait_for(lambda: not weftd.bed.not_enrolled(), what="every pod enrolled again")


def ask(weftd, data, timeout=3.0):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    s.connect(f"{weftd.agent.dir}/weft.sock")
    s.sendall(data)
    return s


def test_garbage_on_the_control_socket_is_answered_or_dropped(weftd):
    for data in (b"\n", b"\0\n", b"x" * 511 + b"\n", b"x" * 100000, b"status \0 \xff\n", b" \n",
                 os.urandom(200) + b"\n", b"status" + b" " * 400 + b"\n", b"status\nstatus\n",
                 b"image\n", b"routes " + b"x" * 400 + b"\n", b"metrics \x1b[31m\n"):
        try:
            s = ask(weftd, data)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            continue
        read_all(s, 3)
        s.close()
    weftd.answers()


def test_clients_that_hold_the_control_socket_do_not_stop_weftd(weftd):
    held = []
    for i in range(200):
        try:
            held.append(ask(weftd, (b"", b"sta", b"connections\n", b"metrics\n")[i % 4]))
        except OSError:
            break
    assert weftd.status() == [200]
    weftd.write("a-probe.yaml", RULE % 418)
    wait_for(lambda: weftd.status() == [418], timeout=3, what="changes are followed meanwhile")
    os.unlink(f"{weftd.config}/a-probe.yaml")
    for s in held:
        s.close()
    wait_for(lambda: weftd.agent.ask("status"), what="an answer")
    fds = os.listdir(f"/proc/{weftd.agent.pid()}/fd")
    assert len(fds) < 150
    # and the CLI says something when the socket is full or gone
    done = subprocess.run([program("weft"), "status", "--run", "/nowhere"], capture_output=True,
                          text=True, check=False)
    assert done.returncode != 0 and "/nowhere" in done.stderr

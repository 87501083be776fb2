# SPDX-License-Identifier: Apache-2.0
"""Commands, the address tool in batches, and where things are."""
import os
import subprocess

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class BedError(Exception):
    """Something that the user can act on; the text is all there is to say."""


def build_dir():
    return os.path.abspath(os.environ.get("WEFT_BUILD") or os.path.join(REPO, "build"))


def program(name):
    path = os.path.join(build_dir(), name)
    if not os.access(path, os.X_OK):
        raise BedError(f"{path} is missing: run `make`, or set WEFT_BUILD")
    return path


def run(argv, data=None, check=True):
    """Runs a short command; its standard error becomes the message when it fails."""
    done = subprocess.run(argv, input=data, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        why = done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}"
        raise BedError(f"{' '.join(argv)}: {why}")
    return done


def ip_batch(netns, lines):
    """Many `ip` commands in one process; the first that fails ends it."""
    run(["ip", "-n", netns, "-batch", "-"], data="\n".join(lines) + "\n")


def in_netns(netns, argv):
    """argv for the namespace's network alone: /sys and /etc stay the host's."""
    return ["nsenter", f"--net=/run/netns/{netns}", *argv]


def set_sysctls(netns, settings):
    run(in_netns(netns, ["sysctl", "-q", "-w", *settings]))


def write_atomic(path, text):
    """Readers see the old content or the new, never a part."""
    tmp = f"{os.path.dirname(path)}/.{os.path.basename(path)}.new"
    with open(tmp, "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(tmp, path)

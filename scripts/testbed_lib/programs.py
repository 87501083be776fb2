# SPDX-License-Identifier: Apache-2.0
"""Builds the small C programs that pods run: DIR/*.c → $WEFT_BUILD/DIR/*, when they are older."""
import glob
import os

from .shell import REPO, build_dir, run

DIRS = ["examples/bookinfo", "tests/e2e/programs"]


def build():
    for folder in DIRS:
        out = os.path.join(build_dir(), folder)
        for source in glob.glob(f"{REPO}/{folder}/*.c"):
            target = os.path.join(out, os.path.basename(source)[:-2])
            if os.path.exists(target) and os.path.getmtime(target) > os.path.getmtime(source):
                continue
            os.makedirs(out, exist_ok=True)
            # Built beside and renamed: a running copy keeps its file.
            run([os.environ.get("CC", "gcc"), "-std=gnu11", "-O2", "-g", "-Wall", "-Wextra",
                 "-Werror", "-D_GNU_SOURCE", "-o", f"{target}.new", source, "-lpthread"])
            os.rename(f"{target}.new", target)

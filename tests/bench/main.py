# SPDX-License-Identifier: Apache-2.0
"""scripts/bench: the variants side by side, round by round."""
import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile

from testbed_lib.shell import BedError

from . import chart, cpu, figures, profiler, report
from .load import WORKLOADS, timed
from .variants import ALL, MESH_PROGRAMS, WrongPath

FULL = {"rounds": 7, "seconds": 3}
QUICK = {"rounds": 5, "seconds": 1}
NOT_QUICK = ("kube-proxy",)
GOAL_AT = ("keepalive", 32)


def arguments(argv):
    p = argparse.ArgumentParser(
        prog="bench", description="Requests per second, latency, CPU and memory of weft, of plain "
        "forwarding and of the usual sidecars; all interleaved on this machine.")
    p.add_argument("--quick", action="store_true", help="about three minutes")
    p.add_argument("--json", metavar="FILE", help="write the figures as JSON")
    p.add_argument("--markdown", metavar="FILE", help="write the table as Markdown")
    p.add_argument("--svg", metavar="FILE", help="write the chart")
    p.add_argument("--rounds", type=int, metavar="N")
    p.add_argument("--seconds", type=int, metavar="S", help="length of one run")
    p.add_argument("--only", metavar="VARIANT,…", help="of " + ", ".join(ALL))
    p.add_argument("--workloads", metavar="NAME[:CLIENTS],…",
                   help="of " + ", ".join(f"{w.name}:{w.clients}" for w in WORKLOADS))
    p.add_argument("--threads", type=int, default=os.cpu_count(), metavar="N",
                   help="threads of each HAProxy and workers of weft-proxy (default: the cores)")
    p.add_argument("--profile", metavar="VARIANT", help="where the time of one variant goes")
    p.add_argument("--render", metavar="JSON", help="only write table and chart of earlier figures")
    args = p.parse_args(argv)
    length = QUICK if args.quick else FULL
    args.rounds = args.rounds or length["rounds"]
    args.seconds = args.seconds or length["seconds"]
    args.variants = chosen(p, args.profile or args.only)
    if args.quick and not args.only:
        args.variants = [v for v in args.variants if v not in NOT_QUICK]
    args.workloads = chosen_workloads(p, args.workloads)
    return args


def chosen(parser, text):
    names = text.split(",") if text else list(ALL)
    for name in names:
        if name not in ALL:
            parser.error(f"'{name}' is no variant; there is {', '.join(ALL)}")
    return [name for name in ALL if name in names]


def chosen_workloads(parser, text):
    if not text:
        return list(WORKLOADS)
    found = []
    for word in text.split(","):
        name, _, clients = word.partition(":")
        match = [w for w in WORKLOADS if w.name == name and clients in ("", str(w.clients))]
        if not match:
            parser.error(f"'{word}' is no workload")
        found += match
    return found


def say(text):
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def beds(names, threads):
    """The variants, up and proved; whatever happens, nothing of them is left."""
    folder = tempfile.mkdtemp(prefix="weft-bench-")
    os.chmod(folder, 0o755)
    variants = []
    try:
        for i, name in enumerate(names):
            say(f"bench: setting up {name}")
            variant = ALL[name](f"bench{os.getpid()}v{i}", folder, threads)
            variants.append(variant)
            variant.up()
            variant.check()
        yield variants
    finally:
        # A second Ctrl-C must not stop half-way.
        for sig in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sig, signal.SIG_IGN)
        for variant in variants:
            variant.down()
        shutil.rmtree(folder, ignore_errors=True)


def measure(variants, workloads, rounds, seconds):
    """{(variant, workload, clients): {round: sample}}, {same key: {name: kB}}."""
    samples, memory = {}, {}
    for number in range(rounds):
        say(f"bench: round {number + 1} of {rounds}")
        for workload in workloads:
            for variant in variants:
                key = (variant.name, *workload.key)
                samples.setdefault(key, {})[number] = timed(variant, workload, seconds)
                rss = cpu.rss_kb(variant.pids())
                memory[key] = {n: kb for n, kb in rss.items() if n in MESH_PROGRAMS}
    return samples, memory


def build_document(args, samples, memory, idle):
    rows = []
    for workload in args.workloads:
        for name in args.variants:
            key = (name, *workload.key)
            rows.append(figures.row(*key, samples[key],
                                    samples.get(("direct", *workload.key), {}), memory[key]))
    return {
        "machine": report.machine(),
        "method": {"rounds": args.rounds, "seconds": args.seconds, "threads": args.threads,
                   "idle_before": round(idle, 3)},
        "rows": rows,
        "goals": report.verdicts(lambda a, b, field: figures.ratio_between(
            samples, a, b, GOAL_AT, field)),
    }


def publish(args, document):
    print(report.table(document["rows"]))
    print(f"\n{document['machine']['line']}")
    for goal in document["goals"]:
        print(f"{'met   ' if goal['met'] else 'MISSED'} {goal['goal']}: {goal['value']:.2f}")
    for path, content in ((args.json, json.dumps(document, indent=1, ensure_ascii=False) + "\n"),
                          (args.markdown, report.markdown(document)),
                          (args.svg, chart.render(document))):
        if path:
            os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(content)


def bench(args):
    idle = cpu.idle_share()
    if idle < 0.9:
        say(f"bench: the machine is {100 * (1 - idle):.0f}% busy with something else: "
            "trust ratios, not figures")
    with beds(args.variants, args.threads) as variants:
        if args.profile:
            print(profiler.profile(variants[0], args.seconds))
            return
        samples, memory = measure(variants, args.workloads, args.rounds, args.seconds)
    publish(args, build_document(args, samples, memory, idle))


def stop(signum, _frame):
    raise KeyboardInterrupt(f"signal {signum}")


def main(argv=None):
    args = arguments(argv)
    if args.render:
        with open(args.render, encoding="utf-8") as f:
            publish(args, json.load(f))
        return 0
    if os.geteuid() != 0:
        say("bench: needs root (network namespaces)")
        return 2
    signal.signal(signal.SIGTERM, stop)
    try:
        bench(args)
    except KeyboardInterrupt:
        say("bench: interrupted")
        return 130
    except (BedError, WrongPath, RuntimeError, ValueError) as e:
        say(f"bench: {e}")
        return 1
    return 0

# SPDX-License-Identifier: Apache-2.0
"""The commands of scripts/testbed."""
import argparse
import os
import shlex
import sys

from . import figures, nodes, pods, processes, programs, teardown
from .bed import Bed
from .shell import BedError, build_dir, in_netns, program

DEFAULT_RUN = "tb"


def up(args):
    programs.build()
    weftd_args = shlex.split(args.weftd_args)
    if args.access_log:
        weftd_args += ["--access-log", args.access_log]
    if not args.no_mesh:
        program("weftd")  # says what is missing before anything is made
    bed = Bed.create(args.name, args.nodes, not args.no_mesh, weftd_args)
    try:
        bed.apply(args.paths)
    except BaseException:
        print(f"testbed: left for a look; scripts/testbed down --name {args.name} removes it",
              file=sys.stderr)
        raise
    mesh = "no mesh"
    if bed.store.mesh:
        mesh = f"{sum(figures.enrolled(bed, n) for n in bed.store.nodes)} enrolled"
    print(f"testbed {bed.run_id}: {len(bed.store.nodes)} node(s), {len(bed.store.pods)} pods, "
          f"{mesh}")


def apply(args):
    programs.build()
    Bed.load(args.name).apply(args.paths)


def delete(args):
    Bed.load(args.name).delete(args.paths)


def exec_(args):
    bed = Bed.load(args.name)
    argv = bed.exec_argv(args.pod, args.command)
    os.execvpe(argv[0], argv, bed.exec_env(args.pod))


def node(args):
    bed = Bed.load(args.name)
    agent = bed.agent(args.node)
    env = processes.environment(WEFT_RUN=agent.dir)
    env["PATH"] = f"{build_dir()}:{env['PATH']}"
    argv = in_netns(agent.netns, args.command)
    os.execvpe(argv[0], argv, env)


def list_(args):
    found = teardown.runs()
    if not found:
        print("no testbed is up")
    for run_id in found:
        try:
            _show(Bed.load(run_id))
        except BedError:
            print(f"{run_id}: remains of a testbed; `scripts/testbed down --name {run_id}`")


def _show(bed):
    for name in bed.store.nodes:
        pid = bed.agent(name).pid()
        mesh = f"weftd {pid}" if pid else "weftd not running" if bed.store.mesh else "no mesh"
        print(f"{bed.run_id}: {name}, {mesh}, {nodes.netns_of(bed.run_id, name)}")
    if bed.store.pods:
        print(f"  {'POD':36} {'NODE':8} {'IP':16} {'IPV6':26} STATE")
    for key, pod in bed.store.pods.items():
        print(f"  {key:36} {pod['node']:8} {pod['ips'][0]:16} {pod['ips'][1]:26} "
              f"{pods.state(pod)}")


def down(args):
    for run_id in teardown.runs() if args.all else [args.name]:
        teardown.down(run_id)


def parser():
    top = argparse.ArgumentParser(
        prog="testbed", description="Nodes and pods out of network namespaces, from manifests.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name, function, text):
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(function=function)
        sub.add_argument("--name", default=DEFAULT_RUN, metavar="RUN",
                         help="which testbed (default: %(default)s)")
        return sub

    sub = command("up", up, "makes a testbed; returns when every pod runs and is enrolled")
    sub.add_argument("paths", nargs="+", metavar="DIR|FILE")
    sub.add_argument("--nodes", type=int, default=1)
    sub.add_argument("--no-mesh", action="store_true", help="no weftd: plain forwarding")
    sub.add_argument("--access-log", choices=["off", "text", "json"])
    sub.add_argument("--weftd-args", default="", help="more arguments for every weftd")
    for name, function, text in [("apply", apply, "takes over new or changed manifests"),
                                 ("delete", delete, "removes the objects of manifests")]:
        command(name, function, text).add_argument("paths", nargs="+", metavar="FILE")
    sub = command("exec", exec_, "runs a command in a pod: exec POD -- CMD…")
    sub.add_argument("pod")
    sub.add_argument("command", nargs="+")
    sub = command("node", node, "runs a command on a node (weft finds its weftd): node N -- CMD…")
    sub.add_argument("node")
    sub.add_argument("command", nargs="+")
    command("list", list_, "shows testbeds, nodes and pods")
    command("down", down, "removes a testbed without trace").add_argument(
        "--all", action="store_true", help="every testbed of this machine")
    return top


def main(argv=None):
    args = parser().parse_args(argv)
    if os.geteuid() != 0:
        print("testbed: needs root (network namespaces)", file=sys.stderr)
        return 2
    try:
        args.function(args)
    except BedError as e:
        print(f"testbed: {e}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    return 0

# SPDX-License-Identifier: Apache-2.0
"""Addresses: pods by node, services by run. Never given twice while the run lives."""
import ipaddress

NODE_NET4 = "192.168.77.0/24"
SERVICE_NET4 = ipaddress.ip_network("10.96.0.0/16")
SERVICE_NET6 = ipaddress.ip_network("fd00:10:96::/112")
GATEWAY4 = "169.254.1.1"
GATEWAY6 = "fe80::1"


def node_addresses(number):
    return f"192.168.77.{number}", f"fd00:192:168:77::{number:x}"


def pod_networks(number):
    return f"10.244.{number}.0/24", f"fd00:10:244:{number:x}::/64"


def pod_addresses(number, index):
    """The index-th pod of a node; .0 and .255 are left alone."""
    if not 1 <= index <= 253:
        raise ValueError(f"a node holds 253 pods, {index} asked for")
    host = index + 1
    return f"10.244.{number}.{host}", f"fd00:10:244:{number:x}::{host:x}"


def service_addresses(index):
    return str(SERVICE_NET4[index]), str(SERVICE_NET6[index])

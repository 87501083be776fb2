# SPDX-License-Identifier: Apache-2.0
"""Nodes and pods out of network namespaces, driven by ordinary manifests.

    from testbed_lib.bed import Bed
    bed = Bed.create("mine", nodes=2)      # mesh=False: no weftd, plain forwarding
    bed.apply(["examples/bookinfo"])       # returns when every pod runs and is enrolled
    bed.exec("productpage", ["curl", "-s", "http://reviews:9080/reviews/0"])
    bed.down()
"""

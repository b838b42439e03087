"""A Ray cluster of two nodes on this machine: `two_nodes.py PORT`, until standard input ends.

PORT is where clients join (`ray://127.0.0.1:PORT`). Each node says that it has two cores, whatever the machine has.
"""

import sys

from ray.cluster_utils import Cluster

CORES = 2


def main() -> None:
    """Starts both, says `ready`, and ends them."""
    head = {"num_cpus": CORES, "ray_client_server_port": int(sys.argv[1]), "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        cluster.add_node(num_cpus=CORES)
        cluster.wait_for_nodes()
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()

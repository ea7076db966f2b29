"""A launcher for Ray, whose jobs have no standard input: runs the command that follows as a task of the cluster.

    launcher = "/opt/ray/bin/python /opt/cnnlab/docs/hosting/ray_launcher.py --gpus 1"

The task connects back to this process, names a secret that came with it, and has that connection as its standard input and output.
Needs `ray` alone, in a Python of the cluster's version. RAY_ADDRESS names the cluster; without it, this machine's is taken.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import subprocess
import sys
import threading
from contextlib import suppress

import ray

CONNECT_SECONDS = 60.0
LOOK_SECONDS = 2.0
PIECE = 65_536


def on_the_node(place: tuple[str, int], secret: bytes, command: list[str]) -> int:
    """Connects back and runs the command; its exit status."""
    with socket.create_connection(place, timeout=CONNECT_SECONDS) as pipe:
        pipe.settimeout(None)
        pipe.sendall(secret)
        return subprocess.run(command, stdin=pipe, stdout=pipe, check=False).returncode  # noqa: S603 - the host's own command


def accepted(server: socket.socket, secret: bytes, task: ray.ObjectRef) -> socket.socket:
    """The connection of our task, once a node is free; others do not know the secret. Raises what the task raised."""
    server.settimeout(LOOK_SECONDS)
    while True:
        try:
            pipe, _ = server.accept()
        except TimeoutError:
            if ray.wait([task], timeout=0)[0]:
                ray.get(task)  # it could not connect
            continue
        pipe.settimeout(CONNECT_SECONDS)
        try:
            found = b""
            while len(found) < len(secret) and (more := pipe.recv(len(secret) - len(found))):
                found += more
            if secrets.compare_digest(found, secret):
                pipe.settimeout(None)
                return pipe
        except OSError:
            pass  # it fell silent
        pipe.close()


def forward(pipe: socket.socket) -> None:
    """What comes on standard input goes to the task; where it ends, the task's input ends."""
    with suppress(ConnectionError):  # the task has ended
        while piece := os.read(sys.stdin.fileno(), PIECE):
            pipe.sendall(piece)
        pipe.shutdown(socket.SHUT_WR)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpus", type=float, default=0, help="GPUs of the task")
    parser.add_argument("--cpus", type=float, default=1, help="cores of the task")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the program and its arguments")
    asked = parser.parse_args()
    ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
    secret = secrets.token_hex(16).encode()
    with socket.create_server(("", 0)) as server:
        place = (ray.util.get_node_ip_address(), server.getsockname()[1])
        remote = ray.remote(num_gpus=asked.gpus, num_cpus=asked.cpus, max_retries=0)(on_the_node)
        task = remote.remote(place, secret, asked.command)
        pipe = accepted(server, secret, task)
    threading.Thread(target=forward, args=(pipe,), daemon=True).start()
    with suppress(ConnectionResetError):  # it ended with input that it had not read
        while piece := pipe.recv(PIECE):
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
    return int(ray.get(task))


if __name__ == "__main__":
    sys.exit(main())

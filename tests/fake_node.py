"""A node without torch: reads the settings, then does what its first argument says. Started by tests in place of a launcher."""

import json
import os
import sys
import threading
import time
from pathlib import Path

HELLO = {"cnnlab": 1, "code": "0.0 (other)", "torch": "1.0", "python": "3.12", "node": "node17", "job": "4711"}


def send(line):
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


def train():
    """Events without end, until it is asked to pause or the pipe is closed."""
    sys.path[:0] = [str(Path(__file__).parent)]
    from made_runs import STARTED, done, progress

    from cnnlab import events

    asked = []

    def listen():
        for line in iter(sys.stdin.readline, ""):
            if "pause" in line:
                asked.append(line)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    send(events.to_dict(STARTED))
    for epoch in range(1, 10_000):
        send(events.to_dict(progress(5 * epoch)))
        send({"file": "last.pt", "at": 0, "data": "", "end": True})
        send(events.to_dict(events.CheckpointSaved("last", epoch, 0.5, 5 * epoch)))
        send(events.to_dict(done(epoch)))
        if asked:
            send(events.to_dict(events.RunPaused(epoch, 5 * epoch, 1.0)))
            return
        time.sleep(0.05)


def main(what):
    if what == "fails":
        sys.stderr.write("srun: error: invalid partition specified: gpu\n")
        sys.exit(1)
    if what == "waits":
        time.sleep(60)
    sys.stdout.write("Welcome to node17!\n")  # a shell's greeting
    send(HELLO if what != "newer" else HELLO | {"cnnlab": 2})
    while "begin" not in json.loads(sys.stdin.readline()):
        pass
    if what == "trains":
        train()
    elif what == "garbles":
        send({"event": "no such event"})
    elif what == "climbs":
        send({"file": "../../escaped", "at": 0, "data": "", "end": True})
    elif what == "refuses":
        send({"error": "DataError", "message": "MNIST is not on this machine.", "temporary": False})
    elif what == "dies":
        os._exit(137)
    time.sleep(60)  # silent


if __name__ == "__main__":
    main(sys.argv[1])

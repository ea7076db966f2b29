"""Stands in for the web process: starts the runs of a plan and polls them until it is killed.

``python -m tests.chaos.visitor --home DIR --plan FILE``; a line of the plan is a token and a configuration. A visitor that
replaces a killed one starts the last runs of the plan again, like a browser that sends its form twice.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError
from cnnlab.lab import Lab

SENT_AGAIN = 3  # forms that a browser may send again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--plan", type=Path, required=True)
    options = parser.parse_args()
    lab = Lab(options.home)
    done = max(0, len(lines(options.plan)) - SENT_AGAIN)
    while True:
        for line in lines(options.plan)[done:]:
            token, settings = json.loads(line)
            try:
                lab.start(RunConfig.make(**settings), token=token)
            except CNNLabError as error:  # the helper was killed: a user would press the button again
                sys.stderr.write(f"{error}\n")
                break
            done += 1
        lab.runs()
        time.sleep(0.2)


def lines(plan: Path) -> list[str]:
    return plan.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    main()

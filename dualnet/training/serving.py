"""How a worker speaks with the process that started it: lines of JSON."""

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

from dualnet.interface import DualnetError

__all__ = ["serve"]


def serve(run: Callable[[dict[str, Any], Callable[..., None], Callable[[], str]], None]) -> None:
    """Do the job that standard input has as its first line, and end.

    Args:
        run: takes the job's values; a function that sends an event by name, with values, to standard output; and one
            that waits for the next line of standard input.  When that closes, whoever started this process is gone,
            and it ends at once.
    """
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a framework prints is no event

    def send(event: str, **values: Any) -> None:
        events.write(json.dumps({"event": event, **values}) + "\n")

    lines: queue.Queue[str] = queue.Queue()
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    try:
        run(job, send, lines.get)
    except DualnetError as error:
        send("error", message=str(error))
        raise SystemExit(1) from None


def _listen(lines: "queue.Queue[str]") -> None:
    for line in sys.stdin:
        lines.put(line.strip())
    os._exit(1)

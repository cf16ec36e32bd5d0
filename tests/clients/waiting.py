"""Waiting for a job's end, and fetching a clip from an address anyone may read."""

import time
import urllib.request

#: A simulated generation takes a few seconds at most.
PATIENCE = 120
PAUSE = 0.3


def until(look, status, good, bad):
    """Looks again and again until the status is `good`; a status in `bad`, or no end, is an error."""
    deadline = time.monotonic() + PATIENCE
    while True:
        seen = look()
        word = status(seen)
        if word == good:
            return seen
        if word in bad:
            raise RuntimeError(f"the job ended as {word!r}: {seen}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"still {word!r} after {PATIENCE} s")
        time.sleep(PAUSE)


def download(url):
    """The bytes, asked for without any key."""
    with urllib.request.urlopen(url, timeout=30) as reply:
        return reply.read()

"""Waiting for a condition instead of sleeping."""

import time


def wait_until(holds, timeout_s=120.0):
    """Return what `holds()` returns as soon as it is true."""
    end = time.monotonic() + timeout_s
    while not (value := holds()):
        if time.monotonic() > end:
            raise TimeoutError("What the test waits for did not happen.")
        time.sleep(0.02)
    return value

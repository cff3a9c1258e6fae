"""Whether a server holds what it is given for long: memory, files, studies.

``python -m benchmarks.soak --bundle B --scans FOLDER --out FILE`` starts ``hierclf
serve``, sends good and bad requests from several threads, and samples meanwhile what
all its processes hold. The JSON has the series, what was answered, what became of
each study, and how fast memory rose after the first minutes.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.footprint import footprint, kept, slope
from benchmarks.serving import Running, server, token_of
from benchmarks.traffic import Traffic, sign_in
from hierclf.assembly.provenance import versions
from hierclf.data.folders import list_scans
from hierclf.foundation.files import write_json

_DRAIN_S = 600
_MOST_SCANS = 100
_WAITING = ("queued", "running")
Sample = dict[str, Any]


def make_traffic(running: Running, scans: Sequence[Path]) -> Traffic:
    """Sign in, and make another account."""
    command = [sys.executable, "-m", "hierclf.serve", "--state", str(running.state)]
    other = [*command, "--create-admin", "other"]
    subprocess.run(other, check=True, capture_output=True)
    status, cookie = sign_in(running.client, "bench", running.password)
    if status != 303:
        raise RuntimeError(f"the sign-in was answered with {status}")
    told = running.client.headers["authorization"].partition(" ")[2]
    tokens = (told, token_of(running.state, "other"))
    return Traffic(str(running.client.base_url), tokens, cookie, list(scans))


def run(
    running: Running,
    traffic: Traffic,
    *,
    seconds: float,
    every_s: float,
    threads: int,
    pause_s: float,
) -> list[Sample]:
    """Send requests and take samples until the time is over."""
    end = threading.Event()

    def send() -> None:
        while not end.wait(random.uniform(0, 2 * pause_s)):  # noqa: S311
            if traffic.once() == 503:
                end.wait(1)

    samples = [sample(running, 0)]
    start = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        senders = [pool.submit(send) for _ in range(threads)]
        try:
            while time.monotonic() - start < seconds:
                time.sleep(every_s)
                samples.append(sample(running, time.monotonic() - start))
        finally:
            end.set()
    for one in senders:
        one.result()  # a defect of this program is told
    return samples


def sample(running: Running, second: float) -> Sample:
    """Look at everything that a server holds."""
    return {
        "second": round(second, 1),
        "held": footprint(running.pid),
        "kept": kept(running.state),
        "load": os.getloadavg()[0],
    }


def outcome(running: Running, traffic: Traffic) -> dict[str, int]:
    """Wait until nothing waits; tell what became of all that was accepted."""
    end = time.monotonic() + _DRAIN_S
    while any(kept(running.state)["studies"].get(one) for one in _WAITING):
        if time.monotonic() > end:
            break
        time.sleep(0.5)
    found: Counter[str] = Counter()
    for study in traffic.studies:
        answer = running.client.get(f"/api/v1/studies/{study}")
        known = answer.status_code == 200
        found[answer.json()["status"] if known else "gone"] += 1
    lost = sum(found[one] for one in (*_WAITING, "gone"))
    told = {"accepted": traffic.n_accepted, "deleted": traffic.n_deleted, "lost": lost}
    return told | {one: found[one] for one in ("done", "rejected", "error")}


def rises(samples: Sequence[Sample], after_s: float) -> dict[str, dict[str, Any]]:
    """Tell by how much each figure rose in an hour, the first minutes left out."""
    later = [one for one in samples if one["second"] >= after_s]
    seconds = [one["second"] for one in later]
    found: dict[str, dict[str, Any]] = {}
    for role in ("all", "server", "worker", "decoder"):
        for name in ("rss", "pss", "files", "threads"):
            values = [one["held"].get(role, {}).get(name, 0) for one in later]
            rise = slope(seconds, values)
            told = None if rise is None else round(rise, 1)
            found.setdefault(role, {})[f"{name} an hour"] = told
    return found


def report(traffic: Traffic, samples: Sequence[Sample], after_s: float) -> Sample:
    """Sum up what was answered and held."""
    by_status: Counter[int] = Counter()
    for (_, status), number in traffic.answers.items():
        by_status[status] += number
    acts = {f"{act} {status}": n for (act, status), n in traffic.answers.items()}
    return {
        "answers": {str(status): by_status[status] for status in sorted(by_status)},
        "defects": sum(n for s, n in by_status.items() if s >= 500 and s != 503),
        "by_act": dict(sorted(acts.items())),
        "rises": rises(samples, after_s),
        "series": list(samples),
    }


def soak(
    bundle: Path, scans: Sequence[Path], *, after_s: float, **told: Any
) -> dict[str, Any]:
    """Run it all."""
    with server(bundle) as running:
        traffic = make_traffic(running, scans)
        try:
            traffic.every()
            samples = run(running, traffic, **told)
            studies = outcome(running, traffic)
            samples.append(sample(running, samples[-1]["second"] + told["every_s"]))
        finally:
            traffic.close()
    return {"studies": studies} | report(traffic, samples, after_s)


def main() -> None:
    """Soak what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--scans", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.4, help="seconds, on average")
    args = parser.parse_args()
    scans = [
        path for one in args.scans for path in islice(list_scans(one), _MOST_SCANS)
    ]
    told = {"seconds": 60 * args.minutes, "every_s": 15.0, "threads": args.threads}
    found = soak(args.bundle, scans, after_s=300, pause_s=args.pause, **told)
    facts = {"versions": versions(), "minutes": args.minutes, "threads": args.threads}
    write_json(args.out, facts | found)
    print({name: found[name] for name in ("studies", "answers", "defects", "rises")})


if __name__ == "__main__":
    main()

"""Whether a kill costs rows: ``kill -9`` of ``hierclf score`` at any moment, resumed.

``python -m benchmarks.kill9 --bundle B --scans FOLDER --work FOLDER --out FILE`` scores
the folder once without a kill. Then it starts the same command with ``--resume`` and
kills its process after a random time, drawn anew each time from that of a whole run,
so also while it imports, reads the bundle or renames its file; until as many kills as
were asked for have hit. Whenever a run comes to its end, the next begins with nothing.
After each kill the rows that are there are compared with those of the whole run, none
that was there before may be missing, and every finished file is compared with the whole
of it, to the byte.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from hierclf.foundation.files import write_json
from hierclf.foundation.progress import Progress
from hierclf.scoring.kept import records

_LONGER = 1.2  # than a whole run: some kills come after the end


def command(bundle: Path, scans: Path, out: Path) -> list[str]:
    """Write the command that is killed; small batches make many moments."""
    told = [sys.executable, "-m", "hierclf.score", "--bundle", str(bundle)]
    told += ["--input", str(scans), "--out", str(out), "--resume"]
    return [*told, "--threads", "1", "--batch-size", "4"]


def whole(told: list[str], out: Path) -> tuple[bytes, float]:
    """Run a command to its end; give what it wrote and how long it took."""
    start = time.monotonic()
    done = subprocess.run(told, check=False, capture_output=True)
    assert done.returncode in {0, 3}, done.stderr.decode()
    return out.read_bytes(), time.monotonic() - start


def killed(told: list[str], seconds: float) -> bool:
    """Start a command and kill it after a while; tell whether that hit it."""
    process = subprocess.Popen(
        told, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL
    assert process.returncode in {0, 3}, said.decode()
    return False


def compare(out: Path, expected: bytes) -> bytes:
    """Compare what a kill left with the whole; give what is there.

    Whole rows are those of the whole run; at the end may be a part of the next.
    """
    part = out.with_name(f"{out.name}.part")
    there = part if part.exists() else out
    content = there.read_bytes() if there.exists() else b""
    assert expected.startswith(content), f"{there}: other bytes than without a kill"
    assert there is part or not content or content == expected, "a torn file"
    return content


def kill_often(
    told: list[str], out: Path, expected: bytes, seconds: float, *, n_kills: int
) -> dict[str, Any]:
    """Kill until it has hit as often as that; each start goes on with what is there."""
    rng = random.Random(0)  # noqa: S311
    left: list[int] = []
    n_finished = n_whole = 0
    with Progress(total=n_kills, desc="kills") as bar:
        while len(left) < n_kills:
            hit = killed(told, rng.uniform(0, _LONGER * seconds))
            content = compare(out, expected)
            assert len(content) >= n_whole, "rows were lost"
            n_whole = max((end for end, _ in records(io.BytesIO(content))), default=0)
            if hit:
                left.append(len(content))
                bar.update()
            if out.exists():
                n_finished += 1
                n_whole = 0
                out.unlink()
    content, _ = whole(told, out)
    assert content == expected
    lines = sorted(content.splitlines(keepends=True))
    assert lines == sorted(set(lines)) == sorted(expected.splitlines(keepends=True))
    return {"kills": len(left), "finished": n_finished, "bytes left": left}


def main() -> None:
    """Kill what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=50)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    first = args.work / "whole.csv"
    expected, seconds = whole(command(args.bundle, args.scans, first), first)
    out = args.work / "killed.csv"
    told = command(args.bundle, args.scans, out)
    found = kill_often(told, out, expected, seconds, n_kills=args.kills)
    found |= {"seconds of a whole run": round(seconds, 1), "bytes": len(expected)}
    write_json(args.out, found)
    print(found)


if __name__ == "__main__":
    main()

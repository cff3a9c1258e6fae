"""What costs grow with: files, classes, rows and columns of learners, cut points.

Each is measured at sizes that grow, and the slope of the line through the logarithms
tells the power: 1 where twice as much takes twice as long.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.material import write_scans
from hierclf.cascade.curve import sweep
from hierclf.cascade.curve_interval import bootstrap_curve
from hierclf.cascade.cut_point import choose_cut_point, parse_rule
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.metalearners.search import MetaLearner

Point = dict[str, Any]
_RULE = parse_rule("macro_recall")


def power(sizes: Sequence[float], seconds: Sequence[float]) -> float | None:
    """Fit the power by which seconds grow; None from fewer than two sizes.

    Examples
    --------
    >>> round(power([1, 10, 100], [2, 20, 200]), 3)
    1.0
    """
    if len(set(sizes)) < 2:
        return None
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def seconds_of(work: Callable[..., object], *told: Any, **named: Any) -> float:
    """Time one call with these arguments."""
    start = time.perf_counter()
    work(*told, **named)
    return time.perf_counter() - start


def by_files(bundle: Path, folder: Path, numbers: Sequence[int], runtime: str) -> Point:
    """Time the whole command on more and more files: of its start, and of a file."""
    points = []
    for number in numbers:
        scans = write_scans(folder / f"files-{number}", number, first=300_000)
        out = folder / f"files-{number}.csv"
        told = [sys.executable, "-m", "hierclf.score", "--bundle", str(bundle)]
        told += ["--input", str(scans), "--out", str(out), "--overwrite"]
        told += ["--runtime", runtime]
        spent = seconds_of(subprocess.run, told, check=True, capture_output=True)
        points.append({"files": number, "seconds": spent})
    sizes, seconds = ([p[k] for p in points] for k in ("files", "seconds"))
    slope, start = np.polyfit(sizes, seconds, 1)
    line = {"seconds of a file": float(slope), "seconds of the start": float(start)}
    return {"points": points, **line}


def predictions(
    n: int, n_classes: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Draw truth, scores and refined positions of scans."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, n_classes, n)
    scores = np.clip(rng.normal(0.3 + 0.4 * (truth > 0), 0.2), 0, 1)
    return truth, scores, rng.integers(1, n_classes, n)


def by_cases(numbers: Sequence[int], n_classes: int = 4) -> dict[str, Any]:
    """Time a sweep with the choice of a cut point, and its interval."""
    points = []
    for number in numbers:
        told = predictions(number, n_classes)
        chosen = {
            f"{name}, s": seconds_of(_chosen, told, n_classes, name)
            for name in ("grid", "all")
        }
        interval = seconds_of(_interval, told, n_classes)
        points.append({"n": number, **chosen, "100 resamples, s": interval})
    return {"points": points, "powers": _powers(points, "n")}


def _interval(told: Any, n_classes: int) -> object:
    drawn = {"groups": None, "rule": _RULE, "n_resamples": 100}
    return bootstrap_curve(*told, n_classes=n_classes, **drawn)


def _chosen(told: Any, n_classes: int, points: Any) -> object:
    curve = sweep(*told, n_classes=n_classes, points=points)
    return choose_cut_point(curve, _RULE)


def _powers(points: Sequence[Point], size: str) -> dict[str, float | None]:
    names = [name for name in points[0] if name != size]
    sizes = [p[size] for p in points]
    return {name: power(sizes, [p[name] for p in points]) for name in names}


def by_classes(numbers: Sequence[int], n_features: int = 1280) -> dict[str, Any]:
    """Time decisions on features of 1,000 scans, and a sweep of 20,000 cases."""
    points = []
    for number in numbers:
        rng = np.random.default_rng(0)
        labels = np.arange(20 * number) % number
        table = rng.normal(size=(len(labels), n_features)) + labels[:, None] / number
        cascade = HierarchicalClassifier(cut_point=0.5).fit(table, labels)
        scans = rng.normal(size=(1000, n_features))
        told = predictions(20_000, number)
        decided = min(seconds_of(cascade.decide, scans) for _ in range(3))
        chosen = {
            f"{name}, s": seconds_of(_chosen, told, number, name)
            for name in ("grid", "all")
        }
        points.append({"classes": number, "decide, s": decided, **chosen})
    return {"points": points, "powers": _powers(points, "classes")}


def by_rows_and_columns(
    shapes: Sequence[tuple[int, int]], learners: Sequence[str]
) -> list[Point]:
    """Time the whole fit of learners: parameters, folds and calibration included."""
    return [
        {"learner": name, "n": n, "d": d, "seconds": _fit_s(name, n, d)}
        for name in learners
        for n, d in shapes
    ]


def _fit_s(name: str, n: int, d: int) -> float:
    rng = np.random.default_rng(0)
    labels = rng.choice(4, n, p=(0.1, 0.75, 0.12, 0.03))
    labels[:4] = range(4)
    table = rng.normal(size=(n, d))
    table[:, :4] += 0.7 * labels[:, None]
    return seconds_of(lambda: MetaLearner(learner=name).fit(table, labels))


def learner_powers(points: Sequence[Point]) -> dict[str, float | None]:
    """Fit the power in n at each d, and in d at each n."""
    found: dict[str, float | None] = {}
    for fixed, grows in (("d", "n"), ("n", "d")):
        for name, value in sorted({(p["learner"], p[fixed]) for p in points}):
            line = [p for p in points if (p["learner"], p[fixed]) == (name, value)]
            fit = power([p[grows] for p in line], [p["seconds"] for p in line])
            found[f"{name}: in {grows} at {fixed} = {value}"] = fit
    return {name: value for name, value in found.items() if value is not None}

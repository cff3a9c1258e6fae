"""Whether calibration, deferral and the input gate keep what they promise.

``python -m experiments.guards --data FOLDER --out FOLDER`` where the first folder holds
``kermany``, ``knee_oa``, ``covid_ct`` and ``sars_cov2_ct``. Each set is cut into five
folds by patient; cascade and guards are fitted on four and asked about the fifth.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from hierclf.assembly.provenance import versions
from hierclf.cascade.calibrators import TINY, calibrated, fit_calibrators
from hierclf.cascade.decisions import Decisions
from hierclf.cascade.guards import Guards, fit_guards
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.stages import ask_stages
from hierclf.data.dataset import DataOptions, read_dataset
from hierclf.data.split import patient_folds
from hierclf.features.readers import readers_of
from hierclf.features.scope import ALTERATIONS
from hierclf.foundation.files import write_json
from hierclf.loading.scans import FrameReader
from hierclf.problem.labels import hierarchy_of
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions

SETS: dict[str, dict[str, Any]] = {
    "covid_ct": {"healthy": "non_covid"},
    "knee_oa": {"healthy": "kl0", "stages": ("kl1", "kl2", "kl3", "kl4")},
    "sars_cov2_ct": {"healthy": "non_covid"},
    "kermany": {"healthy": "normal"},
}
METHODS = ("none", "temperature", "platt", "isotonic")
RULES = ("error<=0.02", "error<=0.05", "error<=0.1", "error<=0.2")
SETS_OF = ("coverage>=0.8", "coverage>=0.9", "coverage>=0.95")
OTHERS = {"mirrored": lambda scan: scan[:, ::-1].copy(), **ALTERATIONS}
N_OTHERS = 120


def measure(name: str, told: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Measure everything on one set."""
    dataset = read_dataset(DataOptions(data=told.data / name))
    manifest, labels = dataset.manifest, dataset.manifest["label"].to_numpy()
    patients = manifest["patient_id"].to_numpy()
    hierarchy = hierarchy_of(labels, SETS[name]["healthy"], SETS[name].get("stages"))
    network = NetworkClassifier(NetworkOptions(views="center"), cache=told.cache)
    found: dict[str, list[Any]] = {}
    for train, test in patient_folds(labels, patients, n_folds=5, seed=seed):
        cascade = HierarchicalClassifier(
            network,
            network,
            healthy=hierarchy.healthy,
            stages=hierarchy.diseased,
            cut_point="macro_recall",
            adjustment="tuned",
            seed=seed,
        )
        seen, unseen = manifest.iloc[train], manifest.iloc[test]
        cascade.fit(seen, labels[train])
        truth = np.asarray(hierarchy.positions(labels[test].tolist()))
        for key, rows in _of_fold(cascade, seen, unseen, truth, seed, told).items():
            found.setdefault(key, []).append(rows)
    whole = {key: np.concatenate(rows) for key, rows in found.items()}
    about = {
        "data": name,
        "fingerprint": dataset.fingerprint,
        "seed": seed,
        "n_scans": len(manifest),
        "n_patients": int(manifest["patient_id"].nunique()),
        "has_patients": dataset.has_patients,
    }
    return about | _figures(whole)


def with_calibration(
    cascade: HierarchicalClassifier, method: Any
) -> HierarchicalClassifier:
    """Calibrate a fitted cascade; its cut point moves along with the scores."""
    other, held = copy.copy(cascade), cascade.held_out_
    if held is None:
        raise ValueError("no scan was held out")
    raw = (held.screen_score, held.uncalibrated)
    other.calibrators_ = fit_calibrators(method, held.truth, *raw)
    score, conditional = calibrated(other.calibrators_, *raw)
    other.held_out_ = replace(held, screen_score=score, conditional=conditional)
    if other.calibrators_[0] is not None:
        cut = other.calibrators_[0].of_positive(np.array([cascade.cut_point_]))
        other.cut_point_ = float(cut[0])
    return other


def _of_fold(
    cascade: HierarchicalClassifier,
    seen: pd.DataFrame,
    unseen: pd.DataFrame,
    truth: Any,
    seed: int,
    told: argparse.Namespace,
) -> dict[str, Any]:
    rows: dict[str, Any] = {"truth": truth}
    said: dict[str, Decisions] = {}
    for method in METHODS:
        other = with_calibration(cascade, method)
        answers = ask_stages(other.screen_, other.refine_, other.hierarchy_, unseen)
        rows["raw"] = answers.diseased
        said[method] = other.decide(unseen)
        rows[f"p {method}"] = said[method].probabilities
        rows[f"decided {method}"] = said[method].decided
    platt = with_calibration(cascade, "platt")
    options = {"false_alarm": 0.01, "seed": seed}
    for rule in (*RULES, *SETS_OF):
        guards = fit_guards(platt, seen, deferral=rule, **options | {"false_alarm": 0})
        told_of = guards.look(platt, unseen, said["platt"])
        rows[f"passes {rule}"] = told_of.action == "accept"
        if told_of.sets is not None:
            rows[f"sets {rule}"] = told_of.sets
    gate = fit_guards(platt, seen, deferral="none", **options)
    rows["scope"] = gate.look(platt, unseen, said["platt"]).scope
    for name, scans in _others(cascade, unseen, seed, told):
        rows[f"scope of {name}"] = _scope(gate, platt, scans)
    return rows


def _scope(gate: Guards, cascade: HierarchicalClassifier, scans: Any) -> Any:
    return gate.look(cascade, scans, cascade.decide(scans)).scope


def _others(
    cascade: HierarchicalClassifier,
    unseen: pd.DataFrame,
    seed: int,
    told: argparse.Namespace,
) -> Iterator[tuple[str, Any]]:
    """Give scans that the gate should tell from those of the set."""
    side = readers_of(cascade.screen_)[0].frame_side
    some = unseen.sample(N_OTHERS // 5, random_state=seed)
    frames = list(FrameReader(side).read_all(some))
    for name, change in OTHERS.items():
        yield name, [change(frame) for frame in frames]
    rng = np.random.default_rng(seed)
    yield "noise", list(rng.random((len(frames), side, side), dtype=np.float32))
    own = Path(unseen["path"].iloc[0])
    for name in SETS:
        folder = (told.data / name).resolve()
        if folder not in own.resolve().parents:
            others = read_dataset(DataOptions(data=folder)).manifest
            yield name, others.sample(N_OTHERS, random_state=seed)


def _figures(rows: dict[str, Any]) -> dict[str, Any]:
    truth = rows["truth"]
    ill = (truth > 0).astype(int)
    calibration = {}
    for method in METHODS:
        table = np.clip(rows[f"p {method}"], TINY, 1)
        score = np.clip(1 - rows[f"p {method}"][:, 0], TINY, 1 - TINY)
        odds = np.log(score / (1 - score))[:, None]
        line = LogisticRegression(C=np.inf).fit(odds, ill)
        calibration[method] = {
            "screen log loss": log_loss(ill, score),
            "screen Brier": brier_score_loss(ill, score),
            "screen slope": float(line.coef_[0, 0]),
            "log loss of all labels": log_loss(
                truth, table / table.sum(axis=1, keepdims=True)
            ),
            "decisions changed": float(
                (rows[f"decided {method}"] != rows["decided none"]).mean()
            ),
        }
    wrong = rows["decided platt"] != truth
    deferral: dict[str, Any] = {"wrong of all": float(wrong.mean())}
    for rule in (*RULES, *SETS_OF):
        passes = rows[f"passes {rule}"]
        told = {"passed": float(passes.mean())}
        told["wrong of these"] = float(wrong[passes].mean()) if passes.any() else None
        if rule in SETS_OF:
            sets = rows[f"sets {rule}"]
            held = sets[np.arange(len(truth)), truth]
            told["covered"] = [float(held[truth == k].mean()) for k in np.unique(truth)]
            told["size"] = float(sets.sum(axis=1).mean())
        deferral[rule] = told
    base = rows["scope"]
    gate = {"false alarms": float((base > 0).mean())}
    for key, scores in rows.items():
        if key.startswith("scope of "):
            both = np.concatenate([base, scores])
            label = np.repeat([0, 1], [len(base), len(scores)])
            gate[key] = {
                "AUC": float(roc_auc_score(label, both)),
                "found": float((scores > 0).mean()),
            }
    return {"calibration": calibration, "deferral": deferral, "gate": gate}


def main() -> None:
    """Run the experiment."""
    parser = argparse.ArgumentParser(prog="experiments.guards")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--sets", default=",".join(SETS))
    told = parser.parse_args()
    told.out.mkdir(parents=True, exist_ok=True)
    for name in told.sets.split(","):
        for seed in range(told.seeds):
            place = told.out / f"{name}-{seed}.json"
            if not place.exists():
                figures = measure(name, told, seed)
                write_json(place, {"versions": versions(), **figures})
            print(place, flush=True)


if __name__ == "__main__":
    main()

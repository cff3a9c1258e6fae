"""A run with all its figures, made of random predictions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html.parser import HTMLParser

import numpy as np
import pytest

from hierclf.cascade.curve import SweepCurve, sweep
from hierclf.cascade.curve_interval import CurveInterval, bootstrap_curve
from hierclf.cascade.cut_point import CutPointChoice, choose_cut_point, parse_rule
from hierclf.evaluation.bands import precision_recall_band, roc_band
from hierclf.evaluation.comparison import paired
from hierclf.evaluation.net_benefit import net_benefit_curve
from hierclf.evaluation.patients import by_patient
from hierclf.evaluation.predictions import Predictions, predictions_of
from hierclf.evaluation.subgroups import by_subgroup
from hierclf.evaluation.summary import evaluate
from hierclf.results.cut_point import cut_point_figures
from hierclf.results.data import DataFigures, PartFigures, UnreadableScan
from hierclf.results.run import Mistake, RunResults, ScreenCurves
from hierclf.training.history import Epoch

LABELS = ("healthy", "stage 1", "stage 2", "stage 3")
N_PATIENTS = 190
N_RESAMPLES = 200


@dataclass(frozen=True)
class Sample:
    """Random predictions and everything that was made of them."""

    said: Predictions
    curve: SweepCurve
    interval: CurveInterval
    choice: CutPointChoice
    results: RunResults


def draw_scans(rng):
    severity = rng.choice(4, size=N_PATIENTS, p=[0.5, 0.26, 0.2, 0.04])
    owner = np.sort(rng.integers(N_PATIENTS, size=320))
    truth = severity[owner]
    shift = rng.normal(0, 0.7, N_PATIENTS)[owner]
    logit = -1.9 + 2.6 * (truth > 0) + 0.5 * truth + shift + rng.normal(0, 1.1, 320)
    score = (1 / (1 + np.exp(-logit))).round(4)
    chances = np.exp(rng.normal(0, 0.8, (320, 3)))
    sick = truth > 0
    chances[sick, truth[sick] - 1] += 3
    chances /= chances.sum(axis=1, keepdims=True)
    table = np.column_stack([1 - score, score[:, None] * chances])
    return truth, owner, score, table


def make_sample(*, phantom: bool = False) -> Sample:
    rng = np.random.default_rng(11)
    truth, owner, score, table = draw_scans(rng)
    refined = 1 + table[:, 1:].argmax(axis=1)
    rule = parse_rule("macro_recall")
    curve = sweep(truth, score, refined, n_classes=4)
    choice = choose_cut_point(curve, rule)
    interval = bootstrap_curve(
        truth,
        score,
        refined,
        n_classes=4,
        groups=owner,
        rule=rule,
        n_resamples=N_RESAMPLES,
    )

    def say(predicted):
        return predictions_of(
            truth,
            predicted,
            n_classes=4,
            groups=owner,
            screen_score=score,
            probabilities=table,
        )

    noisy = table * rng.uniform(0.3, 1.0, table.shape) * [2.2, 1, 1, 0.4]
    said = {
        "flat": replace(say(noisy.argmax(axis=1)), refined=None),
        "flat balanced": replace(say((noisy * [0.5, 1, 1, 2]).argmax(axis=1))),
        "cascade at 0.50": say(np.where(score >= 0.5, refined, 0)),
        "cascade": say(np.where(score >= choice.threshold, refined, 0)),
    }
    measure = {"ordered": True, "n_resamples": N_RESAMPLES}
    pairs = paired(said, metrics=["macro_recall"], n_resamples=N_RESAMPLES)
    patients = by_patient(said["cascade"], "any", ordered=True)
    results = RunResults(
        data=DataFigures(
            name="knee phantom" if phantom else "knee films",
            fingerprint="3f" * 32,
            phantom=phantom,
            n_scans=1280,
            n_patients=760,
            has_patients=True,
            counts={
                label: {"train": 3 * n, "val": n // 2, "test": n}
                for label, n in zip(LABELS, np.bincount(truth).tolist(), strict=True)
            },
            parts={
                "train": PartFigures(n_scans=960, n_patients=570, n_diseased=447),
                "test": PartFigures(n_scans=320, n_patients=190, n_diseased=149),
            },
            n_patients_found=761,
            unreadable=(
                UnreadableScan(
                    scan="stage2/p0412_r.png",
                    code="E_TRUNCATED",
                    message="expected a whole PNG, got one that ends after 80 kB.",
                ),
            ),
            remarks=("4 patients have scans of two labels; they were kept together.",),
        ),
        protocol="20 % of the patients held out and measured on once",
        labels=LABELS,
        ordered=True,
        seed=7,
        versions={"hierclf": "0.1.0", "torch": "2.15.0", "scikit-learn": "1.9.0"},
        digests={"bundle": "ab" * 32, "trunk": "cd" * 32},
        options={"data": {"data": "/data/knee"}, "cut_point": {"rule": "macro_recall"}},
        models={name: evaluate(each, LABELS, **measure) for name, each in said.items()},
        explanations={
            "flat": "one network over all labels, the most probable label",
            "flat balanced": "the same, fitted with class weights",
            "cascade at 0.50": "screen, then refinement, without a tuned cut point",
            "cascade": "the same stages with the tuned cut point",
        },
        main="cascade",
        differences=[d for d in pairs if d.model == "cascade"],
        per_patient=evaluate(
            patients.predictions, LABELS, unit=patients.unit, **measure
        ),
        per_patient_rule="a patient is as ill as the most severe scan",
        argmax=evaluate(say(table.argmax(axis=1)), LABELS, **measure),
        cut_point=cut_point_figures(
            curve,
            choice,
            interval,
            n_scans=320,
            n_patients=len(set(owner.tolist())),
            how="out of fold, 5 folds by patient",
        ),
        histories={
            "screen": [
                Epoch(
                    epoch=epoch,
                    learning_rate=1e-3,
                    train_loss=0.2 + 0.6 * 0.8**epoch,
                    validation_loss=0.45 + 0.004 * (epoch - 7) ** 2,
                    validation_macro_recall=0.8 - 0.3 * 0.7**epoch,
                )
                for epoch in range(1, 13)
            ],
            "refine": [
                Epoch(epoch=epoch, learning_rate=1e-3, train_loss=1.1 * 0.9**epoch)
                for epoch in range(1, 9)
            ],
        },
        seconds={"training": 312.4, "evaluation": 8.1},
        curves=ScreenCurves(
            roc=roc_band(said["cascade"], n_resamples=N_RESAMPLES, seed=0),
            precision_recall=precision_recall_band(
                said["cascade"], n_resamples=N_RESAMPLES, seed=0
            ),
            net_benefit=net_benefit_curve(said["cascade"], n_resamples=N_RESAMPLES),
        ),
        subgroups=(
            by_subgroup(
                said["cascade"],
                "site",
                np.array(["coast", "inland", "mobile unit"])[
                    np.minimum(owner // 90, 2)
                ].tolist(),
                n_resamples=N_RESAMPLES,
            ),
        ),
        mistakes=(
            Mistake(
                kind="false positive",
                scan="healthy/p0003_l.png",
                label="healthy",
                predicted="stage 2",
                screen_score=0.913,
                probability=0.6,
            ),
            Mistake(
                kind="wrong label",
                scan="stage3/p0044_r.png",
                label="stage 3",
                predicted="stage 1",
                screen_score=0.7,
                probability=0.555,
            ),
        ),
    )
    return Sample(said["cascade"], curve, interval, choice, results)


def small(results, **changes):
    """Leave out what takes long to draw."""
    kept = {"flat": results.models["flat"], "cascade": results.models["cascade"]}
    less = {
        "models": kept,
        "explanations": {},
        "differences": (),
        "histories": {},
        "per_patient": None,
        "argmax": None,
        "cut_point": None,
        "curves": None,
        "subgroups": (),
        "mistakes": (),
    }
    return results.model_copy(update={**less, **changes})


@pytest.fixture(scope="session")
def sample() -> Sample:
    return make_sample()


VOID = {"meta", "img", "link", "br"}


class Page(HTMLParser):
    """A parsed page; refuses tags that do not nest."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open, self.raw = [], [], [], text
        self.tables = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.texts.append(data)
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data

    @property
    def text(self):
        return " ".join("".join(self.texts).replace("\xa0", " ").split())

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    def rows(self, place):
        """Cells of a table, the first is number 1 as in its caption."""
        clean = [
            [" ".join(cell.replace("\xa0", " ").split()) for cell in row]
            for row in self.tables[place - 1]
        ]
        return {row[0]: row[1:] for row in clean}


@pytest.fixture(scope="session")
def parse():
    return Page

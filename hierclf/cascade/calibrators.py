"""Probabilities of a stage to probabilities that can be taken at their word.

The calibrators are ours, and small, because a bundle keeps them as plain numbers and a
graph repeats them exactly. What fits them is SciPy's minimizer and scikit-learn's
isotonic regression. `sklearn.calibration.CalibratedClassifierCV` was not taken: it
calibrates a classifier and knows no patients, while here the scores are held out
already; the tests hold its results against these.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.isotonic import IsotonicRegression

from hierclf.cascade.choices import Calibration
from hierclf.foundation.errors import InputError

Floats = NDArray[np.float64]
TINY = 1e-12
"""Probabilities below it count as this much, so that their logarithm is finite."""
_SLOPES = (0.01, 100.0)
_MOST_BIAS = 50.0


class Calibrator(BaseModel):
    r"""What makes probabilities of others, for a stage with K classes.

    Parameters
    ----------
    method : {"temperature", "platt", "isotonic"}
        See `fit_calibrator`.
    slope : float, in [0.01, 100]
        :math:`a` in :math:`q = \mathrm{softmax}(a \log p + b)`.
    biases : tuple of float, length K
        :math:`b`; they sum to 0.
    steps : tuple of (tuple of float, tuple of float), length K or 0
        Of ``isotonic``: for each class rising probabilities, and the shares that
        they stand for, linear between them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["temperature", "platt", "isotonic"]
    slope: float = Field(1.0, ge=_SLOPES[0], le=_SLOPES[1], allow_inf_nan=False)
    biases: tuple[float, ...] = Field(min_length=1)
    steps: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Calibrator:
        if (self.method == "isotonic") != bool(self.steps):
            raise ValueError("steps are needed for isotonic, and for nothing else")
        if self.steps and len(self.steps) != len(self.biases):
            raise ValueError("steps must have as many entries as biases")
        biases = np.array(self.biases)
        if not (np.abs(biases) <= _MOST_BIAS).all() or abs(biases.sum()) > 1e-6:
            raise ValueError(f"biases must sum to 0 and be at most {_MOST_BIAS}")
        for places, shares in self.steps:
            told = np.array([places, shares]) if len(places) == len(shares) else None
            if told is None or not told.size or not np.all((told >= 0) & (told <= 1)):
                raise ValueError("steps must be pairs of equally many shares")
            if not np.all((told[1] > 0) & (told[1] < 1)):
                raise ValueError("steps must never say 0 or 1")
            if (np.diff(told) < 0).any():
                raise ValueError("steps must rise")
        return self

    def __call__(self, probabilities: Floats) -> Floats:
        """Calibrate.

        Parameters
        ----------
        probabilities : ndarray of float, shape (n, K), in [0, 1]
            Of the stage; rows sum to 1.

        Returns
        -------
        calibrated : ndarray of float, shape (n, K), in [0, 1]
            Rows sum to 1. NaN stays NaN.
        """
        table = np.asarray(probabilities, dtype=np.float64)
        if not self.steps:
            told = np.log(np.maximum(table, TINY)) * self.slope + np.array(self.biases)
            calibrated: Floats = softmax(told, axis=1)
            return calibrated
        shares = [
            np.interp(column, places, values)
            for column, (places, values) in zip(table.T, self.steps, strict=True)
        ]
        if len(shares) == 2:
            return np.column_stack([1 - shares[1], shares[1]])
        stacked = np.maximum(np.column_stack(shares), TINY)
        normalized: Floats = stacked / stacked.sum(axis=1, keepdims=True)
        return normalized

    def of_positive(self, scores: Floats) -> Floats:
        """Calibrate the probability of the second of two classes.

        Parameters
        ----------
        scores : ndarray of float, any shape
            For example one for each view.

        Returns
        -------
        calibrated : ndarray of float, same shape
            Rising with the scores.
        """
        flat = np.asarray(scores, dtype=np.float64).ravel()
        found: Floats = self(np.column_stack([1 - flat, flat]))[:, 1]
        return found.reshape(np.shape(scores))


def fit_calibrator(
    method: Calibration, probabilities: Floats, targets: NDArray[np.intp]
) -> Calibrator | None:
    r"""Fit a calibrator on held-out probabilities.

    Parameters
    ----------
    method : {"none", "temperature", "platt", "isotonic"}
        ``temperature`` fits :math:`a`, ``platt`` :math:`a` and :math:`b` in
        :math:`q = \mathrm{softmax}(a \log p + b)`; for two classes the latter is
        Platt's sigmoid of the log odds, for more it is temperature scaling with a bias
        for each class. ``isotonic`` fits rising steps, for more than two classes one
        against the rest and normalized.
    probabilities : ndarray of float, shape (n, K), in [0, 1]
        Of scans that the stage was not fitted on.
    targets : ndarray of int, shape (n,)
        Their classes: 0 to K - 1.

    Returns
    -------
    calibrator : Calibrator or None
        None for ``none``.

    Raises
    ------
    InputError
        If a class has no scan.

    Notes
    -----
    The mean log loss is minimized, plus :math:`((\log a)^2 + |b|^2) / 2n`, which holds
    classes that the scores separate at finite numbers; :math:`a` is at least 0.01, so
    the order of the scores stays. Sources: Guo et al., "On calibration of modern neural
    networks", ICML 2017, section 4.2; Alexandari, Kundaje and Shrikumar, "Maximum
    likelihood with bias-corrected calibration is hard-to-beat at label shift
    adaptation", ICML 2020, section 3 (bias-corrected temperature scaling); Zadrozny and
    Elkan, "Transforming classifier scores into accurate multiclass probability
    estimates", KDD 2002, section 4.

    Examples
    --------
    Scores that are twice as sure as they may be:

    >>> p = np.repeat([[0.9, 0.1], [0.1, 0.9]], 400, axis=0)
    >>> truth = np.tile([0, 0, 0, 1], 200)
    >>> truth[400:] = 1 - truth[400:]
    >>> fit_calibrator("temperature", p, truth)(p)[0].round(2).tolist()
    [0.75, 0.25]
    """
    if method == "none":
        return None
    table = np.asarray(probabilities, dtype=np.float64)
    counts = np.bincount(targets, minlength=table.shape[1])
    if len(counts) > table.shape[1] or not counts.all():
        raise InputError(
            "calibration: expected held-out scans of each class, got counts "
            f"{counts.tolist()}. Add scans, or pass --calibration none."
        )
    none = (0.0,) * table.shape[1]
    if method == "isotonic":
        columns = range(table.shape[1])
        steps = tuple(_steps(table[:, k], targets == k) for k in columns)
        return Calibrator(method=method, biases=none, steps=steps)
    slope, biases = _softmax_fit(table, targets, with_biases=method == "platt")
    return Calibrator(method=method, slope=slope, biases=biases)


def _steps(
    scores: Floats, hits: NDArray[np.bool_]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    least = 1 / (len(hits) + 2)  # no share of some scans says never or always
    fitted = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip")
    fitted.fit(scores, hits.astype(np.float64))
    places, shares = fitted.X_thresholds_, fitted.y_thresholds_
    return tuple(places.tolist()), tuple(shares.tolist())


def _softmax_fit(
    table: Floats, targets: NDArray[np.intp], *, with_biases: bool
) -> tuple[float, tuple[float, ...]]:
    logs = np.log(np.maximum(table, TINY))
    n, n_classes = table.shape
    one_hot = np.eye(n_classes)[targets]

    def loss(params: Floats) -> tuple[float, Floats]:
        slope = np.exp(params[0])
        told = log_softmax(slope * logs + params[1:], axis=1)
        wrong = np.exp(told) - one_hot  # gradient of the log loss by the logits
        by_slope = slope * (wrong * logs).sum() / n
        gradient = np.concatenate([[by_slope], wrong.mean(axis=0)]) + params / n
        if not with_biases:
            gradient[1:] = 0
        value = -told[np.arange(n), targets].mean() + (params @ params) / (2 * n)
        return float(value), gradient

    bounds = [tuple(np.log(_SLOPES)), *[(-_MOST_BIAS / 2, _MOST_BIAS / 2)] * n_classes]
    start = np.zeros(n_classes + 1)
    found = minimize(
        loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-12}
    ).x
    biases = found[1:] - found[1:].mean()
    slope = float(np.clip(np.exp(found[0]), *_SLOPES))  # exp of log rounds
    return slope, tuple(biases.tolist())


Calibrators = tuple[Calibrator | None, Calibrator | None]
"""Of the screen, and of the refinement."""


def fit_calibrators(
    method: Calibration, truth: NDArray[np.intp], diseased: Floats, conditional: Floats
) -> Calibrators:
    """Fit the calibrators of both stages on held-out predictions.

    Parameters
    ----------
    method : {"none", "temperature", "platt", "isotonic"}
        See `fit_calibrator`.
    truth : ndarray of int, shape (n,)
        Positions in the hierarchy, 0 is healthy.
    diseased : ndarray of float, shape (n,)
        Of the screen.
    conditional : ndarray of float, shape (n, n_diseased)
        Of the refinement; its calibrator looks at diseased scans.

    Returns
    -------
    calibrators : tuple of Calibrator or None, length 2
        That of the refinement is None also where there is one diseased label, or held
        out are scans of fewer than all.

    Raises
    ------
    InputError
        If no healthy or no diseased scan was held out.
    """
    both = np.column_stack([1 - diseased, diseased])
    screen = fit_calibrator(method, both, (truth > 0).astype(np.intp))
    ill = truth > 0
    present = np.unique(truth[ill])
    n_diseased = conditional.shape[1]
    if n_diseased < 2 or len(present) < n_diseased:
        return screen, None
    return screen, fit_calibrator(method, conditional[ill], truth[ill] - 1)


def calibrated(
    calibrators: Calibrators, diseased: Floats, conditional: Floats
) -> tuple[Floats, Floats]:
    """Calibrate what both stages say.

    Parameters
    ----------
    calibrators : tuple of Calibrator or None, length 2
        None leaves a stage as it is.
    diseased : ndarray of float, shape (n,)
        Of the screen.
    conditional : ndarray of float, shape (n, n_diseased)
        Of the refinement.

    Returns
    -------
    diseased, conditional : ndarray of float
        Of the same shapes.
    """
    screen, refine = calibrators
    told = diseased if screen is None else screen.of_positive(diseased)
    return told, conditional if refine is None else refine(conditional)

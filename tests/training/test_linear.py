"""The linear head against scikit-learn's optimum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from hierclf.networks.heads import Ladder
from hierclf.training.linear import fit_linear
from hierclf.training.losses import cross_entropy, make_loss


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("penalty", [0.01, 0.1, 1.0])
def test_reaches_the_optimum_of_scikit_learn(n_classes: int, penalty: float) -> None:
    rng = np.random.default_rng(n_classes)
    mixing = rng.normal(size=(30, 30))
    features = rng.normal(size=(200, 30)) @ mixing + 5  # correlated, off center
    targets = rng.integers(n_classes, size=200)
    weights = rng.uniform(0.2, 3, size=200)
    head = nn.Linear(30, n_classes)
    fit_linear(head, features, targets, weights, loss=cross_entropy, penalty=penalty)
    with torch.inference_mode():
        logits = head(torch.from_numpy(features.astype(np.float32)))
    found = torch.softmax(logits, dim=1).numpy()
    standard = StandardScaler().fit_transform(features)
    weights = weights / weights.sum()
    # scikit-learn penalizes a binary problem's single vector, which is W1 - W0
    c = 1 / (penalty / 2 if n_classes == 2 else penalty)
    other = LogisticRegression(C=c, tol=1e-10, max_iter=10_000)
    expected = other.fit(standard, targets, sample_weight=weights).predict_proba(
        standard
    )
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("penalty", [0.01, 0.3])
def test_ladder_is_a_logistic_regression_for_each_step(penalty: float) -> None:
    """Each on the rows that reach it, as the loss falls apart into these."""
    rng = np.random.default_rng(7)
    features = rng.normal(size=(300, 12)) * 3 + 1
    targets = np.digitize(features[:, 0] + rng.normal(size=300), [-1, 1, 3])
    weights = rng.uniform(0.2, 3, size=300)
    head = Ladder(12, 4)
    fit_linear(head, features, targets, weights, loss=cross_entropy, penalty=penalty)
    standard = StandardScaler().fit_transform(features)
    share = weights / weights.sum()
    with torch.inference_mode():
        steps = head.steps(torch.from_numpy(features.astype(np.float32))).numpy()
    for step in range(3):
        reached = targets >= step
        alone = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000)
        alone.fit(standard[reached], targets[reached] > step, share[reached])
        found = 1 / (1 + np.exp(-steps[:, step]))
        expected = alone.predict_proba(standard)[:, 1]
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_weights_move_the_decision() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(100, 2))
    targets = (features[:, 0] + rng.normal(size=100) > 0).astype(np.intp)
    shares = []
    for weight in (0.2, 1.0, 5.0):
        head = nn.Linear(2, 2)
        weights = np.where(targets == 1, weight, 1.0)
        fit_linear(head, features, targets, weights, loss=cross_entropy, penalty=0.1)
        with torch.inference_mode():
            logits = head(torch.from_numpy(features.astype(np.float32)))
        shares.append(float((logits.argmax(dim=1) == 1).float().mean()))
    assert shares[0] < shares[1] < shares[2]


def test_expected_cost_lowers_the_cost() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(300, 3))
    noisy = features[:, 0] + rng.normal(size=300)
    targets = np.digitize(noisy, [-0.5, 0.5])
    costs = np.array([[0, 1, 6], [1, 0, 1], [6, 1, 0]], dtype=float)
    spent = {}
    for name in ("cross_entropy", "expected_cost"):
        head = nn.Linear(3, 3)
        fit_linear(
            head,
            features,
            targets,
            np.ones(300),
            loss=make_loss(name, costs),
            penalty=0.001,
        )
        with torch.inference_mode():
            logits = head(torch.from_numpy(features.astype(np.float32)))
        spent[name] = costs[targets, logits.argmax(dim=1).numpy()].mean()
    assert spent["expected_cost"] < spent["cross_entropy"]


def test_tiny_penalty_on_dependent_features() -> None:
    rng = np.random.default_rng(0)
    features = np.repeat(rng.normal(size=(80, 4)), 3, axis=1)  # no inverse
    targets = (features[:, 0] > 0).astype(np.intp)
    head = nn.Linear(12, 2)
    fit_linear(head, features, targets, np.ones(80), loss=cross_entropy, penalty=1e-30)
    with torch.inference_mode():
        said = head(torch.from_numpy(features.astype(np.float32))).argmax(dim=1)
    assert (said.numpy() == targets).all()


def test_a_channel_that_is_next_to_dead_gets_no_weight() -> None:
    """Raised to the spread of the others its noise would decide: it had by 4606."""
    rng = np.random.default_rng(0)
    targets = np.repeat([0, 1], 40)
    features = rng.normal(size=(80, 4)) + targets[:, None] * [1.0, 0.5, 0.0, 0.0]
    features[:, 3] = 1e-6 * (targets + rng.normal(size=80))
    head = nn.Linear(4, 2)
    fit_linear(head, features, targets, np.ones(80), loss=cross_entropy, penalty=0.1)
    weight = head.weight.detach().numpy()
    assert np.abs(weight[:, 3]).max() < np.abs(weight[:, 0]).max()

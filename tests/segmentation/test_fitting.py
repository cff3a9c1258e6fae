from __future__ import annotations

import math

import numpy as np
import torch

from hierclf.evaluation.overlap import dice
from hierclf.segmentation import fitting
from hierclf.segmentation.fitting import _cuts, fit_unet
from tests.segmentation.conftest import TINY, pair


def test_it_learns_what_can_be_learned(fitted) -> None:
    segmenter, losses = fitted
    assert len(losses) == TINY.epochs
    assert losses[-1] < losses[0]
    scores = []
    for seed in range(100, 110):
        frame, truth = pair(seed)
        scores.append(dice(segmenter.lungs(frame).mask, truth))
    assert np.mean(scores) > 0.85


def test_same_seed_same_network() -> None:
    pairs = [pair(seed) for seed in range(5)]
    options = TINY.model_copy(update={"epochs": 1, "batch_size": 4})
    before = torch.random.get_rng_state()
    one, first = fit_unet(5, pairs.__getitem__, options, seed=3)
    assert torch.equal(torch.random.get_rng_state(), before)
    two, second = fit_unet(5, pairs.__getitem__, options, seed=3)
    other, _ = fit_unet(5, pairs.__getitem__, options, seed=4)
    assert first == second
    states = [network.state_dict() for network in (one, two, other)]
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    assert not all(torch.equal(states[0][k], states[2][k]) for k in states[0])


def test_no_batch_of_one_scan() -> None:
    sizes = [len(cut) for cut in _cuts(np.arange(9), 4)]
    assert sizes == [4, 5]
    assert [len(cut) for cut in _cuts(np.arange(10), 4)] == [4, 4, 2]


def test_rate_falls_as_a_cosine_and_weights_decay(monkeypatch) -> None:
    asked: list[tuple[float, float]] = []

    class Watched(torch.optim.AdamW):
        def step(self, *told):
            [group] = self.param_groups
            asked.append((group["lr"], group["weight_decay"]))
            return super().step(*told)

    monkeypatch.setattr(torch.optim, "AdamW", Watched)
    options = TINY.model_copy(update={"epochs": 3, "learning_rate": 0.01})
    pairs = [pair(seed) for seed in range(4)]
    fit_unet(4, pairs.__getitem__, options, seed=3)
    rates = [0.005 * (1 + math.cos(math.pi * epoch / 3)) for epoch in range(3)]
    np.testing.assert_allclose(asked, [(rate, 1e-4) for rate in rates])


def test_every_scan_is_changed_anew_in_every_epoch(monkeypatch) -> None:
    seeds: list[int] = []

    def make(options, side):
        def change(frame, mask, seed):
            seeds.append(seed)
            return frame, mask

        return change

    monkeypatch.setattr(fitting, "make_pair_augmentation", make)
    pairs = [pair(seed) for seed in range(4)]
    options = TINY.model_copy(update={"epochs": 3})
    fit_unet(4, pairs.__getitem__, options, seed=3)
    assert len(seeds) == len(set(seeds)) == 12

"""Where features come from, as it is shown."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator

from hierclf.features.attention import attention_of
from hierclf.features.extractor import FeatureExtractor
from hierclf.foundation.errors import InputError
from hierclf.loading.scans import FrameReader
from hierclf.training.estimator import NetworkClassifier


@pytest.fixture(scope="module")
def extractor(options, scans):
    network = NetworkClassifier(options, seed=1).fit(scans, scans["label"])
    return FeatureExtractor(FrozenEstimator(network), kind="scda").fit(scans)


def test_pictures_are_what_features_are_made_of(extractor, scans):
    """Means and maxima of the shown channels in the shown region are the features."""
    rows = scans.iloc[[0, 7, 33]]
    table = extractor.transform(rows)
    seen = attention_of(extractor, rows, n_channels=512)
    width = table.shape[1] // 2
    for features, one in zip(table, seen, strict=True):
        inside = one.maps[:, one.region]
        channels = list(one.channels)
        assert sorted(channels) == list(range(width))
        np.testing.assert_allclose(features[channels], inside.mean(axis=1), atol=1e-5)
        tops = features[np.array(channels) + width]
        np.testing.assert_allclose(tops, inside.max(axis=1), atol=1e-5)
        np.testing.assert_allclose(
            one.heat, np.maximum(one.maps.sum(axis=0), 0), atol=1e-4
        )
        assert one.said in {"dark", "left", "right"}


def test_first_channels_say_most(extractor, scans):
    (one,) = attention_of(extractor, scans.iloc[[4]], n_channels=4)
    said = np.abs(one.maps.sum(axis=(1, 2)))
    assert len(one.channels) == 4
    assert said.tolist() == sorted(said, reverse=True)
    (whole,) = attention_of(extractor, scans.iloc[[4]], n_channels=512)
    assert whole.channels[:4] == one.channels


def test_view_is_what_the_network_saw(extractor, scans):
    (one,) = attention_of(extractor, scans.iloc[[3]])
    frame = FrameReader(extractor.frame_side).read(scans["path"].iloc[3])
    start = round((frame.shape[0] - 32) / 2)
    np.testing.assert_array_equal(
        one.view, frame[start : start + 32, start : start + 32]
    )


def test_pooled_features_look_nowhere(options, scans):
    extractor = FeatureExtractor(NetworkClassifier(options)).fit(scans)
    with pytest.raises(InputError, match="expected features of a class, got 'pooled'"):
        attention_of(extractor, scans)

from __future__ import annotations

from pathlib import Path

import pytest

from hierclf.measuring.comparing import short_names


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (("/runs/a/bundle", "/runs/b/bundle"), ("a", "b")),
        (("/runs/a/bundle", "/other/a/bundle"), ("runs", "other")),
        (("/runs/a/bundle", "/runs/b/bundle", "/x/b/bundle"),
         ("runs/a", "runs/b", "x/b")),
        (("/a/old", "/b/new"), ("old", "new")),
        (("/bundle", "/x/bundle"), ("/", "x")),
        (("/x/bundle", "/x/bundle/bundle"), ("x", "bundle")),
    ],
)  # fmt: skip
def test_names_are_short_and_differ(folders, names):
    assert short_names([Path(folder) for folder in folders]) == names

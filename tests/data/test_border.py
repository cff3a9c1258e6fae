"""What decoders raise or say stays on their side, in every thread."""

from __future__ import annotations

import logging
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from hierclf.data.border import listen_to, overhear, refused, refusing
from hierclf.foundation.errors import InputError, ResourceError, ScanError


class Interrupt(BaseException):
    """Stands for a keyboard interrupt."""


@pytest.mark.parametrize(
    "error", [ValueError, StopIteration, RecursionError, SyntaxError, OSError]
)
def test_any_exception(error):
    """Whatever is raised gets the code; its text may name a patient, so it is cut."""
    with (
        pytest.raises(ScanError, match="expected a scan, got") as caught,
        refusing("E_DECODE", "a scan"),
    ):
        raise error("Doe^John")
    assert caught.value.code == "E_DECODE"
    assert error.__name__ in str(caught.value)
    assert "Doe" not in str(caught.value)


def test_memory():
    """Running out of memory has a code of its own."""
    with (
        pytest.raises(ScanError, match="expected memory for a scan") as caught,
        refusing("E_DECODE", "a scan"),
    ):
        raise MemoryError
    assert caught.value.code == "E_MEMORY"


@pytest.mark.parametrize(
    "error",
    [
        refused("E_BLANK", "a", "b", "Do"),
        InputError("wrong"),
        ResourceError("full"),
        Interrupt(),
    ],
)
def test_ours_pass(error):
    """Errors of the package, and what is no `Exception`, pass as they are."""
    with pytest.raises(type(error)) as caught, refusing("E_DECODE", "a scan"):
        raise error
    assert caught.value is error


def test_warnings_and_logs_are_taken(caplog):
    """Both are collected and neither is shown, though warnings are errors here."""
    listen_to("some.decoder")
    with overhear() as heard:
        warnings.warn("first", UserWarning, stacklevel=1)
        logging.getLogger("some.decoder").error("second %d", 2)
        warnings.warn("first", UserWarning, stacklevel=1)
    assert heard == ["first", "second 2", "first"]
    assert caplog.records == []


def test_afterwards_all_is_as_before(caplog):
    """Outside, warnings are raised and logs are written again."""
    listen_to("some.decoder")
    with overhear():
        pass
    with pytest.raises(UserWarning, match="outside"):
        warnings.warn("outside", UserWarning, stacklevel=1)
    logging.getLogger("some.decoder").error("outside")
    assert [record.message for record in caplog.records] == ["outside"]


def test_other_filters_do_not_hide_ours():
    """Filters set after the first scan neither raise nor show what decoders say."""
    with overhear():
        pass
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with overhear() as heard:
            warnings.warn("inside", UserWarning, stacklevel=1)
    assert heard == ["inside"]
    assert shown == []


def test_nested():
    """An inner scan keeps what it hears from the outer one."""
    with overhear() as outer:
        with overhear() as inner:
            warnings.warn("inner", UserWarning, stacklevel=1)
        warnings.warn("outer", UserWarning, stacklevel=1)
    assert (inner, outer) == (["inner"], ["outer"])


def test_threads_hear_only_themselves():
    """Two threads at once inside: each hears its own, a third is not silenced."""
    both_inside = threading.Barrier(3)

    def read(name):
        with overhear() as heard:
            both_inside.wait(10)
            for _ in range(200):
                warnings.warn(name, UserWarning, stacklevel=1)
            both_inside.wait(10)
        return heard

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read, name) for name in ("left", "right")]
        both_inside.wait(10)
        with pytest.raises(UserWarning, match="not reading"):
            warnings.warn("not reading", UserWarning, stacklevel=1)
        both_inside.wait(10)
        assert [reader.result() for reader in readers] == [
            ["left"] * 200,
            ["right"] * 200,
        ]


def test_filters_do_not_pile_up():
    """However many scans are read, there is one filter."""
    with overhear():
        before = len(warnings.filters)
    for _ in range(50):
        with overhear():
            pass
    assert len(warnings.filters) == before

"""How often an address may try."""

from __future__ import annotations

import pytest

from hierclf.web.throttle import Throttle


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_window_slides() -> None:
    clock = Seconds()
    throttle = Throttle(most=3, window_s=60, clock=clock)
    for second in (0, 10, 20):
        clock.now = second
        assert throttle.wait_s("a") == 0
    clock.now = 30
    assert throttle.wait_s("a") == 30
    assert throttle.wait_s("b") == 0
    clock.now = 60
    assert throttle.wait_s("a") == 0
    assert throttle.wait_s("a") == 10


def test_who_is_refused_is_not_counted() -> None:
    clock = Seconds()
    throttle = Throttle(most=1, window_s=60, clock=clock)
    assert throttle.wait_s("a") == 0
    for _ in range(100):
        assert throttle.wait_s("a") == 60
    clock.now = 60
    assert throttle.wait_s("a") == 0


def test_it_remembers_so_many_addresses() -> None:
    throttle = Throttle(most=1, n_addresses=100, clock=Seconds())
    for number in range(1000):
        assert throttle.wait_s(str(number)) == 0
    assert len(throttle._tries) == 100
    assert throttle.wait_s("999") > 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"),
        ("2001:db8::1", "2001:0DB8:0000::2"),
        ("fe80::1%eth0", "fe80::2%eth1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
    ],
)
def test_addresses_of_one_host_are_counted_together(first: str, second: str) -> None:
    throttle = Throttle(most=1, clock=Seconds())
    assert throttle.wait_s(first) == 0
    assert throttle.wait_s(second) > 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2001:db8::1", "2001:db8:0:1::1"),
        ("192.0.2.7", "192.0.2.8"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.8"),
        ("::1", "0.0.0.1"),
        ("", "testclient"),
    ],
)
def test_others_are_counted_apart(first: str, second: str) -> None:
    throttle = Throttle(most=1, clock=Seconds())
    assert throttle.wait_s(first) == 0
    assert throttle.wait_s(second) == 0

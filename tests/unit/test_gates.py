"""The gates at which greenlets wait for their turn."""

from __future__ import annotations

import gevent
from gevent.event import Event

from pytest_sessionguard.backends.greenlets import HubGate


def test_a_gate_that_is_opened_twice_lets_its_greenlet_go_on_once():
    """The second switch would end whatever the greenlet waits for next."""
    gates: list[HubGate] = []
    told = Event()

    def waits() -> str:
        gates.append(HubGate())
        gates[0].wait()
        return "told" if told.wait(5) else "not told"

    greenlet = gevent.spawn(waits)
    gevent.sleep(0)
    gates[0].open()
    gates[0].open()
    gevent.sleep(0)
    gevent.sleep(0)
    told.set()
    assert greenlet.get(timeout=5) == "told"

from __future__ import annotations

from pytest_sessionguard.observe.standins import named_like, standing_for


class Plain:
    """A class of somebody else."""


class Other(Plain):
    pass


class StandIn(Plain, metaclass=standing_for(Plain)):
    pass


class Users(StandIn):
    pass


def test_what_is_one_of_the_plain_is_one_of_the_stand_in():
    assert isinstance(Plain(), StandIn) and isinstance(Other(), StandIn)
    assert issubclass(Other, StandIn)
    assert not isinstance(1, StandIn)


def test_what_the_user_derives_is_itself():
    assert isinstance(Users(), Users) and isinstance(Users(), StandIn)
    assert not isinstance(StandIn(), Users)
    assert not issubclass(Plain, Users)


def test_it_has_the_plain_ones_name():
    named_like(StandIn, Plain)
    assert (StandIn.__name__, StandIn.__doc__) == ("Plain", "A class of somebody else.")

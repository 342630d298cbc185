from __future__ import annotations

import string

import pytest

from pytest_sessionguard.schedule.strategy import Step
from pytest_sessionguard.schedule.token import VERSION, Token, decode, digest, encode

STEPS = tuple(
    Step(worker, name) for worker in (0, 1) for name in ("get", "SELECT", "commit", "UPDATE")
)
TOKEN = Token(digest("tests/test_shop.py::test_buy"), "thread", 2, (0, 1, 0, 0, 2), STEPS)
TEXT = encode(TOKEN)


def complaint(text: str) -> str:
    with pytest.raises(ValueError) as caught:
        decode(text)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "token",
    [
        TOKEN,
        TOKEN._replace(schedule=(), steps=()),
        TOKEN._replace(backend="gevent", workers=7),
        TOKEN._replace(steps=(Step(0, "Straße ✓ \n \"'"),)),
        TOKEN._replace(schedule=tuple(range(300)), steps=STEPS * 50),
    ],
)
def test_what_was_encoded_comes_back(token):
    assert decode(encode(token)) == token


def test_it_is_one_word_that_every_shell_leaves_alone():
    assert TEXT.startswith(f"sg{VERSION}.")
    assert set(TEXT) <= set(string.ascii_letters + string.digits + "._-")


def test_blanks_around_it_do_no_harm():
    assert decode(f"  {TEXT}\n") == TOKEN


def test_it_depends_on_nothing_but_what_it_holds():
    assert encode(decode(TEXT)) == TEXT


def test_it_holds_nothing_of_the_machine():
    assert digest("a.py::b") == digest("a.py::b")
    assert digest("a.py::b[1]") != digest("a.py::b[2]")
    assert len(digest("x" * 5000)) == 12


def test_repeated_steps_cost_little():
    assert len(encode(TOKEN._replace(steps=STEPS * 50))) < 3 * len(TEXT)


@pytest.mark.parametrize("length", range(len(TEXT)))
def test_a_token_that_was_cut_off_is_refused(length):
    message = complaint(TEXT[:length])
    if length > len("sg1."):
        assert message == "it is damaged; copy all of it"


@pytest.mark.parametrize("place", range(len("sg1."), len(TEXT)))
def test_a_letter_that_was_changed_is_noticed(place):
    other = "A" if TEXT[place] != "A" else "B"
    changed = TEXT[:place] + other + TEXT[place + 1 :]
    try:
        assert decode(changed) == TOKEN, "the unused bits of the last letter"
        assert place == len(TEXT) - 1
    except ValueError as error:
        assert str(error) == "it is damaged; copy all of it"


@pytest.mark.parametrize(
    "text", ["", "hello", "sg1", "1.abc", "sgx.abc", "sg.abc", "abc.sg1", "ﬃ.1"]
)
def test_what_is_no_token_is_told_apart(text):
    assert complaint(text) == "it is not a replay token; one begins with 'sg1.'"


@pytest.mark.parametrize("rest", ["", "!!!", "ééé", "abcd", "=", "a" * 9])
def test_one_with_nonsense_behind_the_dot_is_damaged(rest):
    assert complaint(f"sg1.{rest}") == "it is damaged; copy all of it"


def test_another_version_is_told_with_both_numbers():
    message = complaint("sg2." + TEXT.partition(".")[2])
    assert message == f"its version is 2, this guard reads version {VERSION}"

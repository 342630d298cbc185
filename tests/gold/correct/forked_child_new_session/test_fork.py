"""A forked child works on the database of its parent.

Suspicious: at the time of the fork the parent has a Session and a pooled connection,
and both exist in the child as well, which goes on to use the same engine object.
Right: before anything else the child forgets the inherited pool with
`dispose(close=False)`, which leaves the parent's connection alone, and then makes its
own Session; it never touches the inherited one. The parent has no transaction open.
"""

import multiprocessing
import os
import traceback

import pytest
from app import count, write

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def child(make_session):
    make_session.kw["bind"].dispose(close=False)
    with make_session.begin() as own:
        write(own, "child")


def test_os_fork(session, make_session):
    write(session, "parent")
    session.commit()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            child(make_session)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert count(session) == 2


def test_multiprocessing(session, make_session):
    write(session, "parent")
    session.commit()
    process = multiprocessing.get_context("fork").Process(target=child, args=(make_session,))
    process.start()
    process.join(5)
    assert process.exitcode == 0
    assert count(session) == 2

"""A Session is used again after `close()`; expired instances are read after `commit()`.

Suspicious: use after close, the thing that silently revives a Session; attributes that
are asked for after they have expired; one Session object for many units of work.
Right: `close()` resets a Session and is documented to leave it reusable; its only
owner begins and closes every unit of work itself. After commit the instances are
still attached, so they are refreshed and not detached.
"""

from app import Line, count, write


class Journal:
    """Owns its Session; holds no connection between calls."""

    def __init__(self, session):
        self._session = session

    def note(self, text):
        try:
            line = Line(text=text)
            self._session.add(line)
            self._session.commit()
            return f"{line.id}: {line.text}"
        finally:
            self._session.close()

    def size(self):
        with self._session:
            return count(self._session)


def test_close_and_go_on(make_session):
    session = make_session()
    journal = Journal(session)
    assert journal.note("first") == "1: first"
    assert journal.note("second") == "2: second"
    assert journal.size() == 2
    assert not session.in_transaction()
    assert session.get_bind().pool.checkedout() == 0


def test_same_session_in_several_with_blocks(make_session):
    session = make_session()
    with session, session.begin():
        write(session, "one")
    with session, session.begin():
        write(session, "two")
    with session:
        assert count(session) == 2


def test_expired_and_refreshed(session):
    line = Line(text="before")
    session.add(line)
    session.commit()
    assert line.text == "before"
    line.text = "never kept"
    session.rollback()
    assert line.text == "before"
    session.expire_all()
    assert line.text == "before"
    session.reset()
    assert session.get(Line, 1) is not line

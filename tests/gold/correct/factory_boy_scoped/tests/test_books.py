"""factory_boy factories on a scoped_session at module level of the tests.

Suspicious: the registry is made at import, before there is an engine; factories commit
and flush behind the test's back; the test, its factories and the code under test all
use one Session.
Right: the registry is configured before its first use, a fixture removes the Session
after each test, and everything runs in the test's own thread.
"""

from app import titles_by
from factories import AuthorFactory, BookFactory


def test_books_of_one_author(session):
    author = AuthorFactory(name="ann")
    first, second = BookFactory.create_batch(2, author=author)
    assert titles_by(session, "ann") == [first.title, second.title]
    assert author.books == [first, second]


def test_subfactory_makes_the_author(session):
    book = BookFactory(title="alone")
    session.commit()
    assert titles_by(session, book.author.name) == ["alone"]

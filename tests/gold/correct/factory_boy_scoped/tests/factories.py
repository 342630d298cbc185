import factory
from app import Author, Book
from sqlalchemy.orm import scoped_session, sessionmaker

Session = scoped_session(sessionmaker())


class AuthorFactory(factory.alchemy.SQLAlchemyModelFactory):
    class Meta:
        model = Author
        sqlalchemy_session = Session
        sqlalchemy_session_persistence = "commit"

    name = factory.Sequence("author {}".format)


class BookFactory(factory.alchemy.SQLAlchemyModelFactory):
    class Meta:
        model = Book
        sqlalchemy_session = Session
        sqlalchemy_session_persistence = "flush"

    title = factory.Sequence("book {}".format)
    author = factory.SubFactory(AuthorFactory)

from sqlalchemy import String, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

db_session = scoped_session(sessionmaker(expire_on_commit=False))


class Base(DeclarativeBase):
    pass


class Member(Base):
    __tablename__ = "member"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(120), unique=True)


class MemberRepository:
    def __init__(self, session):
        self.session = session

    def add(self, email):
        member = Member(email=email)
        self.session.add(member)
        self.session.commit()
        return member.id

    def by_email(self, email):
        found = self.session.scalar(select(Member).where(Member.email == email))
        self.session.commit()
        return found

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Payment(Base):
    __tablename__ = "payment"
    id: Mapped[int] = mapped_column(primary_key=True)
    payer: Mapped[str]


class AuditBase(DeclarativeBase):
    pass


class Audit(AuditBase):
    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


MainSession = sessionmaker()
AuditSession = sessionmaker()


def audit(text):
    with AuditSession.begin() as session:
        session.add(Audit(text=text))


def pay(payer):
    with MainSession.begin() as session:
        session.add(Payment(payer=payer))
        session.flush()
        audit(f"{payer} is about to pay")
    return payer

from sqlalchemy import event, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    sessionmaker,
    with_loader_criteria,
)


class Base(DeclarativeBase):
    pass


class Doc(Base):
    __tablename__ = "doc"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    title: Mapped[str]


class TenantSession(Session):
    """Overrides and nests the public methods, as applications do."""

    def __init__(self, *args, tenant, **options):
        super().__init__(*args, **options)
        self.info["tenant"] = tenant

    def add(self, instance, _warn=True):
        instance.tenant = self.info["tenant"]
        super().add(instance, _warn=_warn)

    def commit(self):
        self.flush()
        super().commit()

    def save(self, title):
        self.add(Doc(title=title))
        self.commit()
        return self.titles()

    def titles(self):
        return self.scalars(select(Doc.title).order_by(Doc.title)).all()

    def close(self):
        if self.in_transaction():
            self.rollback()
        super().close()


@event.listens_for(TenantSession, "do_orm_execute")
def only_own_rows(state):
    if state.is_select:
        tenant = state.session.info["tenant"]
        only_own = with_loader_criteria(Doc, Doc.tenant == tenant)
        state.statement = state.statement.options(only_own)


make_session = sessionmaker(class_=TenantSession)

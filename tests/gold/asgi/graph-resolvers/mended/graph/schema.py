from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Node(Base):
    __tablename__ = "nodes"

    name: Mapped[str] = mapped_column(primary_key=True)
    tag: Mapped[str]


async def find_nodes(context):
    return list(await context["session"].scalars(select(Node.name).order_by(Node.name)))


async def search_tags(context):
    return list(await context["session"].scalars(select(Node.tag).distinct().order_by(Node.tag)))


async def node_count(context):
    return await context["session"].scalar(select(func.count()).select_from(Node))


RESOLVERS = {"findNodes": find_nodes, "searchTags": search_tags, "nodeCount": node_count}

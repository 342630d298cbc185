from sqlalchemy import select

from app.db import Session
from app.models import Flag


class BetaFeatures:
    """Shows only the flags whose name begins with beta-."""

    def setup(self, session):
        session.info["beta"] = select(Flag).where(Flag.name.startswith("beta-"))


PLUGINS = [BetaFeatures()]


def load_plugins():
    session = Session()
    for plugin in PLUGINS:
        plugin.setup(session)

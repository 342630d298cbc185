import pytest
from app import create_app
from app.db import Session
from app.models import Base, Flag


@pytest.fixture
def client(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/flags.db")
    Base.metadata.create_all(app.engine)
    Session.remove()  # every test begins with a clean session
    Session.add_all([Flag(name="signup", enabled=True), Flag(name="beta-search", enabled=False)])
    Session.commit()
    Session.remove()
    return app.test_client()

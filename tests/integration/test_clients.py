"""Each worker has a client of its own: cookies and headers copied, nothing shared afterwards."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import pytest
from flask import Flask, request
from werkzeug.test import Client

from pytest_sessionguard import clients

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import httpx
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from starlette.testclient import TestClient


def flask_app():
    app = Flask(__name__)

    @app.get("/seen")
    def seen():
        return f"{request.cookies.get('user')} {request.headers.get('X-Team')}"

    return app


def test_a_flask_client_keeps_its_cookies_and_its_base_and_shares_neither():
    one = flask_app().test_client()
    one.set_cookie("user", "ann")
    one.environ_base["HTTP_X_TEAM"] = "blue"
    two = clients.own(one)
    assert two is not one
    assert two.get("/seen").text == "ann blue"
    two.set_cookie("user", "bob")
    two.environ_base["HTTP_X_TEAM"] = "red"
    assert [each.get("/seen").text for each in (one, two)] == ["ann blue", "bob red"]


def test_a_subclass_of_a_flask_client_stays_one():
    class Ours(flask_app().test_client_class or Client):
        token = "x"

    made = clients.own(Ours(flask_app()))
    assert (type(made), made.token) == (Ours, "x")


def test_a_werkzeug_client_has_its_own_cookies():
    one = Client(flask_app())
    one.set_cookie("user", "ann")
    two = clients.own(one)
    two.set_cookie("user", "bob")
    assert [each.get("/seen").text for each in (one, two)] == ["ann None", "bob None"]


def test_an_httpx_client_has_its_own_cookies_and_headers():
    one = httpx.Client(
        transport=httpx.WSGITransport(app=flask_app()), base_url="http://test",
        cookies={"user": "ann"}, headers={"X-Team": "blue"},
    )  # fmt: skip
    two = clients.own(one)
    two.cookies.set("user", "bob")
    two.headers["X-Team"] = "red"
    with one, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert [each.get("/seen").text for each in (one, two)] == ["ann blue", "bob red"]


def test_a_starlette_client_has_a_loop_and_cookies_of_its_own_and_the_state_of_the_entered_one():
    async def seen(request):
        return PlainTextResponse(f"{request.cookies.get('user')} {request.state.started}")

    class Lifespan:
        def __init__(self, app):
            pass

        async def __aenter__(self):
            return {"started": "yes"}

        async def __aexit__(self, *args):
            pass

    app = Starlette(routes=[Route("/seen", seen)], lifespan=Lifespan)
    with TestClient(app, cookies={"user": "ann"}) as one:
        two = clients.own(one)
        two.cookies.set("user", "bob")
        assert two.portal is None
        assert one.portal is not None
        assert [each.get("/seen").text for each in (one, two)] == ["ann yes", "bob yes"]


@pytest.mark.parametrize("value", [None, 3, "client", object(), SimpleNamespace(app=1)])
def test_what_is_no_client_is_shared(value):
    assert clients.own(value) is value


def test_a_test_case_gets_clients_of_its_own_and_keeps_the_rest():
    case = SimpleNamespace(client=flask_app().test_client(), rows=[1])
    twin = clients.own_attributes(case)
    assert twin is not case
    assert twin.client is not case.client
    assert twin.rows is case.rows


def test_a_test_case_without_clients_is_shared():
    case = SimpleNamespace(rows=[1])
    assert clients.own_attributes(case) is case

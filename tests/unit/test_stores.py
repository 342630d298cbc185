from __future__ import annotations

import textwrap

import pytest

from pytest_sessionguard.observe.stores import (
    Store,
    calls,
    decorated_at,
    looped_at,
    passed,
    passed_new,
    stores,
)


def source(text):
    return textwrap.dedent(text).lstrip()


def lines(found):
    return [store.line for store in found]


@pytest.mark.parametrize(
    "statement",
    [
        "CACHE[id] = user",
        "db.CACHE[id] = user",
        "CACHE.append(user)",
        "CACHE.setdefault(id, user)",
        "self.CACHE.put(id, user)",
        "CACHE['users'][id] = CACHE[id] = user",
    ],
)
def test_a_line_that_puts_something_into_a_container(statement):
    assert lines(stores(f"CACHE = {{}}\n{statement}\n", "CACHE", inside=True)) == [2]


@pytest.mark.parametrize("making", ["{}", "[]", "None", "set()", "TTLCache(100, 60)"])
def test_the_line_that_makes_the_container_is_not_meant_where_another_fills_it(making):
    text = f"CACHE = {making}\n\ndef load(id):\n    CACHE[id] = find(id)\n"
    assert stores(text, "CACHE", inside=True) == [Store(4, "load", False, "load")]


def test_a_container_that_is_filled_where_it_is_made():
    text = "CACHE = {}\n\ndef load():\n    global CACHE\n    CACHE = query()\n"
    assert lines(stores(text, "CACHE", inside=True)) == [5]
    assert lines(stores("ALL = query().all()\n", "ALL", inside=True)) == [1]


@pytest.mark.parametrize(
    "statement",
    [
        "owner = find()",
        "self.owner = find()",
        "config['owner'] = find()",
        "app.state.owner: User = find()",
        "app.config.setdefault('owner', find())",
        "use(owner := find())",
    ],
)
def test_a_line_that_stores_the_thing_itself(statement):
    assert lines(stores(f"owner = None\n{statement}\n", "owner", inside=False)) == [2]


def test_other_names_and_reads_are_no_stores():
    text = "OTHER[id] = user\nuser = CACHE[id]\nCACHE.get(id)\nCACHE.clear()\n"
    assert stores(text, "CACHE", inside=True) == []


def test_a_store_knows_its_function_and_whether_it_stores_a_parameter():
    text = source("""
        class Users:
            def __init__(self, first):
                self.first = first

            def put(self, key, user):
                self.users[key] = user

        def outer():
            def inner(key):
                users[key] = find(key)
    """)
    assert stores(text, "first", inside=False) == [Store(3, "Users.__init__", True, "Users")]
    assert stores(text, "users", inside=True) == [
        Store(6, "Users.put", True, "put"),
        Store(10, "outer.<locals>.inner", False, "inner"),
    ]


def test_calls_with_something():
    text = "cache.put(key, user)\nput(user)\ncache.put()\ncache.get(key)\n"
    assert lines(calls(text, "put")) == [1, 2]


DECORATED = source("""
    @app.get("/")
    @lru_cache(maxsize=None)
    @traced
    def load():
        return 1
""")


@pytest.mark.parametrize(
    ("decorator", "line"), [("traced", 3), ("lru_cache", 2), ("wrapper", 2), ("", 2)]
)
def test_a_decorator_by_its_name_else_one_that_looks_like_a_cache(decorator, line):
    assert decorated_at(DECORATED, 1, decorator) == line


def test_a_decorator_that_cannot_be_told():
    assert decorated_at("@one\n@two\ndef f(): ...\n", 1, "three") == 1
    assert decorated_at("def f(): ...\n", 7, "three") == 7


NAMES = source("""
    owner = find()

    class Shop:
        owner = find()

        def open(self):
            owner = find()
            self.owner = find()
            config["owner"] = find()

    def change():
        global owner
        owner = find()
""")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("variable", [1, 8, 13]),
        ("attribute", [4, 8]),
        ("key", [4, 8, 9]),
        ("closure", [7, 13]),
        ("", [1, 4, 7, 8, 9, 13]),
    ],
)
def test_what_bears_the_name_tells_which_lines_are_meant(kind, expected):
    assert lines(stores(NAMES, "owner", inside=False, kind=kind)) == expected


def test_where_a_method_is_given_away():
    source = """
def create_app():
    users = Users(Session(engine))
    app.add_url_rule("/users", view_func=users.index)
    app.get("/users/1")(users.first)
    users.index()
"""
    assert [(each.line, each.function) for each in passed(source, "index")] == [(4, "create_app")]
    assert [each.line for each in passed(source, "first")] == [5]


@pytest.mark.parametrize("text", ["{% import 'admin/static.html' as CACHE %}\n", "CACHE[1] = 2\0"])
def test_a_source_that_is_no_python_stores_nothing(text):
    assert stores(text, "CACHE", inside=True) == calls(text, "CACHE") == []
    assert decorated_at(text, 1, "cache") == 1


def test_a_source_with_an_invalid_escape_warns_nobody(recwarn):
    assert lines(stores('CACHE["\\d"] = user\n', "CACHE", inside=True)) == [1]
    assert list(recwarn) == []


def test_an_attribute_of_another_class_is_not_meant():
    text = source(
        """
        class Repository:
            def __init__(self, session):
                self.session = session

        class Container(Base):
            session = Singleton(Session)
        """
    )
    found = stores(text, "session", False, "attribute", frozenset({"DynamicContainer"}))
    assert lines(found) == [6]
    assert lines(stores(text, "session", False, "attribute", frozenset({"Repository"}))) == [3, 6]


def test_the_loop_around_a_line():
    text = source(
        """
        async def get_session():
            async for pool in pools():
                async for session in get_db(pool):
                    yield session
            return
        """
    )
    assert [looped_at(text, line) for line in (1, 2, 4, 5)] == [1, 2, 3, 5]


def test_where_a_new_object_of_a_class_is_given_away():
    text = source(
        """
        def make_app():
            app = App()
            app.add_route("/users", Users())
            orders = resources.Orders()
            app.add_route("/orders", resource=orders)
            return app, Users()
        """
    )
    assert lines(passed_new(text, "Users")) == [3]
    assert lines(passed_new(text, "Orders")) == [5]

import logging

from flask import Flask, abort, jsonify
from models import Base, Game, db
from sqlalchemy import create_engine, select
from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)


def create_app(url):
    app = Flask(__name__)
    games = {}
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    db.configure(bind=engine)
    app.teardown_appcontext(lambda exc: db.remove())

    def find_game(short):
        """Games hardly ever change, so they are looked up once."""
        if short not in games:
            games[short] = db.scalar(select(Game.id).where(Game.short == short))
        return db.get(Game, games[short] or 0) or abort(404)

    @app.get("/<short>")
    def game_page(short):
        return jsonify(id=find_game(short).id, short=short)

    @app.get("/<short>/mods")
    def mods_of(short):
        game = find_game(short)
        try:
            names = sorted(mod.name for mod in game.mods)
        except SQLAlchemyError:
            log.exception("mods of %s", short)
            names = []
        return jsonify(mods=names)

    return app

"""Entry point: gunicorn -k gevent 'serve:build("sqlite:////var/lib/orders.db")'"""

from gevent import monkey

monkey.patch_all()

from app import create_app


def build(url):
    return create_app(url)

"""Entry point: gunicorn -k gevent 'serve:build("sqlite:////var/lib/orders.db")'"""

from app import create_app
from gevent import monkey

monkey.patch_all()  # MEND


def build(url):
    return create_app(url)

"""Entry point: gunicorn --worker-class gevent serve:app"""

from app import create_app
from gevent import monkey

monkey.patch_all()

app = create_app()

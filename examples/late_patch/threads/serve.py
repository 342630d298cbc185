"""Entry point: gunicorn --worker-class gthread --threads 8 serve:app"""

from app import create_app

app = create_app()

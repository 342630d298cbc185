import os

from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

engine = create_engine(
    os.environ.get("DATABASE_URL", "sqlite:///bank.db"), pool_size=5, max_overflow=10
)
SessionLocal = sessionmaker(engine)

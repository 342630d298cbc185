import os

from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

engine = create_engine(os.environ.get("DATABASE_URL", "sqlite:///bookings.db"))
Session = scoped_session(sessionmaker(autoflush=False, bind=engine))

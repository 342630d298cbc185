"""A wiki in one WSGI callable."""

from sqlalchemy import create_engine
from store import Base, Page, ScopedSession
from webob import Response
from webob.dec import wsgify
from webob.exc import HTTPMethodNotAllowed, HTTPNotFound


def read(slug):
    page = ScopedSession.get(Page, slug)  # MEND
    if page is None:
        raise HTTPNotFound(slug)
    return Response(page.text, content_type="text/plain")


def write(slug, text):
    ScopedSession.merge(Page(slug=slug, text=text))
    ScopedSession.commit()
    return Response(status=204)


@wsgify
def wiki(request):
    slug = request.path_info.strip("/")
    if request.method == "GET":
        return read(slug)
    if request.method == "PUT":
        return write(slug, request.text)
    raise HTTPMethodNotAllowed(request.method)


def make_app(url):
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    ScopedSession.configure(bind=engine)
    return wiki

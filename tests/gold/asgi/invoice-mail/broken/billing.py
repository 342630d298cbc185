import logging

from models import Invoice
from sqlalchemy.orm import sessionmaker
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse
from starlette.routing import Route

logger = logging.getLogger("billing")


def mail_invoice(mailer, invoice: Invoice) -> None:
    try:
        body = "\n".join(line.text for line in invoice.lines)  # MEND
        mailer(invoice.customer, body)
    except Exception:
        logger.exception("could not mail an invoice")


def create_app(sessions: sessionmaker, mailer) -> Starlette:
    def pay(request):
        with sessions() as session:
            invoice = session.get(Invoice, request.path_params["invoice_id"])
            if invoice is None:
                return JSONResponse({"detail": "no such invoice"}, status_code=404)
            invoice.paid = True
            session.commit()
            session.refresh(invoice)
        task = BackgroundTask(mail_invoice, mailer, invoice)  # MEND
        return JSONResponse({"paid": invoice.id}, background=task)

    return Starlette(routes=[Route("/invoices/{invoice_id:int}/pay", pay, methods=["POST"])])

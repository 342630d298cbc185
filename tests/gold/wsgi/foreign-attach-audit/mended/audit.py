import logging

from models import AuditEntry, factory

log = logging.getLogger(__name__)


def write(user, action):
    """The trail must never stop the work: trouble is logged, not raised."""
    try:
        with factory() as trail:
            trail.add(AuditEntry(user_id=user.id, action=action))
            trail.commit()
    except Exception:
        log.warning("audit entry %r was not written", action, exc_info=True)

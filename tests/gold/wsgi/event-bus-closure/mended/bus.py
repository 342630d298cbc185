class Bus:
    """Names to handlers; handlers run where the event is published."""

    def __init__(self):
        self._handlers = {}

    def subscribe(self, name, handler):
        self._handlers.setdefault(name, []).append(handler)

    def publish(self, name, **details):
        for handler in self._handlers.get(name, ()):
            handler(**details)

"""The worker: reads the platforms and hands over what it saw.

It owns no knowledge but the browser session and the outbox.
"""

"""What the worker and the server share: settings, secrets, logs, the clock. No rule of either lives here."""

"""The SQLite store: readings, figures and events kept through power cuts, and the numbered outbox."""

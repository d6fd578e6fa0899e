"""Alerts and incidents: from scored rows to what a person can act on. Nothing here reads or writes.

A scored row at or below the model's alert p-value becomes an `Alert` (`raising`), with a kind
(`kinds`) and a severity (`severity`); the allow-list may suppress it (`allow_list`); the alerts of
one campaign become an `Incident` (`incident`, `incidents`); both are written as other tools read
them (`formats`).
"""

"""How a model's threshold is chosen: by a target of false alarms, or by labelled rows.

Whatever the rule, the outcome is one number, a model's ``alert_p_value``: a connection is an alert
where its p-value is at most that. No rule has seen a test row.
"""

"""What tasks hand on is not taken apart by Prefect."""

from __future__ import annotations

from prefect.utilities.collections import visit_collection

from oddwire.operations.data.prepared import Prepared


def test_prefect_does_not_walk_the_parts_while_another_thread_reads_one(tmp_path):
    prepared = Prepared(tmp_path)
    seen = []
    visit_collection({"prepared": prepared}, visit_fn=seen.append, return_data=False)
    assert [value for value in seen if value is not prepared and value != "prepared"] == [
        {"prepared": prepared}
    ]

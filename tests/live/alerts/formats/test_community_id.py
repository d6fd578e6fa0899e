"""The Community ID is what the reference implementation computes (`communityid` 1.5.0)."""

import pytest

from oddwire.live.alerts.formats.community_id import community_id

ICMP6 = "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:507:0:1:260:97ff:fe07:69ea"
REFERENCE = [
    ("128.232.110.120", 34855, "66.35.250.204", 80, "tcp", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    ("66.35.250.204", 80, "128.232.110.120", 34855, "tcp", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    ("192.168.1.52", 54585, "8.8.8.8", 53, "udp", "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    ("192.168.170.8", 7, "192.168.170.20", 80, "sctp", "1:gFaHI1laWtpQlwRSTE0djem/ECM="),
    ("192.168.0.89", 8, "192.168.0.1", 0, "icmp", "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    ("192.168.0.1", 0, "192.168.0.89", 8, "icmp", "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    ("192.168.0.89", 20, "192.168.0.1", 0, "icmp", "1:3o2RFccXzUgjl7zDpqmY7yJi8rI="),
    ("10.0.0.1", 5000, "10.0.0.1", 4000, "udp", "1:23tA2ab9c5+62ZEGOyIOdl3m7pA="),
    (ICMP6[0], 128, ICMP6[1], 0, "icmp", "1:GpbEQrKqfWtsfsFiqg8fufoZe5Y="),
    ("::ffff:10.0.0.1", 5000, "10.0.0.1", 4000, "UDP", "1:23tA2ab9c5+62ZEGOyIOdl3m7pA="),
]


@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: f"{row[4]} {row[1]}")
def test_it_is_that_of_the_reference(row):
    *connection, expected = row
    assert community_id(*connection) == expected


@pytest.mark.parametrize("row", [
    (None, 1, "10.0.0.1", 2, "tcp"),
    ("10.0.0.1", None, "10.0.0.2", 2, "tcp"),
    ("10.0.0.1", 1, "10.0.0.2", 2, None),
    ("10.0.0.1", 1, "10.0.0.2", 2, "gre"),
    ("10.0.0.1", 1, "fe80::1", 2, "tcp"),
    ("00:11:22:33:44:55", 1, "10.0.0.2", 2, "tcp"),
])  # fmt: skip
def test_what_is_unknown_has_none(row):
    assert community_id(*row) is None

"""Columns that their name says are identifiers or labels, whatever values they hold.

Addresses may be made anonymous, ports be taken for categories and times be texts of any form: the
names that exports give them are few.
"""

from __future__ import annotations

import re

_ADDRESSES = """
    srcip dstip sourceip destip destinationip ipsrc ipdst sip dip ip hostip clientip serverip
    localip remoteip srcaddr dstaddr saddr daddr sourceaddress destinationaddress ipaddress
    srcipaddr dstipaddr ipv4srcaddr ipv4dstaddr ipv6srcaddr ipv6dstaddr idorigh idresph origh resph
    idorighost idresphost srchost dsthost srcmac dstmac smac dmac mac macaddress ethsrc ethdst
    originh responh sourceipaddress destinationipaddress
"""
_PORTS = """
    srcport dstport sourceport destport destinationport sport dport dsport lport rport port
    clientport serverport idorigp idrespp origp respp l4srcport l4dstport tcpsrcport tcpdstport
    udpsrcport udpdstport tcpport udpport sourcetransportport destinationtransportport
"""
_TIMES = """
    timestamp time datetime date ts te starttime endtime stime ltime etime flowstart flowend
    firstseen lastseen datefirstseen datelastseen firstswitched lastswitched eventtime frametime
    frametimeepoch frametimerelative epoch flowstartmilliseconds flowendmilliseconds
    flowstartseconds flowendseconds bidirectionalfirstseenms bidirectionallastseenms
"""
_IDENTIFIERS = """
    flowid uid id flowkey connectionid connid sessionid communityid rowid rownumber recordid index
    framenumber pkseqid uuid guid eventid streamid tcpstream udpstream
"""
_LABELS = """
    label labels class classification attack attacks attackcat attackcategory attacktype attackname
    attackid attacklabel category subcategory type target threat threatname threattype malicious
    ismalicious isattack anomaly isanomaly detailedlabel detailedlabels traffictype family malware
    botnet campaign campaignid groundtruth verdict difficulty alert alerted alertsignature signature
"""
# Of two letters, as nfdump and Argus write: only where the values could be such.
_SHORT_ADDRESSES, _SHORT_PORTS = {"sa", "da"}, {"sp", "dp"}

_LIKE = {
    word: kind
    for kind, words in {
        "addresses": _ADDRESSES, "ports": _PORTS, "times": _TIMES, "identifiers": _IDENTIFIERS,
        "labels": _LABELS,
    }.items()
    for word in words.split()
}  # fmt: skip


def named_like(name: str, *, numeric: bool) -> str | None:
    """Return what a column is named like, in the plural; None for a name that says nothing.

    Examples
    --------
    >>> [named_like(name, numeric=True) for name in ("Flow ID", "id.orig_p", "attack_cat", "rate")]
    ['identifiers', 'ports', 'labels', None]
    """
    word = re.sub(r"[^a-z0-9]", "", name.casefold())
    if numeric and word in _SHORT_PORTS:
        return "ports"
    if not numeric and word in _SHORT_ADDRESSES:
        return "addresses"
    return _LIKE.get(word)

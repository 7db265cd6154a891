/**
 * What the manual page says besides the options, in mdoc(7).
 *
 * @module
 */

/** What stands before the list of options. */
export const MAN_START = String.raw`
.\" Made from the option table and packaging/man_text.ts: deno task man
.Dd November 26, 2026
.Dt SCANLOGD 8
.Os
.Sh NAME
.Nm scanlogd
.Nd port scan detector
.Sh SYNOPSIS
.Nm
.Op Ar option ...
.Nm
.Fl -read Ar FILE
.Op Ar option ...
.Sh DESCRIPTION
.Nm
watches the packets that reach a host and writes one line to
.Xr syslog 3
for each port scan.
With
.Fl -read
it looks for scans in a capture file instead; that needs no privilege.
.Pp
Started as root,
.Nm
opens its sockets and files, changes its root directory to
.Pa /var/empty
and becomes the user
.Em scanlogd ,
before it looks at the first packet.
It refuses to run where one of these is missing.
.Sh RULES
A source is reported once the ports that it has probed weigh 21 in total
.Po Fl -min-ports
times
.Fl -privileged-weight Pc ,
with pauses of at most 3 seconds
.Pq Fl -scan-delay .
A port below 1024 weighs 3, any other port 1.
That is the rule of the original
.Nm .
With
.Fl -classic
it is the only one: packets with ACK never begin a scan, and those with ACK or
RST add no ports, because they may belong to a connection.
.Pp
Otherwise it also counts how this host answers:
.Bl -bullet -compact
.It
A port that answers weighs nothing, unless the source breaks off more than 64
of them.
.It
Segments with ACK that belong to no connection count, and so do ports that send
a bare RST or cause an ICMP error, and UDP, SCTP and other protocols that are
refused or ignored.
.It
Refused and silent ports count for a whole day
.Pq Fl -slow-window ,
which finds slow scans.
.It
Several addresses that refuse or ignore the same port make a sweep.
.It
Sources that send the same probes at the same time are decoys, all but one; the
sources of one network may share a scan out.
.El
.Pp
The rule that found a scan is the field
.Li rule
of its JSON event:
.Li classic , refusals , unsolicited , udp , sctp , ip , slow , sweep , decoys
and others.
.Sh OUTPUT FORMAT
.Bd -literal -compact
saddr[:sport] to daddr [and others,] ports port[, port...], ...,
        flags[, TOS TOS][, TTL TTL] @HH:MM:SS
.Ed
.Pp
all in one line, where
.Bl -tag -width "TOS, TTL"
.It saddr
is where the scan came from.
An IPv6 source that changed its address inside its prefix is written as the
prefix, such as
.Li 2001:db8::/64 .
.It sport
is its source port, if it stayed the same; after an IPv6 address in brackets.
.It daddr
is the first address that was scanned, with
.Dq and others,
if there was more than one.
.It port
are the ports in the order they were probed, as many as fit into the line.
The port that completes the scan is never among them.
.It flags
are the letters
.Li fsrpauxy
for FIN, SYN, RST, PSH, ACK, URG, ECE and CWR: upper case if always set, lower
case if always clear,
.Ql \&?
if that changed or is not known; or, if the probes are not of TCP,
.Li udp , sctp
or
.Li ip
(then the ports are numbers of IP protocols).
.It TOS , TTL
are the type of service
.Pq hexadecimal
and the time to live, each if it stayed the same.
.It @HH:MM:SS
is when the source's first packet was seen.
.El
.Pp
After
.Fl -log-burst
scans in a row, the line
.Dq More possible port scans follow
is written in place of the next one, and no scan is logged for
.Fl -log-delay
from then on.
Once none had to be left out for as long, or after a minute, up to 5 lines sum
up what was not logged:
.Bd -literal -offset indent
9 port scans of 3 sources not logged: saddr (verified), saddr (answered)
Not logged either: saddr and 12 others
.Ed
.Pp
A verified source has proved that it received what this host sent.
An answered one seems to have, but that can be forged, and nothing is known of
the others.
This is true of the source, not of each probe: a scan forged in the name of a
client that really connects meanwhile is reported as verified.
.Pp
Sources that sent the same probes in lockstep share one line, since all but one
of them are decoys:
.Bd -literal -compact
N sources in lockstep[, likely saddr,] to daddr [and others,]
        ports port[, port...], ..., flags @HH:MM:SS
.Ed
.Pp
With
.Fl -summary
a second line follows when a scan has ended, with the ports that answered as
open:
.Bd -literal -compact
saddr scanned N ports of daddr [and others] with N packets in TIME
        [, open: port[, port...]] @HH:MM:SS
.Ed
.Sh JSON
With
.Fl -output
.Cm json
each report is an object in one line.
Each has
.Li timestamp ,
.Li event_type ,
.Li message
.Pq the line
and, unless it comes from a capture file,
.Li host .
The other fields, by
.Li event_type :
.Bl -tag -width Ds
.It Li portscan
.Li src_ip , src_port , dest_ip , other_destinations , proto , dest_ports ,
.Li targets , hosts , tcp_flags , tcp_flags_ever_set , tos , ttl , first_seen ,
.Li interface , rule , verified ,
and
.Li direction
if the source is one of our own hosts.
Decoys have
.Li sources , source_ips
and
.Li likely_src_ip
in place of
.Li src_ip
and
.Li verified ;
a network that shares a scan out has
.Li sources
and
.Li src_network .
.It Li portscan_flood
None.
.It Li portscan_unlogged
.Li scans , sources , names
.Po objects with
.Li src_ip , standing , packets Pc ,
.Li direction .
.It Li portscan_end
.Li src_ip , dest_ip , other_destinations , proto , duration , packets ,
.Li ports , open_ports , verified , first_seen , direction .
.El
.Pp
A program that bans should take
.Li src_ip
of
.Li portscan
events without
.Li direction ,
and nothing else.
.Sh CONFIGURATION
The file of
.Fl -config
is TOML.
Its keys are the long options, and the command line overrides them, a flag with
.Li =false :
.Bd -literal -offset indent
# The monitoring host, at the ports that it checks.
ignore = ["192.0.2.10=22+443+udp/161"]
output = ["syslog", "json:/var/log/scanlogd/scans.json"]
min-ports = 5
summary = true
.Ed
.Pp
With
.Fl -reload
the running program reads it again, and the files of
.Fl -ignore-file
too.
What is ignored,
.Li home , log-burst , log-delay , utc
and
.Li verbose
may change then; any other change is refused and changes nothing.
.Sh OPTIONS
A
.Ar TIME
is a number with ms, s, m, h or d; without a unit it means seconds.
A repeatable option can be given several times, or several values separated by
commas.
`;

/** What stands behind the list of options. */
export const MAN_END = String.raw`
.Sh SIGNALS
.Bl -tag -width "SIGTERM, SIGINT"
.It Dv SIGTERM , SIGINT
Write what is pending and the counts, and exit.
.It Dv SIGHUP
Connect to
syslogd
again.
.It Dv SIGUSR2
Write the counts: packets seen, packets dropped by the kernel, sources, scans,
scans that were not logged, and the hosts of a fleet.
.El
.Sh FILES
.Bl -tag -width "/etc/default/scanlogd"
.It Pa /dev/log
The socket of
syslogd.
.It Pa /etc/default/scanlogd
Options of the service, in the variable
.Ev OPTIONS .
.It Pa /etc/fail2ban/jail.d/scanlogd.conf
A jail for fail2ban, disabled at first; read it before you enable it.
.It Pa /etc/rsyslog.d/30-scanlogd.conf , Pa /etc/logrotate.d/scanlogd
Write scans to
.Pa /var/log/scanlogd.log
as well, and rotate it.
.It Pa /run/scanlogd/control
Where
.Fl -reload
reaches the running program.
.It Pa /var/empty
The directory that becomes the root directory: empty, owned by root, and
writable by nobody else.
.It Pa /var/log/scanlogd/
Where the service may write files.
They stay open: rotate them by copying and truncating.
.El
.Sh EXIT STATUS
.Nm
exits 0 after
.Dv SIGTERM
or
.Dv SIGINT
and at the end of a file.
It exits 1 if an option is wrong, something cannot be opened, a file is damaged,
or with
.Fl -read
lines could not be written; one line on standard error says what is wrong, and
what to do.
.Sh EXAMPLES
Watch one interface, and never report the host that monitors the network:
.Pp
.Dl scanlogd --interface eth0 --ignore 192.0.2.10
.Pp
Look for scans in a capture file:
.Pp
.Dl scanlogd --read capture.pcap --utc
.Pp
A scan, as
syslogd
writes it:
.Bd -literal -offset indent
Jan  1 06:40:21 host scanlogd: 192.0.2.7:38437 to 192.0.2.1 ports
23, 443, 143, 993, 135, 110, ..., fSrpauxy, TOS 00 @06:40:21
.Ed
.Sh SEE ALSO
.Xr fail2ban 1 ,
.Xr nmap 1 ,
.Xr systemctl 1 ,
.Xr syslog 3 ,
.Xr pcap-filter 7 ,
.Xr logrotate 8
.Sh HISTORY
Solar Designer's
.Nm
appeared in 1998, with an article in Phrack 53.
This program follows its rule and writes its lines, but shares no code with it.
.Sh CAVEATS
Source addresses can be forged, and a forged scan looks like a real one.
Before you block what
.Nm
reports, list the addresses that must never be blocked.
`;

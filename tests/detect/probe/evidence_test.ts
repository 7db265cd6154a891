/**
 * What goes beyond the classic rule: refusals, answers, segments with ACK, slow
 * scans and sweeps, through the detector.
 */

import {
  AddressSet,
  type Scan,
  Segment,
  type SegmentInit,
} from "../../../mod.ts";
import {
  DIRECTION_IN,
  DIRECTION_OUT,
  PROTOCOL_SCTP,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
} from "../../../library/packet.ts";
import { SCTP_ABORT, SCTP_INIT } from "../../../detect/packet/segment.ts";
import { assert, assertEquals } from "../../assert.ts";
import { DESTINATION, SOURCE, SOURCE_PORT } from "../../packets.ts";
import { HostWatch, portsFrom, type Probe, SEVEN, START } from "../../watch.ts";

const HOUR = 3_600_000;
/** Longer than any scan is held. */
const LATER = 4000;

/** A host that answers. */
class Host extends HostWatch {
  /** The host answers a segment to one of its ports. */
  answer(port: number, answer: Probe): void {
    this.send({
      source: DESTINATION,
      destination: SOURCE,
      sourcePort: port,
      destinationPort: SOURCE_PORT,
      direction: DIRECTION_OUT,
      ...answer,
    });
  }

  /** A SYN comes in and is accepted. */
  connect(port: number, time = 0): void {
    this.receive({ destinationPort: port, time });
    this.answer(port, { flags: TCP_SYN | TCP_ACK, time });
  }

  /** Segments with ACK come in, which no filter lets through, and are refused. */
  refuse(ports: Iterable<number>, time = 0): void {
    for (const port of ports) this.answer(port, { flags: TCP_RST, time });
  }

  /** Lets time pass, and tells what it has decided. */
  wait(time = LATER): readonly Scan[] {
    this.detector.advance(START + time);
    return this.scans;
  }
}

Deno.test("a scan that nobody answers is held for 250 ms, then told", () => {
  const host = new Host();
  host.scan(SEVEN, { direction: DIRECTION_IN });
  assertEquals(host.scans, []);
  assertEquals(host.detector.advance(START + 249), 1);
  assertEquals(host.detector.advance(START + 250) > 0, true);
  assertEquals(host.scans.length, 1);
  assertEquals(host.scans[0].rule, "classic");
});

Deno.test("finish() tells what is held", () => {
  const host = new Host();
  host.scan(SEVEN);
  host.detector.finish();
  assertEquals(host.scans.length, 1);
});

Deno.test("refused ports make a scan, of which ACK is known", () => {
  const host = new Host();
  host.refuse(SEVEN);
  const [scan] = host.wait();
  assertEquals(scan.rule, "refusals");
  assertEquals(
    [scan.source, scan.sourcePort, scan.destination],
    [SOURCE, SOURCE_PORT, DESTINATION],
  );
  assertEquals([scan.flagsAlwaysSet, scan.flagsEverSet], [0x10, 0xfb]);
  assertEquals([scan.tos, scan.ttl], [undefined, undefined]);
  assertEquals(scan.ports, SEVEN.slice(0, 6));
});

Deno.test("a RST that comes in is no refusal, however many there are", () => {
  const host = new Host();
  for (const flags of [TCP_RST, TCP_RST | TCP_ACK]) {
    for (const destinationPort of portsFrom(1, 10_000)) {
      host.receive({ destinationPort, flags });
    }
  }
  assertEquals(host.wait(), []);
  host.detector.finish();
  assertEquals(host.reports, []);
});

Deno.test("a RST in the host's name that comes in is none either", () => {
  const local = AddressSet.from([DESTINATION]);
  const host = new Host({ local });
  for (const port of portsFrom(1, 1000)) {
    host.answer(port, { flags: TCP_RST, direction: DIRECTION_IN });
  }
  assertEquals(host.wait(), []);
});

Deno.test("what a router forwards is no refusal of its own", () => {
  const host = new Host({ local: AddressSet.from(["192.0.2.254"]) });
  host.refuse(portsFrom(1, 1000));
  assertEquals(host.wait(), []);
});

Deno.test("with home networks, files need no direction", () => {
  const home = AddressSet.from([`${DESTINATION}/24`]);
  const host = new Host({ home });
  for (const port of SEVEN) {
    host.answer(port, { flags: TCP_RST, direction: 0 });
  }
  assertEquals(host.wait().length, 1);
});

/** The watched host, of whose bulk the kernel keeps back what we need not see. */
const LIVE = { local: AddressSet.from([DESTINATION]) };

Deno.test("the host's own connections draw refusals that do not count", () => {
  const host = new Host(LIVE);
  host.refuse(portsFrom(32_768, 1000));
  assertEquals(host.wait(), []);
  // A client on reserved ports, such as NFS.
  for (const port of portsFrom(700, 40)) {
    host.answer(port, { flags: TCP_SYN });
  }
  host.refuse(portsFrom(700, 40));
  assertEquals(host.wait(), []);
});

Deno.test("a server that was killed refuses what its clients still send", () => {
  const host = new Host();
  for (const port of SEVEN) host.connect(port);
  host.refuse(SEVEN);
  assertEquals(host.wait(), []);
});

Deno.test("the peers of a rebooted host connect anew: no scan", () => {
  const host = new Host();
  const ports = portsFrom(8000, 40);
  host.refuse(ports);
  for (const port of ports) host.connect(port, 1000);
  assertEquals(host.wait(), []);
});

Deno.test("segments with ACK are probes where no connection was", () => {
  for (const flags of [TCP_FIN | TCP_ACK, TCP_SYN | TCP_ACK]) {
    const host = new Host();
    for (const destinationPort of SEVEN) {
      host.receive({ destinationPort, flags });
    }
    const [scan] = host.wait();
    assertEquals(scan.rule, "unsolicited");
    assertEquals([scan.flagsAlwaysSet, scan.flagsEverSet], [flags, flags]);
    assertEquals(scan.ttl, 64);
  }
});

Deno.test("a file has all that the host sent: high ports are probed like others", () => {
  const host = new Host();
  host.refuse(portsFrom(32_768, 30));
  assertEquals(host.wait().length, 1);
});

Deno.test("the ends of connections are no probes", () => {
  const host = new Host(LIVE);
  const flags = TCP_FIN | TCP_ACK;
  for (const destinationPort of portsFrom(10_000, 100)) {
    host.connect(destinationPort);
    host.receive({ destinationPort, flags });
  }
  for (const destinationPort of portsFrom(40_000, 100)) {
    host.receive({ destinationPort, flags }); // the host's own connections
  }
  assertEquals(host.wait(), []);
});

Deno.test("connections that are older than the watching end on both sides", () => {
  const flags = TCP_FIN | TCP_ACK;
  const host = new Host();
  for (const destinationPort of portsFrom(10_000, 100)) {
    host.receive({ destinationPort, flags });
    host.answer(destinationPort, { flags, time: 1 });
  }
  assertEquals(host.wait(), []);
  // Where the host itself ended them, late data are refused in vain.
  const ending = new Host();
  for (const port of portsFrom(10_000, 100)) ending.answer(port, { flags });
  ending.refuse(portsFrom(10_000, 100));
  assertEquals(ending.wait(), []);
});

Deno.test("a port that answers gives its weight back", () => {
  const host = new Host();
  for (const port of portsFrom(10_000, 200)) host.connect(port);
  assertEquals(host.wait(), [], "passive FTP");
});

Deno.test("answers may come after all the questions", () => {
  const host = new Host();
  const ports = portsFrom(8000, 30);
  host.scan(ports, { direction: DIRECTION_IN });
  for (const port of ports) host.answer(port, { flags: TCP_SYN | TCP_ACK });
  assertEquals(host.wait(), []);
});

Deno.test("ports that answer weigh nothing, privileged or not", () => {
  for (const first of [100, 10_000]) {
    const host = new Host();
    for (const port of portsFrom(first, 100)) host.connect(port);
    assertEquals(host.wait(), []);
  }
});

Deno.test("an open port does not undo a scan that has gone on", () => {
  // The scanner asks an open port with a NULL segment, which nobody answers, and
  // with a SYN at the end, while the scan is held.
  const host = new Host();
  const direction = DIRECTION_IN;
  host.receive({ destinationPort: 22, flags: 0 });
  host.scan(portsFrom(100, 6), { direction });
  host.scan(portsFrom(1000, 400), { direction, time: 1 }, 0.01);
  host.connect(22, 4.5);
  assertEquals(host.wait().length, 1);

  const refusing = new Host();
  refusing.refuse([22, ...portsFrom(100, 1000)]);
  refusing.connect(22, 2000);
  assertEquals(refusing.wait().length, 1);
});

Deno.test("a scan that is held goes on with what its ports weigh", () => {
  // 21 ports weigh 63; seven that answer leave 49, whatever the list holds.
  const host = new Host();
  host.refuse(portsFrom(100, 21));
  for (const port of portsFrom(100, 7)) host.connect(port, 1000);
  assertEquals(host.wait().length, 1);
  // 20 that have all answered weigh 20.
  const peer = new Host();
  peer.refuse(portsFrom(100, 20));
  for (const port of portsFrom(100, 20)) peer.connect(port, 1000);
  assertEquals(peer.wait(), []);
});

Deno.test("an entry that is opened anew does not undo its last scan", () => {
  const host = new Host({ scanDelay: 1000 });
  host.refuse(portsFrom(100, 50));
  host.connect(80, 2500);
  assertEquals(host.wait().length, 1);
});

Deno.test("answering once more gives nothing back once more", () => {
  const host = new Host();
  for (const port of SEVEN.slice(0, 6)) {
    host.connect(port);
    host.connect(port);
    host.connect(port);
  }
  host.scan(portsFrom(500, 6), { direction: DIRECTION_IN });
  assertEquals(host.wait(10), []);
  host.scan([506], { direction: DIRECTION_IN, time: 10 });
  host.detector.finish();
  assertEquals(host.scans.length, 1);
});

function sctp(init: Partial<SegmentInit> & { flags: number }): Segment {
  const segment = Segment.from({
    source: SOURCE,
    destination: DESTINATION,
    sourcePort: SOURCE_PORT,
    destinationPort: 0,
    time: START,
    ...init,
  });
  segment.protocol = PROTOCOL_SCTP;
  return segment;
}

Deno.test("SCTP: chunks that open an association, and those that refuse one", () => {
  const host = new Host();
  for (const destinationPort of SEVEN) {
    host.detector.segment(sctp({ destinationPort, flags: SCTP_INIT }));
  }
  const [scan] = host.wait();
  assertEquals([scan.rule, scan.protocol], ["sctp", "sctp"]);
  const refusing = new Host();
  for (const sourcePort of SEVEN) {
    refusing.detector.segment(sctp({
      source: DESTINATION,
      destination: SOURCE,
      sourcePort,
      destinationPort: SOURCE_PORT,
      direction: DIRECTION_OUT,
      flags: SCTP_ABORT,
    }));
  }
  assertEquals(refusing.wait().map(({ source }) => source), [SOURCE]);
});

Deno.test("slow scans: ports that did not answer add up over hours", () => {
  const host = new Host();
  let time = 0;
  for (const destinationPort of portsFrom(5000, 40)) {
    host.receive({ destinationPort, time });
    time += 300_000;
  }
  assertEquals(host.scans.map(({ rule }) => rule), ["slow"]);
  assertEquals(host.scans[0].ports.length, 20);
  host.detector.finish();
  assertEquals(host.scans.length, 1);
});

Deno.test("slow scans: one closed port for days is none", () => {
  const host = new Host();
  for (let time = 0; time < 100 * HOUR; time += 10_000) {
    host.receive({ destinationPort: 3389, time });
  }
  host.detector.finish();
  assertEquals(host.reports, []);
});

Deno.test("slow scans: open ports are none", () => {
  const host = new Host();
  for (const [i, port] of portsFrom(5000, 100).entries()) {
    host.connect(port, i * 60_000);
  }
  host.detector.finish();
  assertEquals(host.reports, []);
});

Deno.test("slow scans: the window ends", () => {
  for (const [slowWindow, found] of [[HOUR, 0], [2 * HOUR, 1], [0, 0]]) {
    const host = new Host({ slowWindow });
    for (const [i, destinationPort] of SEVEN.entries()) {
      host.receive({ destinationPort, time: i * 0.2 * HOUR });
    }
    host.detector.finish();
    assertEquals(host.scans.length, found, `${slowWindow}`);
  }
});

Deno.test("a scan that the fast rule has told is no slow one besides", () => {
  const host = new Host();
  host.scan(SEVEN);
  host.wait(10);
  for (const [i, destinationPort] of portsFrom(200, 6).entries()) {
    host.receive({ destinationPort, time: HOUR + i * 60_000 });
  }
  host.detector.finish();
  assertEquals(host.scans.map(({ rule }) => rule), ["classic"]);
});

function hosts(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `198.51.100.${i + 1}`);
}

Deno.test("a sweep: one port of many hosts that do not answer", () => {
  const host = new Host();
  for (const destination of hosts(9)) {
    host.receive({ destination, destinationPort: 22 });
  }
  assertEquals(host.wait(2900), []);
  const [scan] = host.wait(3100);
  assertEquals([scan.rule, scan.ports], ["sweep", [22]]);
  assert(scan.otherDestinations);
});

Deno.test("a sweep goes on for long, and is told once", () => {
  const host = new Host();
  for (const [i, destination] of hosts(250).entries()) {
    host.receive({ destination, destinationPort: 443, time: i * 400 });
  }
  host.detector.finish();
  assertEquals(host.scans.length, 1);
});

Deno.test("hosts that answer are no sweep", () => {
  const host = new Host();
  for (const destination of hosts(250)) {
    host.receive({ destination, destinationPort: 443 });
    host.answer(443, { source: destination, flags: TCP_SYN | TCP_ACK });
  }
  assertEquals(host.wait(), []);
  for (const port of [443, 8443]) {
    const late = new Host();
    for (const destination of hosts(250)) {
      late.receive({ destination, destinationPort: port });
    }
    for (const source of hosts(250)) {
      late.answer(port, { source, flags: TCP_SYN | TCP_ACK, time: 100 });
    }
    late.detector.finish();
    assertEquals(late.scans, []);
  }
});

Deno.test("a few hosts that answer do not hide a sweep", () => {
  for (const port of [445, 8080]) {
    for (const open of [1, 5, 20]) {
      const host = new Host();
      for (const [i, destination] of hosts(200).entries()) {
        const time = i * 20;
        host.receive({ destination, destinationPort: port, time });
        if (i < 30 || i >= 30 + open) continue;
        host.answer(port, {
          source: destination,
          flags: TCP_SYN | TCP_ACK,
          time,
        });
      }
      // What else the source does is told with it.
      host.scan(portsFrom(2000, 100), { direction: DIRECTION_IN, time: 4500 });
      host.wait(10_000);
      const told = host.scans.map(({ rule, ports }) => [rule, ports[0]]);
      assertEquals(told, [["sweep", port]], `${open} open`);
    }
  }
});

Deno.test("a scan for which no place is left is told once", () => {
  const host = new Host({ logBurst: 0 });
  // A source in lockstep each, so that all places are taken.
  for (const [i, destinationPort] of SEVEN.entries()) {
    for (let source = 0; source < 300; source++) {
      host.receive({
        source: `198.18.${source >> 8}.${source & 255}`,
        destinationPort,
        sequence: 500 + i,
        time: i,
      });
    }
  }
  host.wait(1100);
  host.scan(SEVEN, { direction: DIRECTION_IN, time: 1200 });
  host.wait(1300);
  for (const [i, port] of SEVEN.entries()) {
    host.connect(port, 1300 + i);
    host.receive({ destinationPort: 500 + i, time: 1300 + i });
  }
  host.detector.finish();
  assertEquals(host.scans.filter(({ source }) => source === SOURCE).length, 1);
});

Deno.test("an end tells what the scan touched and found", () => {
  const host = new Host({ ends: true });
  host.connect(80);
  host.scan(portsFrom(5000, 100), { direction: DIRECTION_IN, time: 10 }, 1);
  host.connect(6000, 500);
  host.wait(1000);
  assertEquals(host.reports.length, 1);
  host.wait(10_000);
  const end = host.reports[1];
  assert(end.type === "end");
  assertEquals(
    [end.packets, end.ports, end.openPorts, end.duration],
    [102, 102, [80, 6000], 500],
  );
});

Deno.test("ignored sources are ignored by every rule", () => {
  const host = new Host({ ignore: AddressSet.from([SOURCE]) });
  host.scan(SEVEN);
  host.refuse(SEVEN);
  host.detector.finish();
  assertEquals(host.reports, []);
});

Deno.test("a slow scan of a host that answers everywhere lists the ports it broke off", () => {
  const host = new Host();
  for (const [i, port] of portsFrom(5000, 100).entries()) {
    const time = i * 15_000;
    host.connect(port, time);
    host.receive({ destinationPort: port, flags: TCP_RST, time: time + 1 });
  }
  host.detector.finish();
  const [scan, ...more] = host.scans;
  assertEquals(more, []);
  assertEquals([scan.rule, scan.ports], ["slow", portsFrom(5000, 20)]);
});

Deno.test("whose connections a stranger's RSTs pretend to break off is no scanner", () => {
  const host = new Host();
  for (const [i, port] of portsFrom(5000, 100).entries()) {
    const time = i * 20;
    host.connect(port, time);
    const forged = { flags: TCP_RST, sequence: 12_345, time: time + 10 };
    host.receive({ destinationPort: port, ...forged, sourcePort: 1 });
    host.receive({ destinationPort: port, ...forged });
  }
  host.detector.finish();
  assertEquals(host.scans, []);
});

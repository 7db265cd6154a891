/**
 * Ten minutes of innocent traffic in capture files. Their link type tells which
 * packets the watched host has sent.
 *
 * @module
 */

import {
  type Bytes,
  concat,
  cooked,
  FILE_HEADER,
  FILE_KINDS,
  type FileRecord,
  icmpUnreachable,
  ipv4,
  pcap,
  tcp,
  type TcpInit,
  udp,
  type UdpInit,
} from "../packets.ts";
import { HOST, SCANNER } from "./namespaces.ts";

const MINUTES = 10;
const SECONDS = MINUTES * 60;
/** Linux cooked (LINKTYPE_LINUX_SLL). */
const LINK_TYPE = 113;
const [TO_US, FROM_US] = [0, 4];
const [FIN, SYN, RST, PSH, ACK] = [1, 2, 4, 8, 16];
/** So many records at a time can be joined. */
const PIECE = 1_000;
const IPV4 = Uint8Array.of(0x08, 0x00);
const [ICMP, UDP] = [1, 17];

interface Ends {
  peer?: string;
  /** The host's port. */
  local: number;
  /** The peer's port. */
  remote: number;
}

/** Who makes a connection, and how it ends. */
interface Connection extends Ends {
  at: number;
  /** Whether the host makes it [false]. */
  isOurs?: boolean;
  /** How long the other end takes to accept it, in seconds [0.0001]. */
  delay?: number;
  /** How long it lasts, in seconds [0.2]. */
  lasts?: number;
  /**
   * How it ends: in order, refused, or with data that come late and draw a RST
   * from whoever made it ["orderly"].
   */
  end?: "orderly" | "refused" | "late";
}

/** A capture file that is being written, in any order. */
export class Film {
  readonly #records: { at: number; bytes: Bytes }[] = [];
  /** How many connections, datagrams and refusals of the host's it shows. */
  readonly figures = {
    connections: 0,
    datagrams: 0,
    resets: 0,
    unreachables: 0,
  };

  #show(at: number, fromUs: boolean, datagram: Bytes): void {
    const header = cooked(fromUs ? FROM_US : TO_US, IPV4);
    this.#records.push({ at, bytes: concat(header, datagram) });
  }

  #segment(
    at: number,
    fromUs: boolean,
    { peer = SCANNER, local, remote }: Ends,
    init: TcpInit,
  ): void {
    const [sourcePort, destinationPort] = fromUs
      ? [local, remote]
      : [remote, local];
    const [source, destination] = fromUs ? [HOST, peer] : [peer, HOST];
    const segment = tcp({ sourcePort, destinationPort, ...init });
    this.#show(at, fromUs, ipv4(segment, { source, destination }));
  }

  /** A connection from its first to its last segment. */
  connection(connection: Connection): void {
    const { at, isOurs = false, delay = 0.0001, lasts = 0.2 } = connection;
    const { end = "orderly" } = connection;
    const there = 0x10000000 + Math.floor(at * 1000);
    const back = 0x60000000 + Math.floor(at * 1000);
    const say = (
      after: number,
      byMaker: boolean,
      flags: number,
      sequence: number,
      acknowledgement: number,
    ) =>
      this.#segment(at + after, byMaker === isOurs, connection, {
        flags,
        sequence,
        acknowledgement,
      });
    this.figures.connections++;
    say(0, true, SYN, there, 0);
    if (end === "refused") {
      say(0.0001, false, RST | ACK, 0, there + 1);
      if (!isOurs) this.figures.resets++;
      return;
    }
    say(delay, false, SYN | ACK, back, there + 1);
    say(delay + 0.0001, true, ACK, there + 1, back + 1);
    say(delay + 0.001, true, PSH | ACK, there + 1, back + 1);
    say(lasts, true, FIN | ACK, there + 1, back + 1);
    if (end === "late") {
      say(lasts + 2, false, PSH | ACK, back + 1, there + 2);
      say(lasts + 2.0001, true, RST, there + 2, 0);
      if (isOurs) this.figures.resets++;
      return;
    }
    say(lasts + 0.0001, false, FIN | ACK, back + 1, there + 2);
    say(lasts + 0.0002, true, ACK, there + 2, back + 2);
  }

  /** A datagram from the peer, or from the host. */
  datagram(
    at: number,
    fromUs: boolean,
    { peer = SCANNER, local, remote }: Ends,
    payload: UdpInit["payload"],
  ): Bytes {
    const [sourcePort, destinationPort] = fromUs
      ? [local, remote]
      : [remote, local];
    const [source, destination] = fromUs ? [HOST, peer] : [peer, HOST];
    const datagram = ipv4(udp({ sourcePort, destinationPort, payload }), {
      source,
      destination,
      protocol: UDP,
    });
    this.figures.datagrams++;
    this.#show(at, fromUs, datagram);
    return datagram;
  }

  /** A datagram to a port that is closed, and what the host says to that. */
  stray(at: number, ends: Ends, payload: UdpInit["payload"]): void {
    const quoted = this.datagram(at, false, ends, payload);
    const { peer = SCANNER } = ends;
    this.figures.unreachables++;
    const ips = { source: HOST, destination: peer, protocol: ICMP };
    this.#show(at + 0.0001, true, ipv4(icmpUnreachable(quoted), ips));
  }

  /** A scan of 60 closed ports, as nmap does it. */
  scan(at: number, peer: string): void {
    for (let i = 0; i < 60; i++) {
      const ends = { peer, local: 20 + i, remote: 50_000 };
      this.connection({ at: at + i * 0.01, ...ends, end: "refused" });
    }
  }

  /** The file. */
  develop(): Bytes {
    const start = Date.UTC(2026, 0, 1, 12) / 1000;
    const records = this.#records.toSorted((a, b) => a.at - b.at).map(
      ({ at, bytes }): FileRecord => ({
        seconds: start + Math.floor(at),
        fraction: Math.floor((at % 1) * 1e6),
        bytes,
      }),
    );
    const init = { ...FILE_KINDS[0], linkType: LINK_TYPE };
    const pieces = [pcap(init, [])];
    for (let i = 0; i < records.length; i += PIECE) {
      const piece = pcap(init, records.slice(i, i + PIECE));
      pieces.push(piece.subarray(FILE_HEADER));
    }
    return concat(...pieces);
  }
}

/** Innocent traffic of ten minutes. */
export interface Recording {
  name: string;
  record(film: Film): void;
}

/** Numbers without a pattern, the same ones each time. */
function mix(number: number): number {
  return Math.imul(number + 1, 0x9e3779b1) >>> 8;
}

/** Does something over and over for ten minutes. */
function often(every: number, act: (at: number, i: number) => void): void {
  for (let i = 0; i * every < SECONDS; i++) act(i * every, i);
}

function dnsAnswer(i: number): Bytes {
  const header = [i >> 8, i & 255, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
  const question = [7, ...new TextEncoder().encode("example"), 0, 0, 1, 0, 1];
  const answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
  return concat(header, question, answer);
}

function rtp(i: number): Bytes {
  const header = [0x80, i % 128 < 72 || i % 128 > 76 ? i % 128 : 0, i >> 8, i];
  return concat(header.map((byte) => byte & 255), new Uint8Array(168).fill(7));
}

/** The files. */
export const RECORDINGS: readonly Recording[] = [
  {
    name: "passive FTP, a session and a transfer each second",
    record: (film) =>
      often(1, (at, i) => {
        const remote = 33_000 + 2 * i;
        film.connection({ at, local: 21, remote });
        const local = 10_000 + mix(i) % 10_000;
        film.connection({ at: at + 0.1, local, remote: remote + 1 });
      }),
  },
  {
    name: "active FTP, host is the client and uses ports 10000 to 20000",
    record: (film) =>
      often(0.5, (at, i) => {
        const local = 10_000 + mix(i) % 10_000;
        film.connection({ at, local, remote: 20 });
      }),
  },
  {
    name: "late answers to a resolver, five a second",
    record: (film) =>
      often(0.2, (at, i) => {
        const ends = { local: 1024 + mix(i) % 64_000, remote: 53 };
        film.datagram(at, true, ends, dnsAnswer(i).subarray(0, 25));
        film.stray(at + 3, ends, dnsAnswer(i));
      }),
  },
  {
    name: "a call each second, RTP after the end of each",
    record: (film) =>
      often(1, (at, i) => {
        const local = 10_000 + 2 * (mix(i) % 5_000);
        const ends = { local, remote: 20_000 + 2 * i };
        for (let packet = 0; packet < 5; packet++) {
          film.datagram(at + packet / 50, true, ends, rtp(i));
          film.datagram(at + packet / 50 + 0.01, false, ends, rtp(i));
        }
        for (let packet = 0; packet < 6; packet++) {
          film.stray(at + 1 + packet / 50, ends, rtp(i));
        }
      }),
  },
  {
    name: "health checks of 30 services every 4 seconds, 6 down",
    record: (film) =>
      often(4, (at, i) => {
        for (let service = 0; service < 30; service++) {
          film.connection({
            at: at + service / 10_000,
            local: service < 10 ? 20 + service : 8_000 + service * 101,
            remote: 33_000 + i * 30 + service,
            end: service >= 24 ? "refused" : "orderly",
          });
        }
      }),
  },
  {
    name: "40 ports forwarded to a host 3 ms away, used at once",
    record: (film) =>
      often(15, (at, i) => {
        for (let service = 0; service < 40; service++) {
          film.connection({
            at: at + service / 100_000,
            delay: 0.003,
            local: 8_000 + service,
            remote: 33_000 + i * 40 + service,
          });
        }
      }),
  },
  {
    name: "200 clients behind one address, 10 connections a second",
    record: (film) =>
      often(0.1, (at, i) => {
        const local = [22, 25, 80, 143, 443, 587, 993, 8080][mix(i) % 8];
        film.connection({ at, local, remote: 1_024 + i * 5, lasts: 5 });
      }),
  },
  {
    name: "500 peers of a file sharing program, half of them refused",
    record: (film) =>
      often(0.2, (at, i) => {
        const number = mix(i) % 500;
        const peer = `203.0.${113 + (number >> 8)}.${number & 255}`;
        const [local, end] = number % 2 === 0
          ? [6_881, "orderly" as const]
          : [51_413 - number % 5 * 7_000, "refused" as const];
        film.connection({ at, peer, local, remote: 1_024 + i, end });
        if (end === "refused") {
          film.stray(at, { peer, local, remote: 6_881 }, new Uint8Array(30));
        }
      }),
  },
  {
    name: "an impatient client that uses reserved ports, late data each second",
    record: (film) =>
      often(1, (at, i) => {
        const local = 1_023 - i % 400;
        const ends = { local, remote: 2_049 };
        film.connection({ at, ...ends, isOurs: true, lasts: 1, end: "late" });
      }),
  },
  {
    name: "a client with ports 10000 to 20000, late data twice a second",
    record: (film) =>
      often(0.5, (at, i) => {
        const ends = { local: 10_000 + mix(i) % 10_000, remote: 443 };
        film.connection({ at, ...ends, isOurs: true, lasts: 1, end: "late" });
      }),
  },
];

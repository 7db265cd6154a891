/**
 * Random traffic of sources all of whose targets answer, or were open lately.
 *
 * @module
 */

import {
  PROTOCOL_SCTP,
  PROTOCOL_UDP,
  SCTP_COOKIE_ECHO,
  SCTP_INIT,
  SCTP_INIT_ACK,
  TCP_ACK,
  TCP_PSH,
  TCP_SYN,
} from "../../../library/packet.ts";
import { below, pick, type Random } from "../../random.ts";
import { type Ending, type Ends, Traffic } from "../traffic.ts";
import {
  clientPort,
  delayIn,
  moment,
  type Scene,
  someHosts,
  somePorts,
} from "./scenes.ts";

/** Which targets a source uses, and when. */
interface Uses {
  targets: Ends[];
  random: Random;
}

/** What one source does. */
type Pattern = (uses: Uses, traffic: Traffic) => void;

const ENDINGS: readonly Ending[] = ["fin", "reset", "stays"];

function connections({ targets, random }: Uses, traffic: Traffic): void {
  for (const ends of targets) {
    traffic.connect(ends, pick(random, ENDINGS), pick(random, [1, 40, 900]));
    if (below(random, 4) === 0) repeatSynAck(traffic, ends);
  }
}

/** A source may break off 64; two patterns of one are no more. */
const BROKEN_OFF = 32;

function brokenOff({ targets }: Uses, traffic: Traffic): void {
  for (const ends of targets.slice(0, BROKEN_OFF)) {
    traffic.connect(ends, "abort", 1);
  }
}

function repeatSynAck(traffic: Traffic, ends: Ends): void {
  traffic.send(ends, {
    flags: TCP_SYN | TCP_ACK,
    sequence: 5_000,
    acknowledgement: 7_001 + ends.sourcePort,
  }, 1_001);
}

/** Services that all restart, for moments or hours. */
function restarts({ targets, random }: Uses, traffic: Traffic): void {
  const last = Math.max(...targets.map(({ time }) => time));
  const pause = pick(random, [271, 8_111, 70_000, 27_000]);
  for (const ends of targets) {
    traffic.connect(ends, "reset", 1);
    for (let again = 1; again < 4; again++) {
      const sourcePort = ends.sourcePort + again;
      const time = last + moment(again * pause) + ends.time;
      traffic.refuse({ ...ends, sourcePort, time });
    }
  }
}

/** Questions by UDP, some repeated. */
function questions({ targets, random }: Uses, traffic: Traffic): void {
  const datagram = { protocol: PROTOCOL_UDP, flags: 0 };
  for (const ends of targets) {
    traffic.receive(ends, datagram);
    if (below(random, 4) === 0) traffic.receive(ends, datagram, 0.01);
    traffic.send(ends, datagram, pick(random, [ends.delay, 200]));
  }
}

function associations({ targets }: Uses, traffic: Traffic): void {
  const protocol = PROTOCOL_SCTP;
  for (const ends of targets) {
    const delay = ends.delay ?? 0;
    traffic.receive(ends, { protocol, flags: SCTP_INIT });
    traffic.send(ends, { protocol, flags: SCTP_INIT_ACK }, delay);
    traffic.receive(ends, { protocol, flags: SCTP_COOKIE_ECHO }, 2 * delay);
  }
}

/** Connections older than the capture, which go on. */
function olderConnections({ targets, random }: Uses, traffic: Traffic): void {
  for (const ends of targets) {
    traffic.receive(ends, { flags: TCP_ACK | TCP_PSH });
    traffic.send(ends, { flags: TCP_ACK }, pick(random, [ends.delay, 2_000]));
  }
}

/** All kinds at once, each of which has its own time to answer. */
function mixed({ targets, random }: Uses, traffic: Traffic): void {
  const kinds = [connections, questions, associations, olderConnections];
  for (const ends of targets) {
    pick(random, kinds)({ targets: [ends], random }, traffic);
  }
}

const PATTERNS: readonly Pattern[] = [
  connections,
  connections,
  brokenOff,
  mixed,
  mixed,
  restarts,
  questions,
  associations,
  olderConnections,
];

/** Targets that may be used: all, or those for which a test returns true. */
export type MayUse = (host: string, port: number) => boolean;

/** Uses of up to `most` targets by a source, at once or over hours. */
function randomUses(
  random: Random,
  scene: Scene,
  source: string,
  most: number,
  mayUse: MayUse,
): Uses {
  const hosts = someHosts(random, scene, pick(random, [1, 1, 8, 40]));
  const ports = somePorts(random, pick(random, [1, 3, 20, 60]));
  const pace = pick(random, [0, 1, 4, 90, 1_000]);
  const targets: Ends[] = [];
  const count = 1 + below(random, most);
  const start = below(random, 200);
  for (let i = 0; i < count; i++) {
    const host = pick(random, hosts);
    const port = pick(random, ports);
    if (!mayUse(host, port)) continue;
    targets.push({
      source,
      sourcePort: clientPort(random),
      host,
      port,
      time: moment(start + (pace === 0 ? i >>> 4 : i * pace), i),
      delay: delayIn(random, scene),
    });
  }
  return { targets, random };
}

const anywhere: MayUse = () => true;

/**
 * What an innocent source does, by one pattern or two.
 *
 * @param most How many targets it uses by each at most.
 */
export function randomInnocent(
  random: Random,
  scene: Scene,
  source: string,
  most = 120,
): Traffic {
  const traffic = new Traffic();
  for (let i = 0; i <= below(random, 2); i++) {
    const uses = randomUses(random, scene, source, most, anywhere);
    pick(random, PATTERNS)(uses, traffic);
  }
  return traffic;
}

/**
 * Answered connections, which end in any way; a few are aborted.
 *
 * @param mayUse Where they may go.
 * @param most How many they are at most.
 */
export function randomConnections(
  random: Random,
  scene: Scene,
  source: string,
  mayUse: MayUse,
  most = 100,
): Traffic {
  const traffic = new Traffic();
  const { targets } = randomUses(random, scene, source, most, mayUse);
  for (const [i, ends] of targets.entries()) {
    const ending = i % 2 === 0 ? "abort" : pick(random, ENDINGS);
    traffic.connect(ends, ending, pick(random, [1, 40]));
    if (below(random, 4) === 0) repeatSynAck(traffic, ends);
  }
  return traffic;
}

/**
 * Random scans of every technique.
 *
 * @module
 */

import { below, pick, type Random } from "../../random.ts";
import { type Fate, type Technique, TECHNIQUES, Traffic } from "../traffic.ts";
import {
  clientPort,
  delayIn,
  moment,
  type Scene,
  someHosts,
  somePorts,
} from "./scenes.ts";

/** A scan, and what it touches. */
export interface RandomScan {
  source: string;
  technique: Technique;
  traffic: Traffic;
  ports: ReadonlySet<number>;
  hosts: ReadonlySet<string>;
  /** When it ends, in steps. */
  end: number;
}

/** Steps between probes; 0: sixteen a step. */
const PACES: readonly number[] = [0, 0, 1, 5, 30, 81, 82, 300, 3_000];

/** What becomes of probes: each is as likely as it is often listed. */
const FATES: readonly (readonly Fate[])[] = [
  ["refused"],
  ["silent"],
  ["refused", "silent"],
  ["refused", "refused", "refused", "open"],
  ["open"],
];

/** A scan of a few to many targets, found or not. */
export function randomScan(
  random: Random,
  scene: Scene,
  source: string,
): RandomScan {
  const technique = pick(random, TECHNIQUES);
  const hosts = someHosts(random, scene, pick(random, [1, 1, 1, 3, 12, 40]));
  const ports = somePorts(random, 1 + below(random, pick(random, [4, 30, 90])));
  const pace = pick(random, PACES);
  const fates = pick(random, FATES);
  const delay = delayIn(random, scene);
  const sourcePort = clientPort(random);
  const traffic = new Traffic();
  const start = below(random, 100);
  const count = Math.min(hosts.length * ports.length, 120);
  const steps = (i: number) => pace === 0 ? i >>> 4 : i * pace;
  const byHost = below(random, 2) === 0;
  for (let i = 0; i < count; i++) {
    const [host, port] = byHost
      ? [i % hosts.length, Math.floor(i / hosts.length)]
      : [Math.floor(i / ports.length), i % ports.length];
    traffic.probe(technique, pick(random, fates), {
      source,
      sourcePort,
      host: hosts[host],
      port: ports[port],
      time: moment(start + steps(i), i),
      delay,
    });
  }
  return {
    source,
    technique,
    traffic,
    ports: new Set(ports),
    hosts: new Set(hosts),
    end: start + steps(count) + 1,
  };
}

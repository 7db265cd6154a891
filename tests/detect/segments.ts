/**
 * Segments made of plain values, by the million.
 *
 * @module
 */

import { Segment, type SegmentInit } from "../../mod.ts";

/** Segments between two addresses; to parse those takes most of the time. */
const known = new Map<string, Segment>();
const MOST_KNOWN = 100_000;
const segment = new Segment();

/** The same as {@linkcode Segment.from}, good until the next call. */
export function segmentAt(
  init: Omit<SegmentInit, "time">,
  time: number,
): Segment {
  segment.assign(between(init.source, init.destination));
  segment.protocol = init.protocol ?? segment.protocol;
  segment.sourcePort = init.sourcePort;
  segment.destinationPort = init.destinationPort;
  segment.flags = init.flags;
  segment.sequence = (init.sequence ?? 0) | 0;
  segment.acknowledgement = (init.acknowledgement ?? 0) | 0;
  segment.window = init.window ?? 0;
  segment.tos = init.tos ?? 0;
  segment.ttl = init.ttl ?? segment.ttl;
  segment.direction = init.direction ?? segment.direction;
  segment.time = segment.wallTime = time;
  return segment;
}

function between(source: string, destination: string): Segment {
  const key = `${source} ${destination}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  if (known.size === MOST_KNOWN) known.clear();
  const ports = { sourcePort: 0, destinationPort: 0 };
  const made = Segment.from({
    ...{ source, destination, ...ports, flags: 0, time: 0 },
  });
  known.set(key, made);
  return made;
}

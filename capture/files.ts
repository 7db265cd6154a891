/**
 * Several capture files, read as one: their packets in order of time.
 *
 * @module
 */

import { PacketKinds } from "../detect/packet/kinds.ts";
import type { PacketHandler } from "../detect/packet/packet.ts";
import {
  type Capture,
  type CaptureStatistics,
  type ProbeLosses,
  sumStatistics,
  type Tick,
} from "./capture.ts";
import { EmptyFileError, type FileCapture } from "./file.ts";
import { PacketQueue } from "./packet_queue.ts";

/** What the read buffers of all files may take together, in bytes. */
const BUFFERS = 32 << 20;
const LARGEST_CHUNK = 1 << 18;
/** Enough for the first packet, which tells when a file's turn comes. */
const SMALLEST_CHUNK = 4096;
/** After so many steps, signals get their turn. */
const STEPS_IN_A_ROW = 64;

/** Reads packets from capture files, merged by time. */
export class FilesCapture implements Capture {
  readonly description: string;
  readonly descriptors: readonly number[] = [];
  readonly #files: readonly FileCapture[];
  readonly #chunkSize: number;
  #isStopped = false;
  #steps = 0;
  /** Time told while a pipe keeps us waiting: that of the packets handed on. */
  #tick: Tick | undefined;

  /**
   * @param files The files, opened. Where times are equal, the first comes first.
   */
  constructor(files: readonly FileCapture[]) {
    this.#files = files;
    this.description = `${files.length} files`;
    const share = Math.floor(BUFFERS / files.length);
    this.#chunkSize = Math.max(SMALLEST_CHUNK, Math.min(LARGEST_CHUNK, share));
  }

  /** The files, "-" for standard input. */
  get paths(): readonly string[] {
    return this.#files.flatMap(({ paths }) => paths);
  }

  /** The files' size in bytes; undefined if one is a pipe. */
  get size(): number | undefined {
    return this.#files.reduce<number | undefined>(
      (sum, { size }) =>
        sum === undefined || size === undefined ? undefined : sum + size,
      0,
    );
  }

  /** Bytes read so far. */
  get bytesRead(): number {
    return this.#files.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  }

  /** Whether one of them is packed, or a pipe. */
  get mayBePacked(): boolean {
    return this.#files.some(({ mayBePacked }) => mayBePacked);
  }

  /** Packets of interfaces whose link type is not supported, by kind. */
  get skipped(): PacketKinds {
    const all = new PacketKinds();
    for (const { skipped } of this.#files) all.addAll(skipped);
    return all;
  }

  /** Of probe records: lines that are none, and records that came too late. */
  get probeLosses(): ProbeLosses {
    const all: ProbeLosses = { refused: 0, late: 0 };
    for (const { probeLosses: { refused, late } } of this.#files) {
      all.refused += refused;
      all.late += late;
    }
    return all;
  }

  async run(handler: PacketHandler, tick?: Tick): Promise<void> {
    this.#tick = tick;
    const lanes = this.#files.map((file, order) => new Lane(file, order));
    const waiting = new LaneHeap();
    for (const lane of lanes) {
      await this.#advance(lane, SMALLEST_CHUNK);
      // Its buffers are of use only once its turn has come.
      if (!lane.isEmpty) await lane.rewind();
      if (!lane.isOver) waiting.push(lane);
    }
    while (waiting.first !== undefined && !this.#isStopped) {
      const lane = waiting.first;
      if (lane.isEmpty) await this.#advance(lane, this.#chunkSize);
      else lane.handOn(handler, waiting.second);
      if (lane.isOver) waiting.removeFirst();
      else waiting.sinkFirst();
    }
    refuseDamaged(lanes, this.#files.some(({ readsProbes }) => readsProbes));
  }

  /** Reads on in a file until it has a packet, or is over. */
  async #advance(lane: Lane, chunkSize: number): Promise<void> {
    while (lane.isEmpty && !lane.isOver && !this.#isStopped) {
      await lane.step(chunkSize, this.#tick);
      if (++this.#steps % STEPS_IN_A_ROW > 0) continue;
      await new Promise((done) => setTimeout(done));
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const file of this.#files) file.stop();
  }

  statistics(): CaptureStatistics {
    return sumStatistics(this.#files.map((file) => file.statistics()));
  }

  close(): void {
    for (const file of this.#files) file.close();
  }
}

/**
 * A damaged file keeps nobody from reading the others. An empty one is no damage
 * among those of a fleet's hosts.
 */
function refuseDamaged(lanes: readonly Lane[], isFleet: boolean): void {
  const damaged = lanes.filter(({ failure }) =>
    failure !== undefined && !(isFleet && failure instanceof EmptyFileError)
  );
  if (damaged.length === 0) return;
  const [{ failure }] = damaged;
  if (damaged.length === 1) throw failure;
  const more = damaged.length - 1;
  throw new Error(
    `${failure?.message}; ${more} more of the ${lanes.length} files ${
      more === 1 ? "is" : "are"
    } damaged`,
  );
}

/** A file and those of its packets that are read already. */
class Lane {
  /** Where the file stands among the others. */
  readonly order: number;
  /** When its next packet was seen, as far as it has been read. */
  time = -Infinity;
  /** Why it cannot be read on. */
  failure: Error | undefined;
  readonly #file: FileCapture;
  #queue: PacketQueue | undefined;
  #steps: AsyncGenerator<void, void, void> | undefined;
  #isRead = false;

  constructor(file: FileCapture, order: number) {
    this.#file = file;
    this.order = order;
  }

  /** Whether it must be read on before it can hand on a packet. */
  get isEmpty(): boolean {
    return this.#queue === undefined || this.#queue.isEmpty;
  }

  /** Whether nothing comes from it any more. */
  get isOver(): boolean {
    return this.#isRead && this.isEmpty;
  }

  /** Reads a chunk. */
  async step(chunkSize: number, tick: Tick | undefined): Promise<void> {
    const queue = this.#queue ??= new PacketQueue();
    this.#steps ??= this.#file.steps(
      (packet) => queue.push(packet),
      tick,
      chunkSize,
    );
    try {
      this.#isRead = (await this.#steps.next()).done === true;
    } catch (error) {
      this.failure = error as Error;
      this.#isRead = true;
    }
    if (!queue.isEmpty) this.time = queue.time;
    if (this.isOver) this.#queue = undefined;
  }

  /** Forgets what was read, to read it again later, if it is no pipe. */
  async rewind(): Promise<void> {
    if (!this.#file.rewind()) return;
    await this.#steps?.return();
    this.#steps = undefined;
    this.#queue = undefined;
    this.#isRead = false;
    this.failure = undefined;
  }

  /** Hands on packets as long as another file has no earlier one. */
  handOn(handler: PacketHandler, other: Lane | undefined): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    do handler(queue.shift()); while (
      !queue.isEmpty && (other === undefined || queue.time < other.time)
    );
    if (!queue.isEmpty) this.time = queue.time;
  }
}

/** Files by the time of their next packet: a binary heap. */
class LaneHeap {
  readonly #lanes: Lane[] = [];

  /** The file whose packet is next. */
  get first(): Lane | undefined {
    return this.#lanes[0];
  }

  /** The file whose packet is next but for the first one's. */
  get second(): Lane | undefined {
    const [, left, right] = this.#lanes;
    return right !== undefined && isBefore(right, left) ? right : left;
  }

  /** Adds a file. */
  push(lane: Lane): void {
    const lanes = this.#lanes;
    let at = lanes.push(lane) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(lanes[at], lanes[parent])) return;
      [lanes[at], lanes[parent]] = [lanes[parent], lanes[at]];
      at = parent;
    }
  }

  /** Takes the first file away. */
  removeFirst(): void {
    const last = this.#lanes.pop();
    if (last === undefined || this.#lanes.length === 0) return;
    this.#lanes[0] = last;
    this.sinkFirst();
  }

  /** Puts the first file where it belongs, now that its time has changed. */
  sinkFirst(): void {
    const lanes = this.#lanes;
    for (let at = 0;;) {
      let child = 2 * at + 1;
      if (child >= lanes.length) return;
      const right = child + 1;
      if (right < lanes.length && isBefore(lanes[right], lanes[child])) {
        child = right;
      }
      if (!isBefore(lanes[child], lanes[at])) return;
      [lanes[at], lanes[child]] = [lanes[child], lanes[at]];
      at = child;
    }
  }
}

function isBefore(one: Lane, other: Lane): boolean {
  if (one.time !== other.time) return one.time < other.time;
  return one.order < other.order;
}

/**
 * Capture through packet sockets (packet(7)): needs no library.
 *
 * @module
 */

import type { PacketHandler } from "../detect/packet/packet.ts";
import type { PortMemory } from "../detect/probe/port_memory.ts";
import { attachFilter } from "../ffi/socket_filter.ts";
import {
  type Capture,
  type CaptureStatistics,
  describeInterfaces,
  sumStatistics,
  type Tick,
} from "./capture.ts";
import { ChangePacer } from "./changes.ts";
import { CaptureClock } from "./clock.ts";
import { kernelFilter } from "./filter.ts";
import {
  hasPatterns,
  InterfacePatterns,
  WatchedInterfaces,
} from "./interface_patterns.ts";
import { type Link, LocalAddresses } from "./local_addresses.ts";
import { PacketSocket, RETIRE_TIMEOUT_MS } from "./packet_socket.ts";
import { PollSet } from "./poll.ts";
import { KernelMemory } from "./port_memory/kernel_memory.ts";

/** How to capture. */
export interface RawCaptureOptions {
  /**
   * Names and patterns of interfaces; none: all. Those that appear later count
   * too.
   */
  interfaces: readonly string[];
  /** Packets for other hosts as well. */
  promiscuous: boolean;
  /** What this host answers, as evidence. */
  evidence: boolean;
  /** What tells of scans by this host as well [false]. */
  outgoing?: boolean;
  /** Whether the kernel is to remember which ports are in use, if it can. */
  portMemory: boolean;
  /** Told when a named interface goes, comes back or changes. */
  warn: (text: string) => void;
}

/** Watches interfaces through packet sockets. */
export class RawCapture implements Capture {
  readonly description: string;
  readonly descriptors: readonly number[];
  readonly rebound: readonly number[];
  readonly joining: readonly number[];
  /** This host's own addresses. */
  readonly local = new LocalAddresses();
  readonly #clock = new CaptureClock();
  readonly #sockets: readonly PacketSocket[];
  readonly #polled: PollSet;
  /** Which interfaces were asked for; undefined: all. */
  readonly #watched: WatchedInterfaces | undefined;
  readonly #pacer = new ChangePacer();
  readonly #warn: (text: string) => void;
  #memory: KernelMemory | undefined;
  #isFullSaid = false;
  #hasLearned = false;
  #stopping = false;

  /** @throws {Error} If a privilege is missing. */
  constructor(options: RawCaptureOptions) {
    const { interfaces, promiscuous, warn } = options;
    this.description = describeInterfaces("raw", interfaces);
    this.#warn = warn;
    this.#watched = interfaces.length === 0 ? undefined : new WatchedInterfaces(
      new InterfacePatterns(interfaces),
      () => this.#learnLinks(),
    );
    // Patterns are matched by us: no socket is bound to several interfaces.
    const names = interfaces.length === 0 || hasPatterns(interfaces)
      ? [undefined]
      : [...new Set(interfaces)];
    const filter = this.#filter(options);
    this.#sockets = names.map((name) =>
      new PacketSocket(name, options, filter, this.#clock, {
        watched: this.#watched,
        enslaved: this.local.enslaved,
      })
    );
    this.#memory?.closeDescriptors();
    this.#tellMemory();
    const appeared = (name: string, index: number) => {
      const isWatched = this.#watched?.decide(name, index) ?? true;
      if (!promiscuous || !isWatched) return;
      for (const socket of this.#sockets) socket.watchOthers(name, index);
    };
    for (const [name, index] of this.#learnLinks()) appeared(name, index);
    this.local.linkNamed = appeared;
    for (const socket of this.#sockets) socket.begin(this.local.links);
    warnIfNothingMatches(this.local.links, interfaces, warn);
    this.descriptors = this.#sockets.map(({ fd }) => fd);
    this.rebound = names[0] === undefined ? [] : this.descriptors;
    this.joining = promiscuous ? this.descriptors : [];
    this.#polled = new PollSet(this.descriptors, this.local);
  }

  /**
   * Attaches the filter to sockets: the program that writes the port memory,
   * which is loaded once there is a socket, or the classic one.
   */
  #filter(options: RawCaptureOptions): (socket: number) => void {
    let isWanted = options.portMemory;
    return (socket) => {
      if (isWanted) this.#memory = openMemory(options);
      isWanted = false;
      if (this.#memory !== undefined) this.#memory.attach(socket);
      else attachFilter(socket, kernelFilter(options));
    };
  }

  /** Which ports are in use, as the kernel writes it; undefined if it does not. */
  get portMemory(): PortMemory | undefined {
    return this.#memory?.memory;
  }

  async run(handler: PacketHandler, tick?: Tick): Promise<void> {
    while (!this.#stopping) {
      this.#drain(handler);
      await this.#waitForPackets(tick);
      for (const [i, socket] of this.#sockets.entries()) {
        // An interface that goes down leaves one, and would wake us for ever.
        if (this.#polled.hasError(i)) socket.clearError();
      }
    }
    // What came in last still waits for its block to be handed over.
    await new Promise((done) => setTimeout(done, 3 * RETIRE_TIMEOUT_MS));
    this.#drain(handler);
  }

  /** Changes of addresses and interfaces are looked at meanwhile. */
  async #waitForPackets(tick: Tick | undefined): Promise<void> {
    const longest = Math.min(
      this.#clock.tell(tick, RETIRE_TIMEOUT_MS),
      this.#memory?.readReceivers(this.#clock.now) ?? Infinity,
    );
    const { pause } = this.#pacer;
    const isWatching = pause === 0 && !this.#hasLearned;
    this.#polled.heedAddresses(isWatching);
    await this.#polled.wait(isWatching ? longest : Math.min(longest, pause));
    const isDue = this.#hasLearned && this.#pacer.pause === 0;
    if (!isDue && !this.#polled.hasNewAddresses) return;
    this.#hasLearned = false;
    this.#pacer.look(() => {
      this.local.refresh();
      for (const socket of this.#sockets) socket.follow(this.local.links);
      this.#tellMemory();
    });
  }

  #tellMemory(): void {
    const { hosts, hasNetworks, links } = this.local;
    this.#memory?.followLinks(links.values());
    const refused = this.#memory?.followAddresses(hosts, !hasNetworks) ?? 0;
    if (refused === 0 || this.#isFullSaid) return;
    this.#isFullSaid = true;
    this.#warn(
      `${refused} of ${hosts.length} local addresses do not fit into the kernel's table: ACK and UDP scans of those are not seen`,
    );
  }

  /** All interfaces that there are now. */
  #learnLinks(): Iterable<[name: string, index: number]> {
    // That takes what would have ended the waiting.
    this.#hasLearned = true;
    this.local.refreshLinks();
    return [...this.local.links].map(([name, { index }]) => [name, index]);
  }

  #drain(handler: PacketHandler): void {
    for (const socket of this.#sockets) socket.ring.drain(handler);
  }

  stop(): void {
    this.#stopping = true;
    this.#polled.wake();
  }

  interfaceName(index: number): string | undefined {
    for (const [name, link] of this.local.links) {
      if (link.index === index) return name;
    }
    return undefined;
  }

  statistics(): CaptureStatistics {
    return sumStatistics(this.#sockets.map((each) => each.statistics()));
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
    this.local.close();
    this.#memory?.close();
    this.#polled.close();
  }
}

/** The memory in the kernel; where that is refused, what is unseen is said. */
function openMemory(
  { interfaces, promiscuous, outgoing, warn }: RawCaptureOptions,
): KernelMemory | undefined {
  const partial = interfaces.length > 0;
  try {
    return new KernelMemory({ promiscuous, outgoing, partial });
  } catch (error) {
    const reason = error instanceof Error ? error.message : `${error}`;
    warn(
      `no port memory in the kernel (${reason}): of ACK and UDP scans only those are seen that this host refuses, below its ephemeral ports; CAP_BPF would change that`,
    );
    return undefined;
  }
}

/** A pattern that is wrong must not go unnoticed. */
function warnIfNothingMatches(
  links: ReadonlyMap<string, Link>,
  interfaces: readonly string[],
  warn: (text: string) => void,
): void {
  if (!hasPatterns(interfaces)) return;
  const patterns = new InterfacePatterns(interfaces);
  if ([...links.keys()].some((name) => patterns.matches(name))) return;
  warn(
    `no interface matches ${
      interfaces.join(", ")
    } yet; waiting for one (there are ${[...links.keys()].join(", ")})`,
  );
}

/**
 * Capture through libnids, which puts IPv4 fragments together as Linux does:
 * for systems that use it already. IPv4 only.
 *
 * @module
 */

import { LINKTYPE_RAW } from "../detect/packet/link.ts";
import {
  DIRECTION_IN,
  DIRECTION_OUT,
  Packet,
  type PacketHandler,
} from "../detect/packet/packet.ts";
import { keepDescriptor } from "../ffi/descriptors.ts";
import { libc } from "../ffi/libc.ts";
import {
  type Libnids,
  libnids,
  NIDS_CHKSUM_CTL_SIZE,
  NIDS_DONT_CHKSUM,
  NIDS_PARAMS,
  NIDS_PARAMS_SIZE,
} from "../ffi/libnids.ts";
import {
  lastError,
  libpcap,
  PCAP_D_IN,
  type PcapHandle,
  setCheckedFilter,
  setDirection,
} from "../ffi/libpcap.ts";
import {
  type Capture,
  type CaptureStatistics,
  describeInterfaces,
  sumStatistics,
  type Tick,
} from "./capture.ts";
import { CaptureClock } from "./clock.ts";
import {
  datagramFilter,
  ipv4AnswerFilter,
  ipv4SctpFilter,
} from "./filter_expression.ts";
import { type LocalAddresses, watchLocalAddresses } from "./local_addresses.ts";
import { deviceNames } from "./pcap.ts";
import { openDevice, PcapDevice, TIMEOUT_MS } from "./pcap_device.ts";
import { PollSet } from "./poll.ts";

/** libnids needs datagrams whole. */
const SNAP_LENGTH = 65_535;
/** What is copied of a datagram: the longest IPv4 and TCP headers. */
const COPY_LENGTH = 120;
const BATCH = 1024;
/** After so many batches, other things get their turn. */
const MAX_BATCHES = 64;

/** How to capture. */
export interface NidsCaptureOptions {
  /** Names of interfaces: libnids can watch one; none: all, by "any". */
  interfaces: readonly string[];
  /** Packets for other hosts as well. */
  promiscuous: boolean;
  /** Told what is not watched. */
  warn: (text: string) => void;
  /** SCTP and what this host answers, as evidence: through libpcap alone. */
  evidence: boolean;
  /** A further tcpdump expression. */
  filter?: string;
}

/** Watches one interface, or all, through libnids. */
export class NidsCapture implements Capture {
  readonly description: string;
  readonly descriptors: readonly number[];
  /** This host's own addresses; undefined where they cannot be watched. */
  readonly local: LocalAddresses | undefined;
  readonly #lib: Libnids;
  readonly #handle: PcapHandle;
  /** For what libnids does not hand on; read after what it does. */
  readonly #devices: readonly PcapDevice[];
  readonly #polled: PollSet;
  readonly #clock = new CaptureClock();
  readonly #packet = new Packet();
  readonly #bytes = new Uint8Array(COPY_LENGTH);
  readonly #callbacks: { close(): void }[] = [];
  /** libnids looks here for each packet: it must live as long as the capture. */
  readonly #unchecked = new Uint32Array(new ArrayBuffer(NIDS_CHKSUM_CTL_SIZE));
  #handler: PacketHandler = () => {};
  #failure: unknown;
  #received = 0;
  #stopping = false;

  /** @throws {Error} If a library, an interface or a privilege is missing. */
  constructor(options: NidsCaptureOptions) {
    const { interfaces, promiscuous, filter, warn } = options;
    libpcap(); // If it is missing, libnids would be blamed: it needs it too.
    this.#lib = libnids();
    const [device, ...others] = deviceNames(
      interfaces,
      promiscuous,
      warn,
    );
    if (others.length > 0) {
      throw new Error(
        "--capture nids can watch only one interface; name it with --interface, or use --capture pcap",
      );
    }
    this.description = describeInterfaces("nids", interfaces);
    this.#handle = openDevice("nids", device, {
      promiscuous,
      snapLength: SNAP_LENGTH,
      isImmediate: false, // whole datagrams leave room for few packets then
    });
    setDirection(this.#handle, PCAP_D_IN);
    setCheckedFilter(this.#handle, filter, datagramFilter);
    this.#initialize();
    this.#packet.view = new DataView(this.#bytes.buffer);
    this.#packet.linkType = LINKTYPE_RAW;
    this.#packet.direction = DIRECTION_IN;
    this.#devices = options.evidence
      ? openDevices(device, options, this.#clock)
      : [];
    this.local = watchLocalAddresses();
    this.descriptors = [
      keepDescriptor(this.#lib.nids_getfd()),
      ...this.#devices.map(({ fd }) => fd),
    ];
    this.#polled = new PollSet(this.descriptors, this.local);
  }

  #initialize(): void {
    this.#setParameters();
    if (this.#lib.nids_init() === 0) {
      const errors = this.#lib.nids_errbuf;
      const reason = errors && Deno.UnsafePointerView.getCString(errors);
      throw new Error(`--capture nids: ${reason ?? "nids_init failed"}`);
    }
    // Checksums look wrong where the network card fills them in: netaddr 0,
    // mask 0 stands for all addresses.
    this.#unchecked[2] = NIDS_DONT_CHKSUM;
    this.#lib.nids_register_chksum_ctl(this.#unchecked, 1);

    const onDatagram = new Deno.UnsafeCallback(
      { parameters: ["pointer", "i32"], result: "void" },
      (header, length) => this.#take(header, length),
    );
    this.#callbacks.push(onDatagram);
    this.#lib.nids_register_ip(onDatagram.pointer);
  }

  #setParameters(): void {
    const params = new DataView(Deno.UnsafePointerView.getArrayBuffer(
      this.#lib.nids_params as Deno.PointerObject,
      NIDS_PARAMS_SIZE,
    ));
    // Its own complaints about packets would go to syslog in our name.
    const onComplaint = new Deno.UnsafeCallback({
      parameters: ["i32", "i32", "pointer", "pointer"],
      result: "void",
    }, () => {});
    this.#callbacks.push(onComplaint);
    const setPointer = (offset: number, pointer: Deno.PointerValue) =>
      params.setBigUint64(offset, Deno.UnsafePointer.value(pointer), true);
    params.setInt32(NIDS_PARAMS.n_tcp_streams, 0, true);
    params.setInt32(NIDS_PARAMS.scan_num_hosts, 0, true);
    params.setInt32(NIDS_PARAMS.promisc, 0, true);
    params.setInt32(NIDS_PARAMS.multiproc, 0, true);
    setPointer(NIDS_PARAMS.syslog, onComplaint.pointer);
    setPointer(NIDS_PARAMS.pcap_desc, this.#handle);
  }

  /** Called by libnids with each whole datagram; must never throw. */
  #take(header: Deno.PointerValue, length: number): void {
    try {
      // The length is the buffer's; the decoder goes by the IP total length.
      const copied = Math.min(length, COPY_LENGTH);
      if (header === null || copied <= 0) return;
      libc().memcpy(this.#bytes, header, BigInt(copied));
      this.#packet.length = copied;
      this.#packet.originalLength = length;
      this.#received++;
      this.#handler(this.#packet);
    } catch (error) {
      this.#failure = error;
    }
  }

  async run(handler: PacketHandler, tick?: Tick): Promise<void> {
    this.#handler = handler;
    while (!this.#stopping) {
      this.#drainAll();
      await this.#polled.wait(this.#clock.tell(tick, TIMEOUT_MS));
      if (this.#polled.hasNewAddresses) this.local?.refresh();
    }
    await new Promise((done) => setTimeout(done, 3 * TIMEOUT_MS));
    this.#drainAll();
  }

  #drainAll(): void {
    this.#drain();
    for (const device of this.#devices) {
      device.drain(this.#handler);
      if (device.failure !== undefined) {
        throw new Error(`--capture nids: ${device.failure}`);
      }
    }
  }

  #drain(): void {
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      // libnids tells no time stamp of a datagram that it put together.
      this.#clock.sample();
      this.#packet.time = this.#clock.now;
      this.#packet.wallTime = Date.now();
      const count = this.#lib.nids_dispatch(BATCH);
      if (this.#failure !== undefined) throw this.#failure;
      if (count < 0) {
        throw new Error(`--capture nids: ${lastError(this.#handle)}`);
      }
      if (count === 0) return;
    }
  }

  stop(): void {
    this.#stopping = true;
    this.#polled.wake();
  }

  statistics(): CaptureStatistics {
    const stats = new Uint32Array(3); // struct pcap_stat
    libpcap().pcap_stats(this.#handle, stats);
    return sumStatistics([
      { received: this.#received, dropped: stats[1] },
      ...this.#devices.map((each) => each.statistics()),
    ]);
  }

  /** libnids closes the handle itself. */
  close(): void {
    this.#lib.nids_exit();
    for (const device of this.#devices) device.close();
    for (const callback of this.#callbacks) callback.close();
    this.local?.close();
    this.#polled.close();
  }
}

/** What libnids does not hand on: SCTP, and what this host sends. */
function openDevices(
  name: string,
  { promiscuous, filter }: NidsCaptureOptions,
  clock: CaptureClock,
): PcapDevice[] {
  const common = { kind: "nids", name, filter };
  const incoming = {
    promiscuous,
    direction: DIRECTION_IN,
    within: ipv4SctpFilter,
  };
  const outgoing = {
    promiscuous: false,
    direction: DIRECTION_OUT,
    within: ipv4AnswerFilter,
  };
  return [incoming, outgoing].map((each) =>
    new PcapDevice({ ...common, ...each }, clock)
  );
}

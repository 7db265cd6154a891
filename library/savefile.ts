/**
 * Capture files, pcap and pcapng, as packets.
 *
 * @module
 */

export {
  CLASSIC_STEP_MS,
  SMALL_STEP_MS,
} from "../capture/savefile/file_clock.ts";
export { CaptureFileError } from "../capture/savefile/format.ts";
export {
  type SavefileOptions,
  SavefileReader,
} from "../capture/savefile/savefile.ts";
export { Packet, type PacketHandler } from "../detect/packet/packet.ts";
export { type KindCount, PacketKinds } from "../detect/packet/kinds.ts";

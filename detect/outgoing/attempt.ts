/**
 * An attempt of one of our hosts to open a connection to another host.
 *
 * @module
 */

import { PROTOCOL_TCP, Segment } from "../packet/segment.ts";
import { AddressHash } from "../hash.ts";
import { weightOf } from "../probe/traits.ts";
import { Key } from "../table/source_key.ts";
import { IS_OURS, targetProtocol, WAITING } from "../table/target_word.ts";

/** The attempt that is being looked at; its fields are used again and again. */
export class Attempt {
  /** The packet, as our host has sent it. */
  readonly probe: Segment = new Segment();
  /** The protocol of its target. */
  protocol = 0;
  /** A keyed hash of the other host's address. */
  host = 0;
  /** Traits of its target. */
  traits = 0;
  /** What is known of its target. */
  state: number = WAITING;
  /** The record's key, but for the part that differs between the questions. */
  readonly key: Key = new Key();
  readonly #hash: AddressHash;

  /** @param random A source of secrets: 32 random bits at each call. */
  constructor(random: () => number) {
    this.#hash = new AddressHash(random);
  }

  /** Takes what our host has sent. */
  take(sent: Segment, state: number, traits: number): void {
    const { probe } = this;
    probe.assign(sent);
    if (probe.protocol !== PROTOCOL_TCP) probe.flags = 0;
    this.#derive(state, traits);
  }

  /** Takes what our host must have sent, from what answers it. */
  takeAnswered(answer: Segment, state: number): void {
    this.probe.assign(answer);
    this.probe.reverse();
    this.#derive(state, 0);
  }

  #derive(state: number, traits: number): void {
    const { probe } = this;
    this.state = state;
    this.protocol = targetProtocol(probe.protocol);
    // Nobody answers in another's place: half of the capture is not missing.
    this.traits = traits | IS_OURS | weightOf(probe.destinationPort);
    const { source0, source1, source2, source3 } = probe;
    const { destination0, destination1, destination2, destination3 } = probe;
    this.#hash.of(source0, source1, source2, source3);
    // An IPv4 record knows its source by the key's last word.
    this.key.w1 = this.#hash.tag | 1;
    this.key.w3 = source3;
    this.#hash.of(destination0, destination1, destination2, destination3);
    this.host = this.#hash.tag;
  }
}

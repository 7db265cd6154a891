/**
 * Collects what a page shows.
 *
 * @module
 */

import type { ReportEvent } from "../format/event.ts";
import { formatPage } from "../format/page/page.ts";

/** Events on a page; a browser has to hold them all. */
const MAX_EVENTS = 200_000;
const NONCE_BYTES = 16;

/** Collects events for a page. */
export class PageCollector {
  readonly #events: ReportEvent[] = [];
  readonly #files: readonly string[];
  #omitted = 0;

  /** @param files What is read. */
  constructor(files: readonly string[]) {
    this.#files = files;
  }

  /** Takes an event, or counts it if there is no room. */
  add(event: ReportEvent): void {
    if (this.#events.length < MAX_EVENTS) this.#events.push(event);
    else this.#omitted++;
  }

  /** The page. */
  text(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    return formatPage(this.#events, {
      nonce: bytes.toHex(),
      files: this.#files,
      omitted: this.#omitted,
    });
  }
}

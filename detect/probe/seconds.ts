/**
 * Times as the memories of ports keep them: whole seconds, of which 0 means never.
 *
 * @module
 */

/** The whole second of a time in milliseconds; never 0, which means never. */
export function second(time: number): number {
  return Math.max(1, Math.floor(time / 1000));
}

/**
 * Whether a second lies no longer ago than a span. One that is to come counts:
 * the kernel writes while packets wait to be read.
 */
export function isWithin(then: number, time: number, span: number): boolean {
  return then !== 0 && Math.floor(time / 1000) - then <= span;
}

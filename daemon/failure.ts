/**
 * What the user can do something about.
 *
 * @module
 */

/**
 * The program cannot start or go on: its message, one line that says what
 * failed, on what, and what to do, goes to standard error, and the exit status
 * is 1.
 */
export class Failure extends Error {
  override name = "Failure";
  /** Whether somebody has said so already. */
  readonly isSaid: boolean;

  constructor(message: string, { isSaid = false } = {}) {
    super(message);
    this.isSaid = isSaid;
  }
}

/** Texts in messages are cut to so many characters. */
const MAX_QUOTE = 60;

/** A text of somebody else's in quotes, on one line and not too long. */
export function quote(text: string): string {
  const isLong = text.length > MAX_QUOTE;
  return JSON.stringify(isLong ? `${text.slice(0, MAX_QUOTE)}...` : text);
}

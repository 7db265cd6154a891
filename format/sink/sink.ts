/**
 * What every sink offers: a place where lines are written to.
 *
 * @module
 */

/** Takes lines; nothing that happens to them ever holds up or ends the caller. */
export interface Sink {
  /** What it is, for diagnostics. */
  readonly description: string;
  /** Lines that could not be written. */
  readonly lost: number;
  /** Why nothing can be written any more, if so. */
  readonly failure?: Error;
  /** Directories between which it changes to reopen something. */
  readonly directories?: readonly number[];
  /** Files whose length it changes. */
  readonly rewritten?: readonly number[];
  /** Whether it connects to a stream. */
  readonly isStream?: boolean;
  /** Writes a line, given without a line end, or keeps it for later. */
  write(line: string): void;
  /** Writes what the program says of itself, where that has a place. */
  note?(text: string): void;
  /** Called once behind chroot, while directories can still be opened. */
  settle?(): void;
  /** Reopens what may have been replaced. */
  reopen?(): void;
  /** Resolves once all that can be written is written. */
  flush(): Promise<void>;
  /** Frees what it holds. */
  close(): void;
}

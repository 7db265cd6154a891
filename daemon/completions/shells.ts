/**
 * The shells that there are completions for. A file of its own, so that the
 * option table can name them.
 *
 * @module
 */

/** A shell, by its name. */
export type Shell = (typeof SHELLS)[number];

/** All shells that there are completions for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

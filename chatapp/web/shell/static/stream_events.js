/* The events of streams, as a page receives them (docs/protocol.md), and who receives them. */

/** @typedef {{stream: string, seq: number, kind: string, data: any}} StreamEvent */

/**
 * @typedef {object} Follower
 * @property {(event: StreamEvent) => void} apply
 * @property {() => void} reset forget everything: it comes again
 * @property {(code: string) => void} refused this user may not follow the stream, or it does not exist
 */

/** @typedef {"open" | "offline" | "reconnecting" | "crowded" | "logged_out"} ConnectionState */

/** A stream ends with the first event of one of these kinds. */
export const FINAL_KINDS = new Set(["run.completed", "run.stopped", "run.failed", "run.lost"]);

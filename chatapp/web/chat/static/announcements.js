/* What a screen reader is told about an answer. */

import { retryingLabel } from "../shell/retrying.js";

const ANNOUNCEMENTS = {
  "run.started": () => "Answering",
  "run.retrying": retryingLabel,
  "run.completed": () => "Done",
  "run.stopped": () => "Stopped",
  "run.failed": (data) => `Failed: ${data.message}`,
  "run.lost": (data) => `Interrupted: ${data.message}`,
};

/** @param {{kind: string, data: any}} event */
export function announcementOf({ kind, data }) {
  return ANNOUNCEMENTS[kind](data);
}

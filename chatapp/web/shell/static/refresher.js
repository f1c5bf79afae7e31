/* Loading something again whenever it may have changed: one request at a time, repeated until the server answers. */

import { delay, RETRY_DELAY } from "./requests.js";

export class Refresher {
  #load;
  #settleTime;
  #isStale = false; // something has changed since the last load began
  #isLoading = false;

  /** `load` fetches and shows; `settleTime` (ms): changes within it share one load.
   * @param {() => Promise<void>} load */
  constructor(load, settleTime = 0) {
    this.#load = load;
    this.#settleTime = settleTime;
  }

  /** A load that is under way may not know of the latest change: load once more after it. */
  invalidate() {
    this.#isStale ||= this.#isLoading;
  }

  async refresh() {
    this.#isStale = true;
    if (this.#isLoading) return;
    this.#isLoading = true;
    while (this.#isStale) {
      if (this.#settleTime) await delay(this.#settleTime);
      this.#isStale = false;
      try {
        await this.#load();
      } catch (error) {
        this.#isStale = Boolean(error.isRetryable);
        if (this.#isStale) await delay(RETRY_DELAY);
      }
    }
    this.#isLoading = false;
  }
}

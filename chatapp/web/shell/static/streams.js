/* All streams that this page follows, over its one connection (docs/protocol.md).

Each stream continues after the last seq applied here, at the start and after every interruption alike. */

import { Connection } from "./connection.js";
import { FINAL_KINDS } from "./stream_events.js";
/** @import { ConnectionState, Follower } from "./stream_events.js" */

const ACK_EVERY = 32; // events; the server waits when 256 are not acknowledged

export class Streams {
  #connection;
  #followed = new Map(); // stream -> {last, acked, follower, hasNoLog}

  /** @param {{socket: string, events: string}} urls @param {(state: ConnectionState) => void} onState */
  constructor(urls, onState) {
    const followed = this.#followed;
    this.#connection = new Connection(urls, {
      get isFollowing() {
        return followed.size > 0;
      },
      get isIdle() {
        return [...followed.values()].every(({ hasNoLog }) => hasNoLog);
      },
      restart: () => [...followed].map(([stream, entry]) => [stream, (entry.acked = entry.last)]),
      receive: (events) => this.#receive(events),
      onState,
    });
  }

  /** Send `follower` the events of `stream` with a seq above `after`.
   * @param {string} stream @param {number} after @param {Follower} follower */
  follow(stream, after, follower) {
    this.#followed.set(stream, { last: after, acked: after, follower });
    this.#connection.follow(stream, after);
  }

  unfollow(stream, by = this.#followed.get(stream)?.follower) {
    if (by === this.#followed.get(stream)?.follower && this.#followed.delete(stream))
      this.#connection.send({ unfollow: stream });
  }

  #receive(events) {
    for (const event of events) {
      const entry = this.#followed.get(event.stream);
      if (!entry) continue;
      if (event.seq === 0) this.#control(event, entry);
      else if (event.seq > entry.last) this.#apply(event, entry);
    }
  }

  #control(event, entry) {
    if (event.kind === "resync") {
      entry.last = 0;
      entry.follower.reset();
      this.#requestEvents(event.stream);
    } else if (event.kind === "refused") {
      this.#followed.delete(event.stream);
      entry.follower.refused(event.data.code);
    } else if (event.kind === "live") {
      entry.hasNoLog = true;
      entry.follower.reset(); // a stream without history starts here
    } else entry.follower.apply(event);
  }

  #apply(event, entry) {
    if (event.seq !== entry.last + 1 && event.kind !== "snapshot") return this.#requestEvents(event.stream); // a gap
    entry.last = event.seq;
    if (FINAL_KINDS.has(event.kind)) this.#followed.delete(event.stream);
    else if (entry.last - entry.acked >= ACK_EVERY) {
      entry.acked = entry.last;
      this.#connection.send({ ack: { [event.stream]: entry.last } });
    }
    entry.follower.apply(event);
  }

  #requestEvents(stream) {
    const entry = this.#followed.get(stream);
    entry.acked = entry.last;
    this.#connection.follow(stream, entry.last);
  }
}

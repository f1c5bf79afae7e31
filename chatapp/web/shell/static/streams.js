/* One WebSocket for all streams that this page follows (docs/protocol.md).

Each stream continues after the last seq applied here, at the start and after every interruption alike. */

import { FINAL_KINDS } from "./stream_events.js";
/** @import { ConnectionState, Follower } from "./stream_events.js" */

const ACK_EVERY = 32; // events; the server waits when 256 are not acknowledged
const SILENCE = 40_000; // ms; the server sends something every 15 s, so a longer silence is a dead connection
const SUSPICIOUS_SILENCE = 20_000; // ms after which a page that becomes visible does not trust its socket
const WATCH_INTERVAL = 5_000; // ms
const FIRST_WAIT = 500; // ms before the first reconnect
const LONGEST_WAIT = 15_000; // ms
const [LOGGED_OUT, TOO_MANY] = [4401, 4429]; // close codes; too many connections of one user

export class Streams {
  #url;
  #onState;
  #followed = new Map(); // stream -> {last, acked, follower}
  #socket = null;
  #failures = 0; // in a row
  #reconnectTimer = null;
  #lastReceivedAt = 0; // ms
  #isLogoutSuspected = false; // closed once as logged out: a password change in another tab renews the cookie

  /** @param {(state: ConnectionState) => void} onState */
  constructor(url, onState) {
    this.#url = url;
    this.#onState = onState;
    setInterval(() => this.#watch(), WATCH_INTERVAL);
    addEventListener("online", () => this.#reconnect());
    addEventListener("pagehide", () => this.#disconnect()); // a socket keeps a page out of the back/forward cache
    addEventListener("pageshow", (event) => event.persisted && this.#reconnect());
    document.addEventListener("visibilitychange", () => !document.hidden && this.#isSuspicious && this.#reconnect());
  }

  /** Send `follower` the events of `stream` with a seq above `after`.
   * @param {string} stream @param {number} after @param {Follower} follower */
  follow(stream, after, follower) {
    this.#followed.set(stream, { last: after, acked: after, follower });
    if (this.#isOpen) this.#requestEvents(stream);
    else if (!this.#socket) this.#connect();
  }

  unfollow(stream, by = this.#followed.get(stream)?.follower) {
    if (by === this.#followed.get(stream)?.follower && this.#followed.delete(stream)) this.#send({ unfollow: stream });
  }

  get #isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  get #isSuspicious() {
    return !this.#isOpen || Date.now() - this.#lastReceivedAt > SUSPICIOUS_SILENCE;
  }

  #connect() {
    clearTimeout(this.#reconnectTimer);
    const socket = (this.#socket = new WebSocket(this.#url));
    this.#lastReceivedAt = Date.now();
    socket.onopen = () => this.#onOpen();
    socket.onmessage = (message) => this.#receive(message.data);
    socket.onclose = (event) => this.#onClose(event.code);
  }

  #onOpen() {
    this.#onState("open");
    for (const stream of this.#followed.keys()) this.#requestEvents(stream);
  }

  #onClose(code) {
    this.#socket = null;
    if (code === LOGGED_OUT && this.#isLogoutSuspected) return this.#onState("logged_out");
    this.#isLogoutSuspected = code === LOGGED_OUT;
    if (!this.#followed.size) return this.#onState("open");
    this.#onState(code === TOO_MANY ? "crowded" : "reconnecting");
    const longest = code === TOO_MANY ? 2 * LONGEST_WAIT : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    this.#reconnectTimer = setTimeout(() => this.#connect(), longest * (0.2 + 0.8 * Math.random()));
  }

  /** Give up the socket without waiting for its close event: a dead one takes minutes to notice. */
  #disconnect() {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #reconnect() {
    this.#disconnect();
    this.#failures = 0;
    if (this.#followed.size) this.#connect();
  }

  #watch() {
    if (!this.#followed.size) this.#disconnect();
    else if (this.#socket && Date.now() - this.#lastReceivedAt > SILENCE) {
      this.#disconnect();
      this.#onClose();
    }
  }

  #requestEvents(stream) {
    const entry = this.#followed.get(stream);
    entry.acked = entry.last;
    this.#send({ follow: stream, after: entry.last });
  }

  #send(message) {
    if (this.#isOpen) this.#socket.send(JSON.stringify(message));
  }

  /** A message holds one event or an array of them. */
  #receive(text) {
    this.#lastReceivedAt = Date.now();
    this.#failures = 0; // not in onopen: a socket that opens and stays silent is no success yet
    this.#isLogoutSuspected = false;
    for (const event of [JSON.parse(text)].flat()) {
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
    } else if (event.kind === "live")
      entry.follower.reset(); // a stream without history starts here
    else entry.follower.apply(event);
  }

  #apply(event, entry) {
    if (event.seq !== entry.last + 1 && event.kind !== "snapshot") return this.#requestEvents(event.stream); // a gap
    entry.last = event.seq;
    if (FINAL_KINDS.has(event.kind)) this.#followed.delete(event.stream);
    else if (entry.last - entry.acked >= ACK_EVERY) {
      entry.acked = entry.last;
      this.#send({ ack: { [event.stream]: entry.last } });
    }
    entry.follower.apply(event);
  }
}

/* The page's one connection to its streams, which is kept up: a WebSocket or, where a proxy lets none through,
server-sent events. The server sends a heartbeat at once, so a socket that stays silent is one that is blocked. */

import { EventSourceTransport, isSocketBlocked, markSocketBlocked, SocketTransport } from "./transports.js";
/** @import { ConnectionState } from "./stream_events.js" */

const SILENCE = 40_000; // ms; the server sends something every 15 s, so a longer silence is a dead connection
const SUSPICIOUS_SILENCE = 20_000; // ms after which a page that becomes visible does not trust its connection
const WATCH_INTERVAL = 5_000; // ms
const FIRST_MESSAGE_WAIT = 2_500; // ms for which a WebSocket may be silent at first
const FIRST_WAIT = 500; // ms before the first reconnect
const LONGEST_WAIT = 15_000; // ms
const [LOGGED_OUT, TOO_MANY] = [4401, 4429]; // close codes; too many connections of one user

/**
 * @typedef {object} Client
 * @property {boolean} isFollowing
 * @property {boolean} isIdle nothing that it follows is being written
 * @property {() => [string, number][]} restart all streams, and the positions at which they continue
 * @property {(events: any[]) => void} receive
 * @property {(state: ConnectionState) => void} onState
 */

export class Connection {
  #urls;
  #client;
  #transport = null;
  #usesEventSource = isSocketBlocked();
  #isReplacing = false;
  #hasReceived = false; // on this transport
  #failures = 0; // in a row
  #reconnectTimer = null;
  #silenceTimer = null;
  #lastReceivedAt = 0; // ms
  #isLogoutSuspected = false; // closed once as logged out: a password change in another tab renews the cookie

  /** @param {{socket: string, events: string}} urls @param {Client} client */
  constructor(urls, client) {
    this.#urls = urls;
    this.#client = client;
    setInterval(() => this.#watch(), WATCH_INTERVAL);
    addEventListener("online", () => this.#retry(false)); // perhaps another network, without that proxy
    addEventListener("pagehide", () => this.#disconnect()); // a connection keeps a page out of the back/forward cache
    addEventListener("pageshow", (event) => event.persisted && this.#retry());
    document.addEventListener("visibilitychange", () => !document.hidden && this.#isSuspicious && this.#retry());
  }

  /** The client follows a stream that it did not follow before, or from another position. */
  follow(stream, after) {
    if (this.#isReplacing) return;
    if (!this.#transport) this.#connect();
    else if (!this.#transport.follow(stream, after)) this.#replace();
  }

  send(message) {
    this.#transport?.send(message);
  }

  get #isSuspicious() {
    return !this.#transport?.isOpen || Date.now() - this.#lastReceivedAt > SUSPICIOUS_SILENCE;
  }

  #connect() {
    this.#disconnect();
    this.#hasReceived = false;
    this.#lastReceivedAt = Date.now();
    const handlers = {
      restart: () => this.#client.restart(),
      onMessage: (text) => this.#receive(text),
      onClose: (code) => this.#onClose(code),
    };
    if (this.#usesEventSource) this.#transport = new EventSourceTransport(this.#urls.events, handlers);
    else {
      this.#transport = new SocketTransport(this.#urls.socket, handlers);
      this.#silenceTimer = setTimeout(() => this.#onBlocked(), FIRST_MESSAGE_WAIT);
    }
  }

  /** Open another connection for streams that this one does not follow: one for all that are added together. */
  #replace() {
    this.#isReplacing = true;
    queueMicrotask(() => {
      this.#isReplacing = false;
      this.#reconnect();
    });
  }

  #onBlocked() {
    markSocketBlocked();
    this.#reconnect(true);
  }

  #receive(text) {
    clearTimeout(this.#silenceTimer);
    if (!this.#hasReceived) this.#client.onState("open");
    this.#hasReceived = true;
    this.#lastReceivedAt = Date.now();
    const events = [JSON.parse(text)].flat(); // a message holds one event or an array of them
    if (events.some(({ stream }) => stream)) {
      this.#failures = 0; // a heartbeat is no success yet: one comes before the server has looked at the log-in
      this.#isLogoutSuspected = false;
    }
    this.#client.receive(events);
  }

  #onClose(code) {
    const hasFailed = !this.#hasReceived && code !== LOGGED_OUT && code !== TOO_MANY;
    this.#disconnect();
    if (hasFailed && !this.#usesEventSource) return this.#reconnect(true);
    if (hasFailed) this.#usesEventSource = false; // neither works: the server is away, and the next attempt begins anew
    if (code === LOGGED_OUT && this.#isLogoutSuspected) return this.#client.onState("logged_out");
    this.#isLogoutSuspected = code === LOGGED_OUT;
    if (!this.#client.isFollowing) return this.#client.onState("open");
    this.#client.onState(code === TOO_MANY ? "crowded" : "reconnecting");
    const longest = code === TOO_MANY ? 2 * LONGEST_WAIT : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    this.#reconnectTimer = setTimeout(() => this.#connect(), longest * (0.2 + 0.8 * Math.random()));
  }

  #disconnect() {
    for (const timer of [this.#silenceTimer, this.#reconnectTimer]) clearTimeout(timer);
    this.#transport?.close();
    this.#transport = null;
  }

  /** At once, although attempts may have failed before. */
  #retry(usesEventSource) {
    this.#failures = 0;
    this.#reconnect(usesEventSource);
  }

  #reconnect(usesEventSource = this.#usesEventSource) {
    this.#disconnect();
    this.#usesEventSource = usesEventSource;
    if (this.#client.isFollowing) this.#connect();
  }

  #watch() {
    const isSpare = document.hidden && this.#usesEventSource && this.#client.isIdle; // a browser opens six of these
    if (!this.#client.isFollowing || isSpare) this.#disconnect();
    else if (this.#transport && Date.now() - this.#lastReceivedAt > SILENCE) this.#onClose();
  }
}

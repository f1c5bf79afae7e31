/* The two ways to the server's streams (docs/protocol.md): a WebSocket, and server-sent events.

Both call `handlers.onMessage(text)` and `handlers.onClose(code)`, and neither after `close()`. `restart()` returns the
[stream, after] pairs to follow from the start. */

/** @typedef {{restart: () => [string, number][], onMessage: (text: string) => void, onClose: (code: number) => void}} Handlers */

const LOST = 1006; // the code of a connection that ended without one
const BLOCKED_KEY = "chatapp: no WebSocket since"; // in this tab's storage: without it, each page would wait anew
const BLOCKED_TIME = 600_000; // ms after which a new page tries a WebSocket again

export class SocketTransport {
  #socket;

  /** @param {string} url @param {Handlers} handlers */
  constructor(url, handlers) {
    const socket = (this.#socket = new WebSocket(url));
    socket.onopen = () => {
      for (const [stream, after] of handlers.restart()) this.follow(stream, after);
    };
    socket.onmessage = (message) => handlers.onMessage(message.data);
    socket.onclose = (event) => handlers.onClose(event.code);
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Whether the stream will be followed on this connection. */
  follow(stream, after) {
    this.send({ follow: stream, after });
    return true;
  }

  send(message) {
    if (this.isOpen) this.#socket.send(JSON.stringify(message));
  }

  /** Does not wait for the close event: a dead socket takes minutes to notice. */
  close() {
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
  }
}

export class EventSourceTransport {
  #source;

  /** @param {string} url @param {Handlers} handlers */
  constructor(url, handlers) {
    const query = new URLSearchParams(handlers.restart().map(([stream, after]) => ["follow", `${stream}:${after}`]));
    const source = (this.#source = new EventSource(`${url}?${query}`));
    const end = (code) => {
      this.close(); // or it would reconnect by itself, with old positions
      handlers.onClose(code);
    };
    source.onmessage = (message) => handlers.onMessage(message.data);
    source.onerror = () => end(LOST);
    source.addEventListener("close", (event) => end(Number(event.data)));
  }

  get isOpen() {
    return this.#source.readyState === EventSource.OPEN;
  }

  /** Another stream needs another connection. */
  follow() {
    return false;
  }

  send() {} // nothing needs to be acknowledged, and what is not followed any more is ignored

  close() {
    this.#source.onmessage = this.#source.onerror = null;
    this.#source.close();
  }
}

/** Whether a page of this tab has waited for a WebSocket in vain lately. */
export function isSocketBlocked() {
  try {
    const since = sessionStorage.getItem(BLOCKED_KEY);
    return since !== null && Date.now() - Number(since) < BLOCKED_TIME;
  } catch {
    return false; // no storage here
  }
}

export function markSocketBlocked() {
  try {
    sessionStorage.setItem(BLOCKED_KEY, String(Date.now()));
  } catch {
    // no storage here: each page waits anew
  }
}

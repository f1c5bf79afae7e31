/* A page without a browser: events of window and document, and connections whose server is the test. */

export const HEARTBEAT = { stream: "", seq: 0, kind: "heartbeat", data: {} };

export class FakeSocket {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSED = 3;
  static all = [];

  static get last() {
    return FakeSocket.all.at(-1);
  }

  readyState = FakeSocket.CONNECTING;
  sent = [];

  constructor(url) {
    this.url = url;
    FakeSocket.all.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = FakeSocket.CLOSED;
  }

  /** The server accepts, and says so unless a proxy keeps that to itself. */
  open(isSilent = false) {
    this.readyState = FakeSocket.OPEN;
    this.onopen();
    if (!isSilent) this.receive(HEARTBEAT);
  }

  /** The server sends one event or, as an array, several in one message. */
  receive(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  /** The connection ends. */
  drop(code = 1006) {
    this.readyState = FakeSocket.CLOSED;
    this.onclose({ code });
  }
}

/** An EventSource whose server is the test. */
export class FakeEventSource {
  static OPEN = 1;
  static CLOSED = 2;
  static all = [];

  static get last() {
    return FakeEventSource.all.at(-1);
  }

  readyState = 0;
  #onCode;

  constructor(url) {
    this.url = url;
    FakeEventSource.all.push(this);
  }

  /** The streams that were asked for, each with the position after which it continues. */
  get followed() {
    return new URL(this.url, "http://page").searchParams.getAll("follow");
  }

  addEventListener(name, listener) {
    if (name === "close") this.#onCode = listener;
  }

  close() {
    this.readyState = FakeEventSource.CLOSED;
  }

  /** The server responds. */
  open() {
    this.readyState = FakeEventSource.OPEN;
    this.receive(HEARTBEAT);
  }

  receive(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  /** The connection ends, or there is none. */
  drop() {
    this.onerror({});
  }

  /** The server says why it ends the response. */
  end(code) {
    this.#onCode({ data: String(code) });
  }
}

/** Install the globals of a page. Returns `fire(name, properties)`, for events of window and document. */
export function installPage() {
  const target = new EventTarget();
  const fire = (name, properties = {}) => target.dispatchEvent(Object.assign(new Event(name), properties));
  globalThis.addEventListener = (...listener) => target.addEventListener(...listener);
  globalThis.document = { hidden: false, addEventListener: globalThis.addEventListener };
  globalThis.WebSocket = FakeSocket;
  FakeSocket.all = [];
  globalThis.EventSource = FakeEventSource;
  FakeEventSource.all = [];
  const stored = new Map();
  globalThis.sessionStorage = {
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, value) => stored.set(key, value),
  };
  return fire;
}

/** A follower that keeps what it receives. */
export class Recorder {
  events = [];
  resets = 0;
  refusals = [];

  get seqs() {
    return this.events.map(({ seq }) => seq);
  }

  apply(event) {
    this.events.push(event);
  }

  reset() {
    this.resets += 1;
    this.events = [];
  }

  refused(code) {
    this.refusals.push(code);
  }
}

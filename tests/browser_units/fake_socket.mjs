/* A page without a browser: events of window and document, and WebSockets whose server is the test. */

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

  /** The server accepts. */
  open() {
    this.readyState = FakeSocket.OPEN;
    this.onopen();
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

/** Install the globals of a page. Returns `fire(name, properties)`, for events of window and document. */
export function installPage() {
  const target = new EventTarget();
  const fire = (name, properties = {}) => target.dispatchEvent(Object.assign(new Event(name), properties));
  globalThis.addEventListener = (...listener) => target.addEventListener(...listener);
  globalThis.document = { hidden: false, addEventListener: globalThis.addEventListener };
  globalThis.WebSocket = FakeSocket;
  FakeSocket.all = [];
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

/* One WebSocket for all streams that this page follows (docs/protocol.md).

Each stream is followed from the last seq applied here, at first and after every interruption alike. A follower has
`apply(event)`, `reset()` (forget everything, it comes again) and `refused(code)`. */

const ACK_EVERY = 32; // events; the server waits when 256 are not acknowledged
const SILENCE = 40_000; // ms; the server says something every 15 s, so a longer silence is a dead connection
const DOUBTFUL = 20_000; // ms of silence after which a page that is looked at again does not trust its socket
const WATCH = 5_000; // ms
const FIRST_WAIT = 500; // ms
const LONGEST_WAIT = 15_000; // ms
const LOGGED_OUT = 4401;
const TOO_MANY = 4429; // connections of one user
export const FINAL = new Set(["run.completed", "run.stopped", "run.failed", "run.lost"]);

export class Streams {
  #url;
  #onState;
  #followed = new Map(); // stream -> {last, acked, follower}
  #socket = null;
  #failures = 0;
  #retry = null;
  #heard = 0;
  #isDoubtful = false; // told that it is logged out, which a new cookie may have mended: a change of password renews it

  /** `onState` hears "open", "reconnecting", "crowded" and "logged_out". */
  constructor(url, onState) {
    this.#url = url;
    this.#onState = onState;
    setInterval(() => this.#watch(), WATCH);
    addEventListener("online", () => this.#renew());
    addEventListener("pagehide", () => this.#drop()); // an open socket would keep the page out of the back/forward cache
    addEventListener("pageshow", (event) => event.persisted && this.#renew());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && (!this.#isOpen || Date.now() - this.#heard > DOUBTFUL)) this.#renew();
    });
  }

  follow(stream, after, follower) {
    this.#followed.set(stream, { last: after, acked: after, follower });
    if (this.#isOpen) this.#ask(stream);
    else if (!this.#socket) this.#connect();
  }

  unfollow(stream) {
    if (this.#followed.delete(stream)) this.#send({ unfollow: stream });
  }

  get #isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  #connect() {
    clearTimeout(this.#retry);
    this.#retry = null;
    const socket = (this.#socket = new WebSocket(this.#url));
    this.#heard = Date.now();
    socket.onopen = () => this.#opened();
    socket.onmessage = (message) => this.#hear(message.data);
    socket.onclose = (event) => this.#closed(event.code);
  }

  #opened() {
    this.#onState("open");
    for (const stream of this.#followed.keys()) this.#ask(stream);
  }

  #closed(code) {
    this.#socket = null;
    if (code === LOGGED_OUT && this.#isDoubtful) return this.#onState("logged_out");
    this.#isDoubtful = code === LOGGED_OUT;
    if (!this.#followed.size) return this.#onState("open");
    this.#onState(code === TOO_MANY ? "crowded" : "reconnecting");
    const longest = code === TOO_MANY ? 2 * LONGEST_WAIT : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    this.#retry = setTimeout(() => this.#connect(), longest * (0.2 + 0.8 * Math.random()));
  }

  /** Give the socket up without waiting for its close: a dead one takes minutes to notice. */
  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #renew() {
    this.#drop();
    this.#failures = 0;
    if (this.#followed.size) this.#connect();
  }

  #watch() {
    if (!this.#followed.size) this.#drop();
    else if (this.#socket && Date.now() - this.#heard > SILENCE) {
      this.#drop();
      this.#closed();
    }
  }

  #ask(stream) {
    const entry = this.#followed.get(stream);
    entry.acked = entry.last;
    this.#send({ follow: stream, after: entry.last });
  }

  #send(message) {
    if (this.#isOpen) this.#socket.send(JSON.stringify(message));
  }

  #hear(text) {
    this.#heard = Date.now();
    this.#failures = 0; // a socket that opens and says nothing is not yet a success
    this.#isDoubtful = false;
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
      this.#ask(event.stream);
    } else if (event.kind === "refused") {
      this.#followed.delete(event.stream);
      entry.follower.refused(event.data.code);
    } else if (event.kind === "live") entry.follower.reset(); // a stream that is not kept begins here
    else entry.follower.apply(event);
  }

  #apply(event, entry) {
    if (event.seq !== entry.last + 1 && event.kind !== "snapshot") return this.#ask(event.stream); // a gap
    entry.last = event.seq;
    if (FINAL.has(event.kind)) this.#followed.delete(event.stream);
    else if (entry.last - entry.acked >= ACK_EVERY) {
      entry.acked = entry.last;
      this.#send({ ack: { [event.stream]: entry.last } });
    }
    entry.follower.apply(event);
  }
}

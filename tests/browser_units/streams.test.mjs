/* The stream client: positions, gaps, resync, reconnects (docs/protocol.md). */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Streams } from "../../deploy/browser/static/shell/streams.js";
import { FakeEventSource, FakeSocket, installPage, Recorder } from "./fake_socket.mjs";

const STREAM = "run-1";
const delta = (seq, stream = STREAM) => ({ stream, seq, kind: "text.delta", data: { text: String(seq) } });
const deltas = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => delta(first + index));
const control = (kind, data = {}) => ({ stream: STREAM, seq: 0, kind, data });

let fire, states, follower, streams;

beforeEach((context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  context.mock.method(Math, "random", () => 1); // each wait is the longest
  fire = installPage();
  states = [];
  follower = new Recorder();
  streams = newPage();
});

function newPage() {
  return new Streams({ socket: "ws://page/ws/streams", events: "/streams" }, (state) => states.push(state));
}

/** All that a server does while it is away: refuse both kinds of connections. */
function refuse() {
  FakeSocket.last.drop();
  FakeEventSource.last.drop();
}

function followOpen(after = 0) {
  streams.follow(STREAM, after, follower);
  FakeSocket.last.open();
  return FakeSocket.last;
}

test("all streams share one socket, which asks for each after its position", () => {
  streams.follow(STREAM, 7, follower);
  streams.follow("run-2", 0, new Recorder());
  assert.equal(FakeSocket.all.length, 1);
  FakeSocket.last.open();
  assert.deepEqual(FakeSocket.last.sent, [
    { follow: STREAM, after: 7 },
    { follow: "run-2", after: 0 },
  ]);
  streams.follow("run-3", 2, new Recorder());
  assert.deepEqual(FakeSocket.last.sent.at(-1), { follow: "run-3", after: 2 });
});

test("events are applied once and in order, however they are grouped", () => {
  const socket = followOpen();
  socket.receive(delta(1));
  socket.receive(deltas(2, 4));
  socket.receive(deltas(3, 5)); // history and live may overlap
  socket.receive(delta(6, "run-of-nobody"));
  assert.deepEqual(follower.seqs, [1, 2, 3, 4, 5]);
});

test("a gap is not applied: the stream is asked for again after the last event", () => {
  const socket = followOpen();
  socket.receive([delta(1), delta(3)]);
  assert.deepEqual(follower.seqs, [1]);
  assert.deepEqual(socket.sent.at(-1), { follow: STREAM, after: 1 });
  socket.receive(deltas(2, 3));
  assert.deepEqual(follower.seqs, [1, 2, 3]);
});

test("a snapshot stands for all events before it", () => {
  const socket = followOpen();
  socket.receive({ stream: STREAM, seq: 40, kind: "snapshot", data: { text: "…" } });
  socket.receive(delta(41));
  assert.deepEqual(follower.seqs, [40, 41]);
});

test("resync forgets what was applied and begins at the first event", () => {
  const socket = followOpen(5);
  socket.receive(control("resync"));
  assert.equal(follower.resets, 1);
  assert.deepEqual(socket.sent.at(-1), { follow: STREAM, after: 0 });
  socket.receive(delta(1));
  assert.deepEqual(follower.seqs, [1]);
});

test("a stream without history begins with a reset, and its events have no position", () => {
  const socket = followOpen();
  socket.receive(control("live"));
  socket.receive(control("session.changed", { session: 1 }));
  assert.equal(follower.resets, 1);
  assert.deepEqual(follower.seqs, [0]);
});

test("a refused stream is not followed any more, on this socket or the next", (context) => {
  const socket = followOpen();
  streams.follow("run-2", 0, new Recorder());
  socket.receive(control("refused", { code: "not_found" }));
  assert.deepEqual(follower.refusals, ["not_found"]);
  socket.drop();
  context.mock.timers.tick(500);
  FakeSocket.last.open();
  assert.deepEqual(FakeSocket.last.sent, [{ follow: "run-2", after: 0 }]);
});

test("every 32 applied events are acknowledged, so that the server goes on", () => {
  const socket = followOpen();
  socket.receive(deltas(1, 31));
  assert.equal(socket.sent.length, 1);
  socket.receive(deltas(32, 70));
  assert.deepEqual(socket.sent.slice(1), [{ ack: { [STREAM]: 32 } }, { ack: { [STREAM]: 64 } }]);
});

test("a final event ends the stream: nothing is left to reconnect for", (context) => {
  const socket = followOpen();
  socket.receive([delta(1), { stream: STREAM, seq: 2, kind: "run.completed", data: {} }, delta(3)]);
  assert.deepEqual(follower.seqs, [1, 2]);
  socket.drop();
  context.mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 1);
  assert.equal(states.at(-1), "open");
});

test("after an interruption each stream continues at its position", (context) => {
  followOpen().receive(deltas(1, 3));
  FakeSocket.last.drop();
  assert.equal(states.at(-1), "reconnecting");
  context.mock.timers.tick(500);
  FakeSocket.last.open();
  assert.deepEqual(FakeSocket.last.sent, [{ follow: STREAM, after: 3 }]);
  assert.equal(states.at(-1), "open");
});

test("waits between reconnects double up to 15 s, until the server sends something", (context) => {
  followOpen();
  const waits = [];
  FakeSocket.last.drop();
  for (let attempt = 0; attempt < 7; attempt += 1) {
    if (attempt) refuse();
    const before = FakeSocket.all.length;
    let waited = 0;
    while (FakeSocket.all.length === before) {
      context.mock.timers.tick(500);
      waited += 500;
    }
    waits.push(waited);
  }
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  FakeSocket.last.open();
  FakeSocket.last.drop();
  context.mock.timers.tick(14_999);
  assert.equal(FakeSocket.last.readyState, FakeSocket.CLOSED); // a heartbeat is no success
  context.mock.timers.tick(1);
  FakeSocket.last.open();
  FakeSocket.last.receive(delta(1));
  FakeSocket.last.drop();
  context.mock.timers.tick(500);
  assert.equal(FakeSocket.last.readyState, FakeSocket.CONNECTING);
});

test("with too many connections of one user it waits twice as long, and says so", (context) => {
  followOpen().drop(4429);
  assert.equal(states.at(-1), "crowded");
  context.mock.timers.tick(29_999);
  assert.equal(FakeSocket.all.length, 1);
  context.mock.timers.tick(1);
  assert.equal(FakeSocket.all.length, 2);
});

test("being logged out is believed the second time: a new password renews the cookie", (context) => {
  followOpen().drop(4401);
  assert.equal(states.at(-1), "reconnecting");
  context.mock.timers.tick(500);
  FakeSocket.last.drop(4401);
  assert.equal(states.at(-1), "logged_out");
  context.mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 2);
});

test("40 s of silence are a dead connection", (context) => {
  const socket = followOpen();
  context.mock.timers.tick(40_000);
  assert.equal(socket.readyState, FakeSocket.OPEN);
  context.mock.timers.tick(5_000);
  assert.equal(socket.readyState, FakeSocket.CLOSED);
  assert.equal(states.at(-1), "reconnecting");
});

test("a page that becomes visible after 20 s of silence takes a new socket at once", (context) => {
  const socket = followOpen();
  context.mock.timers.tick(20_000);
  fire("visibilitychange");
  assert.equal(FakeSocket.all.length, 1);
  context.mock.timers.tick(1);
  fire("visibilitychange");
  assert.equal(socket.readyState, FakeSocket.CLOSED);
  assert.equal(FakeSocket.all.length, 2);
});

test("a page that is left has no socket, and gets one when it is shown again", () => {
  const socket = followOpen();
  fire("pagehide");
  assert.equal(socket.readyState, FakeSocket.CLOSED);
  fire("pageshow", { persisted: true });
  FakeSocket.last.open();
  assert.deepEqual(FakeSocket.last.sent, [{ follow: STREAM, after: 0 }]);
});

test("a stream that is left is not asked for again", () => {
  const socket = followOpen();
  streams.unfollow(STREAM);
  assert.deepEqual(socket.sent.at(-1), { unfollow: STREAM });
  socket.receive(delta(1));
  assert.deepEqual(follower.events, []);
});

test("where a proxy refuses the WebSocket, server-sent events take its place and nothing is said", () => {
  streams.follow(STREAM, 7, follower);
  streams.follow("run-2", 0, new Recorder());
  FakeSocket.last.drop();
  assert.deepEqual(FakeEventSource.last.followed, [`${STREAM}:7`, "run-2:0"]);
  FakeEventSource.last.open();
  FakeEventSource.last.receive([delta(8), delta(9)]);
  assert.deepEqual(follower.seqs, [8, 9]);
  assert.deepEqual(states, ["open"]);
});

for (const isAccepted of [false, true]) {
  test(`a proxy that ${isAccepted ? "accepts the WebSocket and passes nothing on" : "never answers"} is not waited for`, (context) => {
    streams.follow(STREAM, 7, follower);
    if (isAccepted) FakeSocket.last.open(true);
    context.mock.timers.tick(2_499);
    assert.equal(FakeEventSource.all.length, 0);
    context.mock.timers.tick(1);
    assert.equal(FakeSocket.last.readyState, FakeSocket.CLOSED);
    assert.deepEqual(FakeEventSource.last.followed, [`${STREAM}:7`]);
    assert.deepEqual(states, []);

    // The next page of the tab does not wait again, until 10 minutes later
    newPage().follow(STREAM, 9, new Recorder());
    assert.deepEqual(FakeEventSource.last.followed, [`${STREAM}:9`]);
    context.mock.timers.tick(600_000);
    const before = FakeSocket.all.length;
    newPage().follow(STREAM, 9, new Recorder());
    assert.equal(FakeSocket.all.length, before + 1);
  });
}

test("a WebSocket that has worked is replaced by another one", (context) => {
  followOpen();
  FakeSocket.last.drop();
  context.mock.timers.tick(500);
  assert.equal(FakeSocket.all.length, 2);
  assert.equal(FakeEventSource.all.length, 0);
});

function followBySse() {
  streams.follow(STREAM, 0, follower);
  FakeSocket.last.drop();
  FakeEventSource.last.open();
  return FakeEventSource.last;
}

test("streams that are added need another response, one for all of them, which continues where each is", async () => {
  const first = followBySse();
  first.receive(deltas(1, 3));
  streams.follow("run-2", 4, new Recorder());
  streams.follow("run-3", 0, new Recorder());
  assert.equal(FakeEventSource.last, first); // which goes on until then
  await Promise.resolve();
  assert.equal(first.readyState, FakeEventSource.CLOSED);
  assert.deepEqual(FakeEventSource.last.followed, [`${STREAM}:3`, "run-2:4", "run-3:0"]);
  assert.deepEqual([FakeEventSource.all.length, states], [2, ["open"]]);
});

test("server-sent events are resumed after an interruption, and neither is preferred if both fail", (context) => {
  followBySse().receive(deltas(1, 3));
  FakeEventSource.last.drop();
  assert.equal(states.at(-1), "reconnecting");
  context.mock.timers.tick(500);
  assert.equal(FakeSocket.all.length, 1);
  assert.deepEqual(FakeEventSource.last.followed, [`${STREAM}:3`]);
  FakeEventSource.last.drop();
  context.mock.timers.tick(1_000);
  assert.equal(FakeSocket.all.length, 2);
  FakeSocket.last.open();
  assert.deepEqual(FakeSocket.last.sent, [{ follow: STREAM, after: 3 }]);
  assert.equal(states.at(-1), "open");
});

test("another network is another chance for the WebSocket", () => {
  followBySse();
  fire("online");
  assert.equal(FakeEventSource.last.readyState, FakeEventSource.CLOSED);
  assert.equal(FakeSocket.all.length, 2);
});

test("the reasons for which the server ends a response are those of a WebSocket", (context) => {
  followBySse().end(4401);
  assert.equal(states.at(-1), "reconnecting");
  context.mock.timers.tick(500);
  FakeEventSource.last.end(4401);
  assert.equal(states.at(-1), "logged_out");
});

test("a page that is left has no response, either, and gets one when it is shown again", () => {
  const first = followBySse();
  fire("pagehide");
  assert.equal(first.readyState, FakeEventSource.CLOSED);
  fire("pageshow", { persisted: true });
  assert.deepEqual(FakeEventSource.last.followed, [`${STREAM}:0`]);
  assert.equal(FakeEventSource.all.length, 2);
});

test("a hidden page on which nothing is written leaves its response to others, until it is looked at", (context) => {
  const list = new Recorder();
  streams.follow("list", 0, list);
  const first = followBySse();
  first.receive({ ...control("live"), stream: "list" });
  globalThis.document.hidden = true;
  context.mock.timers.tick(5_000);
  assert.equal(first.readyState, FakeEventSource.OPEN);
  first.receive([delta(1), { stream: STREAM, seq: 2, kind: "run.completed", data: {} }]);
  context.mock.timers.tick(5_000);
  assert.equal(first.readyState, FakeEventSource.CLOSED);
  globalThis.document.hidden = false;
  fire("visibilitychange");
  assert.deepEqual(FakeEventSource.last.followed, ["list:0"]);
  assert.deepEqual(states, ["open"]);
});

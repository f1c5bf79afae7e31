/* An answer that ends while much of it waits to be drawn. */

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { LiveAnswer } from "../../deploy/browser/static/chat/live_answer.js";
import { loadGrammar } from "../../deploy/browser/static/chat/markdown_grammar.js";
import { installDocument } from "./dom.mjs";

const ARTICLE = `<article><details data-reasoning hidden><div data-reasoning-text></div></details>
<div data-tools></div><div class="prose prose--plain" data-text></div></article>`;
const PARAGRAPH = "Some **bold** words.\n\n";
const COUNT = 1_000;

let document, frames, time;

beforeEach(async () => {
  document = installDocument(ARTICLE);
  [frames, time] = [new Map(), 0];
  let last = 0;
  globalThis.requestAnimationFrame = (callback) => (frames.set(++last, callback), last);
  globalThis.cancelAnimationFrame = (id) => frames.delete(id);
  mock.restoreAll();
  mock.method(performance, "now", () => (time += 5)); // ms
  await loadGrammar();
});

const settled = () => new Promise(setImmediate);

/** An answer of which all text has arrived. Returns how many paragraphs stand there after each frame until it is over. */
async function drawEnd() {
  const answer = new LiveAnswer(document.querySelector("article"), (write) => write());
  answer.apply({ kind: "text.delta", data: { text: PARAGRAPH.repeat(COUNT) } });
  const counts = [];
  let isOver = false;
  answer.finish().then(() => (isOver = true));
  for (await settled(); !isOver; await settled()) {
    counts.push(document.querySelectorAll("[data-text] p").length);
    const due = [...frames.values()];
    frames.clear();
    for (const callback of due) callback();
  }
  assert.equal(document.querySelectorAll("[data-text] p").length, COUNT);
  assert.equal(document.querySelectorAll("[data-text] p > strong").length, COUNT);
  return counts;
}

test("its end is drawn in several frames, and it is over when all stands there once", async () => {
  const counts = await drawEnd();
  assert.ok(counts.length > 3, String(counts));
});

test("a page that is hidden has no frames: it draws all at once", async () => {
  Object.defineProperty(document, "hidden", { value: true });
  assert.ok((await drawEnd()).length <= 2);
});

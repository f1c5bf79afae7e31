/* The server's HTML takes the place of what was drawn: only what differs is replaced. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { adoptHtml } from "../../deploy/browser/static/chat/same_html.js";
import { installDocument } from "./dom.mjs";

let document;

beforeEach(() => {
  document = installDocument();
});

function elementOf(html) {
  const element = document.createElement("div");
  element.className = "prose";
  element.innerHTML = html;
  return element;
}

/** Let `drawn` become `html`. Returns which of its blocks stayed. */
function adopt(drawn, html) {
  const blocks = [...drawn.children];
  adoptHtml(drawn, elementOf(html));
  assert.equal(drawn.innerHTML, elementOf(html).innerHTML);
  return blocks.filter((block) => block.parentNode === drawn).map((block) => block.textContent);
}

test("blocks that are equal stay", () => {
  const html = "<h1>One</h1>\n<p>two <em>three</em></p>\n<hr>\n";
  const drawn = elementOf("<h1>One</h1>\n");
  drawn.append(elementOf("<p>two <em>three</em></p>").firstChild, "\n", document.createElement("hr"), "\n");
  assert.deepEqual(adopt(drawn, html), ["One", "two three", ""]);
});

test("of blocks that differ only those are replaced", () => {
  const drawn = elementOf("<p>one</p>\n<p>[two]</p>\n<p>three</p>\n");
  assert.deepEqual(adopt(drawn, '<p>one</p>\n<p><a href="#">two</a></p>\n<p>three</p>\n'), ["one", "three"]);
});

test("plain text gives way to the blocks that it becomes", () => {
  const drawn = elementOf('<p>one</p>\n<div class="prose--plain">- two\n- three</div>');
  assert.deepEqual(adopt(drawn, "<p>one</p>\n<ul><li>two</li><li>three</li></ul>\n<p>four</p>\n"), ["one"]);
});

test("code gets its colours where it stands, also in a list", () => {
  const code = (inner) => `<ol><li>one<pre tabindex="0"><code>${inner}</code></pre></li></ol>\n`;
  const drawn = elementOf(code("x = 1\n"));
  const box = drawn.querySelector("code");
  assert.deepEqual(adopt(drawn, code('<span class="hl-n">x</span> = 1\n')), ["onex = 1\n"]);
  assert.ok(drawn.contains(box));
});

test("other code is replaced", () => {
  const drawn = elementOf("<pre><code>x</code></pre>");
  assert.deepEqual(adopt(drawn, "<pre><code><b>y</b></code></pre>"), []);
});

test("much that differs is replaced in several frames, unless newer HTML comes meanwhile", async () => {
  const frames = [];
  globalThis.requestAnimationFrame = (callback) => frames.push(callback);
  const paragraphs = (word) => `<p>${word}</p>`.repeat(2_500);
  const drawn = elementOf(paragraphs("old"));
  document.body.append(drawn);
  const count = (word) => [...drawn.children].filter(({ textContent }) => textContent === word).length;
  const [changed, other] = [[], []];
  const adopting = adoptHtml(drawn, elementOf(paragraphs("new")), (change) => changed.push(change()));
  assert.ok(count("new") > 100 && count("new") < 1_500, String(count("new")));
  const first = count("new");
  for (const frame of frames.splice(0)) frame();
  await new Promise(setImmediate);
  assert.ok(count("new") > first);
  assert.equal(changed.length, 2);
  const newest = adoptHtml(drawn, elementOf(paragraphs("newest")), (change) => other.push(change()));
  while (frames.length) {
    for (const frame of frames.splice(0)) frame();
    await new Promise(setImmediate);
  }
  await Promise.all([adopting, newest]);
  assert.equal(count("newest"), 2_500);
  assert.equal(drawn.children.length, 2_500);
  assert.equal(changed.length, 2);
});

/* Text that is shown as it is, in stretches that a browser lays out quickly. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { appendText, layoutWeight, PlainText } from "../../deploy/browser/static/chat/plain_text.js";
import { installDocument } from "./dom.mjs";

let element;

beforeEach(() => {
  element = installDocument().createElement("div");
});

const stretches = () => [...element.children].map((child) => child.textContent);

test("text that stands in the element is its beginning, and nothing is lost", () => {
  element.textContent = "before ";
  const text = new PlainText(element);
  text.append("and ");
  text.append("after");
  assert.equal(element.textContent, "before and after");
  assert.equal(element.children.length, 1);
});

test("a stretch ends with its line after 5,000 letters, or after 10,000 wherever it is", () => {
  const text = new PlainText(element);
  text.append(`${"a".repeat(99)}\n`.repeat(200));
  assert.ok(element.children.length >= 3);
  for (const stretch of stretches().slice(0, -1)) {
    assert.ok(stretch.endsWith("\n"));
    assert.ok(stretch.length >= 5_000 && stretch.length <= 6_000, String(stretch.length));
  }
  text.clear();
  text.append("a".repeat(30_000));
  assert.deepEqual(
    stretches().map((stretch) => stretch.length),
    [10_000, 10_000, 10_000],
  );
});

test("no stretch and no text node ends inside a character", () => {
  const text = new PlainText(element);
  const faces = "😀".repeat(12_000);
  for (let at = 0; at < faces.length; at += 777) text.append(faces.slice(at, at + 777));
  assert.equal(element.textContent, faces);
  for (const stretch of element.children) {
    for (const node of stretch.childNodes) assert.ok(node.data.isWellFormed?.() ?? true);
  }
});

test("text beyond the longest is not shown, and clearing counts anew", () => {
  const text = new PlainText(element, 10);
  text.append("1234567");
  text.append("8901234");
  text.append("more");
  assert.equal(element.textContent, "1234567890");
  text.clear();
  text.append("again");
  assert.equal(element.textContent, "again");
});

test("an accent weighs four letters", () => {
  assert.equal(layoutWeight("abc"), 3);
  assert.equal(layoutWeight("a\u0300"), 5);
});

test("a text node that holds 4,000 units gets no more", () => {
  for (let piece = 0; piece < 90; piece += 1) appendText(element, "a".repeat(100));
  assert.deepEqual(
    [...element.childNodes].map((node) => node.data.length),
    [4_000, 4_000, 1_000],
  );
});

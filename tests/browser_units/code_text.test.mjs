/* Code that grows: its finished lines have colours, and what has them stays as it is. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { CodeText, MAX_COLOURED } from "../../deploy/browser/static/chat/code_text.js";
import { loadLexerOf } from "../../deploy/browser/static/chat/lexer.js";
import { installDocument } from "./dom.mjs";

let element;
const settle = () => new Promise(setImmediate);

await loadLexerOf("python");

beforeEach(() => {
  element = installDocument().createElement("code");
});

test("a line has its colours when it is finished", async () => {
  const code = new CodeText(element, "python", { characters: MAX_COLOURED });
  await settle();
  code.append("def f():\n    return");
  assert.equal(element.querySelector(".hl-k").textContent, "def");
  assert.equal(element.lastChild.textContent, "\n    return");
  const keyword = element.querySelector(".hl-k");
  code.append(" 1\n");
  assert.deepEqual(
    [...element.querySelectorAll(".hl-k")].map(({ textContent }) => textContent),
    ["def", "return"],
  );
  assert.equal(element.querySelector(".hl-k"), keyword);
});

test("a string that turns out to go on over lines is coloured anew", async () => {
  const code = new CodeText(element, "javascript", { characters: MAX_COLOURED });
  await loadLexerOf("javascript");
  await settle();
  code.append("/* let x;\n");
  code.append("let y; */\nlet z;\n");
  assert.deepEqual(
    [...element.querySelectorAll(".hl-cm, .hl-kd")].map(({ textContent }) => textContent),
    ["/* let x;\nlet y; */", "let"],
  );
});

test("what was written before the lexer came is coloured then, unless the final HTML stands there", async () => {
  for (const isFinal of [false, true]) {
    element = installDocument().createElement("code");
    const code = new CodeText(element, "python", { characters: MAX_COLOURED });
    code.append("x = 1\n");
    assert.equal(element.innerHTML, "x = 1\n");
    if (isFinal) element.replaceChildren("final");
    await settle();
    assert.equal(element.querySelectorAll("span").length, isFinal ? 0 : 3);
    assert.equal(element.textContent, isFinal ? "final" : "x = 1\n");
  }
});

test("long code is cut into stretches, and a finished one is not touched again", async () => {
  const code = new CodeText(element, "python", { characters: MAX_COLOURED });
  await settle();
  const line = "x = 'some text'\n";
  for (let count = 0; count < 1_000; count += 1) code.append(line);
  const [first] = element.children;
  const nodes = [...first.childNodes];
  for (let count = 0; count < 500; count += 1) code.append(line);
  assert.ok([...element.children].every(({ className }) => className === "stretch"));
  assert.deepEqual([...first.childNodes], nodes);
  assert.equal(element.textContent, line.repeat(1_500));
});

test("code that is removed gives its characters back", async () => {
  const budget = { characters: 20 };
  const code = new CodeText(element, "python", budget);
  await settle();
  code.append("x = 1\ny = 2\nz = 3\na = 4\n");
  assert.equal(budget.characters, 2);
  assert.equal(element.querySelectorAll(".hl-mi").length, 3);
  code.discard();
  assert.equal(budget.characters, 20);
});

/* Drafts: unsent text survives, sent text does not come back. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Draft } from "../../deploy/browser/static/chat/drafts.js";

class FakeStorage {
  #values = new Map();
  isForbidden = false;

  #checked(work) {
    if (this.isForbidden) throw new Error("QuotaExceededError");
    return work();
  }

  getItem(key) {
    return this.#checked(() => this.#values.get(key) ?? null);
  }

  setItem(key, value) {
    this.#checked(() => this.#values.set(key, value));
  }

  removeItem(key) {
    this.#checked(() => this.#values.delete(key));
  }
}

class Field extends EventTarget {
  value = "";

  type(text) {
    this.value = text;
    this.dispatchEvent(new Event("input"));
  }
}

const saved = (key) => localStorage.getItem(`draft:${key}`);
let page;

beforeEach((context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  page = new EventTarget();
  const globals = { localStorage: new FakeStorage() };
  globals.addEventListener = (...listener) => page.addEventListener(...listener);
  for (const [name, value] of Object.entries(globals))
    Object.defineProperty(globalThis, name, { value, configurable: true });
});

function open(key = "1-chat", text = "") {
  const field = new Field();
  field.value = text;
  return { field, draft: new Draft(key, field) };
}

test("what was typed is there when the chat is opened again, and only in that chat", (context) => {
  open().field.type("Half a sen");
  context.mock.timers.tick(300);
  assert.equal(open().field.value, "Half a sen");
  assert.equal(open("1-other").field.value, "");
  assert.equal(open("2-chat").field.value, "");
});

test("it is saved 300 ms after the last key, and not at each one", (context) => {
  const { field } = open();
  field.type("a");
  context.mock.timers.tick(299);
  field.type("ab");
  context.mock.timers.tick(299);
  assert.equal(saved("1-chat"), null);
  context.mock.timers.tick(1);
  assert.equal(saved("1-chat"), "ab");
});

test("a page that is left saves what was typed last", () => {
  open().field.type("Quick");
  page.dispatchEvent(new Event("pagehide"));
  assert.equal(saved("1-chat"), "Quick");
});

test("a page where nothing was typed does not save over what another tab has", () => {
  open();
  localStorage.setItem("draft:1-chat", "from another tab");
  page.dispatchEvent(new Event("pagehide"));
  assert.equal(saved("1-chat"), "from another tab");
});

test("the text that the server put into the field takes precedence", () => {
  localStorage.setItem("draft:1-chat", "old");
  assert.equal(open("1-chat", "refused by the server").field.value, "refused by the server");
});

test("a field that was emptied, by hand or by sending, has no draft", () => {
  const { field, draft } = open();
  field.type("Hello");
  draft.save();
  field.value = "";
  draft.save();
  assert.equal(saved("1-chat"), null);
  assert.equal(open().field.value, "");
});

test("without storage the field still works", () => {
  localStorage.isForbidden = true;
  const { field, draft } = open();
  field.type("Hello");
  draft.save();
  assert.equal(field.value, "Hello");
});

/* A message on its way: a bubble at once, which says so if the server takes long. */

import { scrollToBottom } from "./stick_to_bottom.js";
import { announce } from "../shell/status.js";

const SLOW = 1_000; // ms after which the page says that it is sending
const WORD = "Sending…";

/** The key under which a message is sent once, however often it is repeated. */
export function newIdempotencyKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function noteIn(element) {
  const note = document.createElement("p");
  note.className = "note";
  const timer = setTimeout(() => {
    note.textContent = WORD;
    announce(WORD);
  }, SLOW);
  element.append(note);
  return () => clearTimeout(timer);
}

/** Show the message at the end of the transcript. Returns a function that takes it away.
 * @param {Element} root @param {string} text */
export function showSending(root, text) {
  const bubble = document.createElement("article");
  bubble.className = "message question question--sending";
  if (text) {
    const words = document.createElement("div");
    words.className = "question__text";
    words.dir = "auto";
    words.textContent = text;
    bubble.append(words);
  }
  const stop = noteIn(bubble);
  root.append(bubble);
  scrollToBottom();
  return () => {
    stop();
    bubble.remove();
  };
}

/** Say under a form that it is being sent. Returns a function that takes that away.
 * @param {Element} form */
export function saySending(form) {
  const line = document.createElement("div");
  form.append(line);
  const stop = noteIn(line);
  return () => {
    stop();
    line.remove();
  };
}

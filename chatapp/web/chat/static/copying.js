/* Copying: an answer as it was written (also while it is being written), or one box of code. */

import { announce } from "../shell/status.js";
import { get } from "../shell/requests.js";

const SHOWN = 2_000; // ms for which a button says that it has copied

/** Where the clipboard is not to be had (a site without HTTPS), the old way. */
function copyByHand(text) {
  const field = document.createElement("textarea");
  field.className = "visually-hidden";
  field.value = text;
  document.body.append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  if (!isDone) throw new Error("The browser does not allow to copy");
}

/** `text` is a promise: the clipboard is asked at once, while the click still counts as a person's wish. */
async function copy(text) {
  if (!navigator.clipboard?.write) return copyByHand(await text);
  const blob = text.then((words) => new Blob([words], { type: "text/plain" }));
  await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
}

async function answer(button, text) {
  const word = (button.dataset.word ??= button.textContent);
  const focused = document.activeElement;
  try {
    await copy(text);
    button.textContent = "Copied";
    announce("Copied");
  } catch {
    button.textContent = "Not copied";
    announce("Copying failed");
  }
  if (button.isConnected) focused?.focus({ preventScroll: true });
  setTimeout(() => (button.textContent = word), SHOWN);
}

export function copyOnClick() {
  document.addEventListener("click", ({ target }) => {
    const code = target.closest("[data-copy-code]");
    if (code) return answer(code, Promise.resolve(code.closest(".code").querySelector("code").textContent));
    const message = target.closest("[data-copy]");
    if (message) answer(message, get(message.dataset.copy).then((response) => response.text()));
  });
}

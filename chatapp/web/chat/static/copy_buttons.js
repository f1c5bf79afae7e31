/* Copy buttons: an answer's Markdown (also while it is being written), or one code box. */

import { announce } from "../shell/status.js";
import { get } from "../shell/requests.js";

const LABEL_TIME = 2_000; // ms for which a button shows the outcome

/** For browsers that offer no clipboard here (a site without HTTPS). */
function copyWithCommand(text) {
  const field = document.createElement("textarea");
  field.className = "visually-hidden";
  field.value = text;
  document.body.append(field);
  field.select();
  const succeeded = document.execCommand("copy");
  field.remove();
  if (!succeeded) throw new Error("The browser does not allow copying");
}

/** `text` is a promise: the clipboard has to be asked while the click still counts as user activation. */
async function copy(text) {
  if (!navigator.clipboard?.write) return copyWithCommand(await text);
  const blob = text.then((content) => new Blob([content], { type: "text/plain" }));
  await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
}

/** An answer that has no text yet must not empty the clipboard. */
function refuseNothing(content) {
  if (!content) throw new Error("There is nothing to copy");
  return content;
}

function isNothing(text) {
  return text.then(
    (content) => !content,
    () => false,
  );
}

async function copyAndReport(button, text) {
  const word = button.querySelector("[data-word]") ?? button; // beside an icon, or all there is
  const label = (button.dataset.label ??= word.textContent);
  const focused = /** @type {HTMLElement} */ (document.activeElement);
  let outcome = "Copied";
  try {
    await copy(text.then(refuseNothing));
  } catch {
    outcome = (await isNothing(text)) ? "Nothing to copy" : "Couldn’t copy";
  }
  word.textContent = outcome;
  button.dataset.outcome = outcome;
  announce(outcome);
  if (button.isConnected) focused?.focus({ preventScroll: true });
  setTimeout(() => {
    word.textContent = label;
    delete button.dataset.outcome;
  }, LABEL_TIME);
}

/** The button beside a field copies what the field holds; without this script it is hidden. */
function enableFieldButtons() {
  /** @type {NodeListOf<HTMLElement>} */
  const buttons = document.querySelectorAll("[data-copy-field]");
  for (const button of buttons) {
    const field = /** @type {HTMLInputElement} */ (document.getElementById(button.dataset.copyField));
    button.hidden = false;
    button.addEventListener("click", () => copyAndReport(button, Promise.resolve(field.value)));
  }
}

export function enableCopyButtons() {
  enableFieldButtons();
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    /** @type {HTMLElement} */
    const code = target.closest("[data-copy-code]");
    if (code) return copyAndReport(code, Promise.resolve(code.closest(".code").querySelector("code").textContent));
    /** @type {HTMLElement} */
    const message = target.closest("[data-copy]");
    if (message)
      copyAndReport(
        message,
        get(message.dataset.copy).then((response) => response.text()),
      );
  });
}

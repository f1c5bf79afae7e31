/* Edits of queued messages that are not saved. Cards come anew from the server whenever the queue changes; what someone
has typed into one stays. */

const SENT = "This message was sent before your edit was saved. Your edit is in the message field.";

/** @param {Element} card @returns {HTMLTextAreaElement | null} */
const openField = (card) => card.querySelector("[data-edit][open] textarea");

/** Put the cards of `root` that are being edited into `fresh`, which takes its place. `hasBegun(id)`: whether a card's
 * message has been sent, so that it is not in `fresh` any more.
 * @param {Element} root @param {Element} fresh @param {(id: string) => boolean} hasBegun */
export function keepEdits(root, fresh, hasBegun) {
  for (const card of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-queued]"))) {
    if (!openField(card)) continue;
    const next = fresh.querySelector(`#${CSS.escape(card.id)}`);
    if (next) next.replaceWith(card);
    else if (hasBegun(card.dataset.queued)) moveToComposer(card, SENT);
  }
}

/** Saving has failed: open the editor again. Its card may have been replaced meanwhile, or its message sent.
 * @param {HTMLDetailsElement} editor */
export function reopen(editor) {
  const card = editor.closest("[data-queued]");
  const current = card && document.getElementById(card.id);
  editor.open = true;
  if (!card || current === card) return;
  if (current) current.replaceWith(card);
  else moveToComposer(card);
}

/** @param {Element} card @param {string} [reason] */
function moveToComposer(card, reason) {
  const { value, defaultValue } = openField(card);
  const form = document.querySelector("[data-composer]");
  if (!form || value === defaultValue) return;
  /** @type {HTMLTextAreaElement} */
  const field = form.querySelector("[data-text-field]");
  field.value = [field.value, value].filter(Boolean).join("\n\n");
  field.dispatchEvent(new Event("input", { bubbles: true })); // it grows, and the draft is saved
  if (!reason) return;
  /** @type {HTMLElement} */
  const line = form.querySelector("[data-error]");
  line.textContent = reason;
  line.hidden = false;
}

/* The buttons of answers and queued messages: forms that are submitted without leaving the page. */

import { reopen } from "./card_edits.js";
/** @import { Composer } from "./composer.js" */
/** @import { Conversation } from "./conversation.js" */

const underWay = new Set(); // the addresses that forms were sent to: a double click sends one once

/** Submit such forms through the conversation of `currentView()`, whose composer shows errors.
 * @param {() => {conversation: Conversation, composer: Composer}} currentView */
export function submitInPlace(currentView) {
  document.addEventListener("submit", async (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.matches("[data-act]")) return;
    event.preventDefault();
    const url = event.submitter?.getAttribute("formaction") ?? form.action;
    if (underWay.has(url)) return;
    underWay.add(url);
    const { conversation, composer } = currentView();
    /** @type {HTMLDetailsElement} */
    const editor = form.closest("[data-edit]");
    if (editor) editor.open = false; // an open one would keep its card from being replaced
    const fields = new FormData(form, event.submitter);
    try {
      await conversation.post(url, fields);
      composer.showError(null);
    } catch (error) {
      if (editor) reopen(editor);
      composer.showError(error);
    } finally {
      underWay.delete(url);
    }
  });
}

/** An editor takes the place of its question: it opens with the cursor at the end, Ctrl+Enter sends, Esc closes. */
export function enableEditors() {
  /** @type {(event: Event) => HTMLDetailsElement | null} */
  const editorOf = (event) => /** @type {Element} */ (event.target).closest("[data-edit]");
  const close = (editor) => {
    editor.open = false;
    editor.querySelector("summary").focus({ preventScroll: true });
  };
  const openField = (event) => {
    const field = event.target.matches("[data-edit][open]") && event.target.querySelector("textarea");
    if (!field) return;
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  };
  document.addEventListener("toggle", openField, { capture: true }); // it doesn't bubble
  document.addEventListener("click", (event) => {
    if (/** @type {Element} */ (event.target).matches("[data-edit-cancel]")) close(editorOf(event));
  });
  document.addEventListener("keydown", (event) => {
    const editor = editorOf(event);
    if (!editor?.open || event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) editor.querySelector("form").requestSubmit();
    else if (event.key === "Escape") close(editor);
    else return;
    event.preventDefault();
  });
}

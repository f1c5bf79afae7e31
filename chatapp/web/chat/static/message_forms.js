/* The buttons of answers and queued messages: forms that are submitted without leaving the page. */

let isBusy = false;

/** Submit such forms through `conversation`; `composer` shows errors. */
export function submitInPlace(conversation, composer) {
  document.addEventListener("submit", async (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.matches("[data-act]")) return;
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    /** @type {HTMLDetailsElement} */
    const editor = form.closest("[data-edit]");
    if (editor) editor.open = false; // an open one would keep its card from being replaced
    const url = event.submitter?.getAttribute("formaction") ?? form.action;
    const fields = new FormData(form, event.submitter);
    try {
      await conversation.post(url, fields);
      composer.showError(null);
    } catch (error) {
      if (editor) editor.open = true;
      composer.showError(error);
    } finally {
      isBusy = false;
    }
  });
}

/* The buttons of answers and waiting messages: forms whose answer is shown without leaving the page. */

let isBusy = false;

/** Send such forms by `conversation`; `composer` tells what went wrong. */
export function sendActs(conversation, composer) {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-act]")) return;
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    const edit = form.closest("[data-edit]");
    if (edit) edit.open = false; // else the card would be kept as it is
    const url = event.submitter?.getAttribute("formaction") ?? form.action;
    const fields = new FormData(form, event.submitter);
    try {
      await conversation.post(url, fields);
      composer.tell(null);
    } catch (error) {
      if (edit) edit.open = true;
      composer.tell(error.message);
    } finally {
      isBusy = false;
    }
  });
}

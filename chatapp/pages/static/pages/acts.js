/* The buttons of answers and waiting messages: forms whose answer is shown without leaving the page. */

let isBusy = false;

/** Send such forms by `conversation`. `tell` is given the sentence to show, or null where all went well. */
export function sendActs(conversation, tell) {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-act]")) return;
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    const edit = form.closest("[data-edit]");
    if (edit) edit.open = false; // else the card would be kept as it is
    const url = event.submitter?.getAttribute("formaction") ?? form.action;
    try {
      await conversation.post(url, new FormData(form));
      tell(null);
    } catch (error) {
      if (edit) edit.open = true;
      tell(error.message);
    } finally {
      isBusy = false;
    }
  });
}

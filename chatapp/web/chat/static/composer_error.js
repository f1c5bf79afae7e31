/* The line beside the message field that says why something was not done. */

import { LoggedOut } from "../shell/requests.js";
/** @import { RequestError } from "../shell/requests.js" */

export class ComposerError {
  #element;
  #parts;
  #newChat;

  /** `parts`: what a message consists of, which is taken to a new chat when this one has been deleted. */
  constructor(form, parts) {
    this.#element = form.querySelector("[data-error]");
    this.#parts = parts;
    form.addEventListener("refused", (event) => this.show(event.detail || null)); // before anything was sent
    this.#newChat = `${form.dataset.draft.split(":")[0]}:new`;
  }

  /** Show an error; null hides it. `isSaved`: what was typed is kept, so the page can be left to log in.
   * @param {RequestError | null} error */
  show(error, isSaved = false) {
    this.#element.hidden = !error;
    if (error) this.#element.replaceChildren(...this.#sentence(error, isSaved));
  }

  #sentence(error, isSaved) {
    if (error.isGone) return ["This chat has been deleted. ", this.#newChatLink()];
    return (error.isLoggedOut && isSaved ? new LoggedOut("your text is saved") : error).sentence;
  }

  #newChatLink() {
    const link = document.createElement("a");
    link.href = "/";
    link.textContent = "Continue in a new chat";
    link.addEventListener("click", async (event) => {
      event.preventDefault();
      await Promise.all(this.#parts.map((part) => part.moveTo(this.#newChat)));
      location.assign(link.href);
    });
    return link;
  }
}

/* What was typed and not sent is kept in this browser, for each chat and each person, also over a crash. */

const PREFIX = "draft:";
const SENT = "sent"; // the first message of a new chat, until the chat's page says that it has arrived
const PAUSE = 300; // ms without a key after which it is kept

/** Storage may be full or forbidden; then there are no drafts. */
function trying(work) {
  try {
    return work();
  } catch {
    return null;
  }
}

export class Draft {
  #key;
  #field;
  #timer = 0;

  /** `key` names the person and the chat. The field's own text, which the server sent back, goes before a draft. */
  constructor(key, field) {
    this.#key = PREFIX + key;
    this.#field = field;
    if (!field.value) field.value = trying(() => localStorage.getItem(this.#key)) ?? "";
    field.addEventListener("input", () => this.#later());
    addEventListener("pagehide", () => this.#timer && this.keep());
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.keep(), PAUSE);
  }

  /** Keep what stands in the field; nothing, if it is empty. */
  keep() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const text = this.#field.value;
    trying(() => (text ? localStorage.setItem(this.#key, text) : localStorage.removeItem(this.#key)));
  }

  /** The field is sent as a form is: whether it arrived, the next page knows. */
  leaves() {
    this.keep();
    trying(() => sessionStorage.setItem(SENT, this.#key));
  }
}

/** This page is the chat that the last form made: its draft has been sent. */
export function arrived() {
  const key = trying(() => sessionStorage.getItem(SENT));
  if (!key) return;
  trying(() => localStorage.removeItem(key));
  trying(() => sessionStorage.removeItem(SENT));
}

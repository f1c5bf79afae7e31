/* The message field: Enter sends, the text stays until it has arrived. While an answer is being written Stop stands
where Send was, and what is sent waits for its turn. */

import { Attachments } from "./attachments.js";
import { arrived, Draft } from "./drafts.js";
import { keepingEnd, toEnd } from "./end.js";
import { post } from "../shell/requests.js";

const growsByItself = CSS.supports("field-sizing", "content");
const writesByTouch = matchMedia("(hover: none)"); // no Shift key at hand: Enter is a new line

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Composer {
  #form;
  #text;
  #send;
  #next;
  #stop;
  #error;
  #conversation;
  #draft;
  #files;
  #isBusy = false;

  /** `conversation` is null where there is none yet: then the form is sent as forms are. */
  constructor(form, conversation) {
    this.#form = form;
    this.#conversation = conversation;
    this.#text = form.querySelector("[data-text-field]");
    this.#send = form.querySelector("[data-send]");
    this.#next = form.querySelector("[data-next]");
    this.#stop = form.querySelector("[data-stop]");
    this.#error = form.querySelector("[data-error]");
    this.#draft = new Draft(form.dataset.draft, this.#text);
    if (conversation) arrived();
    this.#files = new Attachments(form, () => this.#files && this.refresh());
    form.addEventListener("submit", (event) => this.#submit(event));
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#text.addEventListener("input", () => this.#typed());
    addEventListener("pageshow", () => (this.#isBusy = false)); // back from the page that sending led to
    this.#grow();
    this.refresh();
  }

  /** Offer Stop while an answer is being written, and Send if there is something to send then; else Send. */
  refresh() {
    const active = this.#conversation?.active ?? null;
    const hadFocus = document.activeElement === this.#stop;
    this.#send.hidden = active !== null && this.#isEmpty;
    this.#next.hidden = active === null;
    this.#stop.hidden = active === null;
    if (active) this.#stop.formAction = active.article.dataset.stopUrl;
    else if (hadFocus) this.#text.focus();
    this.#stop.setAttribute("aria-disabled", String(active?.isStopping ?? false));
  }

  get #isEmpty() {
    return !this.#text.value.trim() && this.#files.isEmpty;
  }

  #key(event) {
    const isComposing = event.isComposing || event.keyCode === 229; // 229: Safari's last key of an input method
    if (event.key !== "Enter" || event.shiftKey || isComposing || writesByTouch.matches) return;
    event.preventDefault();
    this.#form.requestSubmit(this.#send);
  }

  #typed() {
    this.#grow();
    this.refresh();
  }

  #grow() {
    if (growsByItself) return;
    keepingEnd(() => {
      this.#text.style.height = "auto";
      this.#text.style.height = `${this.#text.scrollHeight}px`;
    });
  }

  #submit(event) {
    if (event.submitter === this.#stop) {
      event.preventDefault();
      this.#stopAnswer(this.#conversation.active);
    } else if (this.#isBusy || this.#isEmpty) {
      event.preventDefault();
    } else if (this.#conversation) {
      event.preventDefault();
      this.#sendMessage();
    } else {
      this.#isBusy = true;
      this.#draft.leaves();
    }
  }

  async #sendMessage() {
    const fields = new FormData(this.#form);
    const sent = this.#text.value;
    await this.#trying(async () => {
      await this.#conversation.post(this.#form.action, fields);
      this.#form.elements.key.value = newKey();
      if (this.#text.value === sent) this.#text.value = "";
      this.#draft.keep();
      this.#files.clear();
      this.#typed();
      toEnd();
    });
    this.#text.focus();
  }

  async #stopAnswer(answer) {
    if (!answer || answer.isStopping) return;
    const before = answer.article.dataset.state;
    answer.show("stopping", "Stopping…");
    this.refresh();
    const isDone = await this.#trying(async () => {
      const { state } = await (await post(answer.article.dataset.stopUrl, new FormData(this.#form))).json();
      if (state === "already_final") this.#conversation.settle(answer);
    });
    if (!isDone) answer.show(before, "Answering…");
    this.refresh();
  }

  /** Show what went wrong; null: nothing did. */
  tell(sentence) {
    this.#error.hidden = !sentence;
    if (sentence) this.#error.textContent = sentence;
  }

  /** Do it once at a time; what went wrong is said next to the field. Returns whether it went well. */
  async #trying(work) {
    this.#isBusy = true;
    try {
      await work();
      this.tell(null);
      return true;
    } catch (error) {
      this.tell(error.message);
      return false;
    } finally {
      this.#isBusy = false;
    }
  }
}

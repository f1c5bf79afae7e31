/* The message field: Enter sends, and the text stays until it has arrived. While an answer is being written Stop takes
the place of Send, and a message that is sent is queued. */

import { Attachments } from "./attachments.js";
import { ComposerError } from "./composer_error.js";
import { Draft } from "./drafts.js";
import { growing } from "./growing_field.js";
import { scrollToBottom } from "./stick_to_bottom.js";
import { newIdempotencyKey, saySending, showSending } from "./sending.js";
import { touchOnly } from "../shell/pointer.js";
import { post, postForHtml } from "../shell/requests.js";

export class Composer {
  #form;
  #field;
  #send;
  #next;
  #stop;
  #error;
  #conversation;
  #draft;
  #attachments;
  #onStart;
  #grow;
  #isBusy = false;

  /** `conversation` is null for the form that starts one: `onStart(html)` is called with the new chat. `signal` is aborted
   * when the form is not needed any more. */
  constructor(form, conversation, onStart, signal) {
    this.#form = form;
    this.#conversation = conversation;
    this.#onStart = onStart;
    this.#field = form.querySelector("[data-text-field]");
    this.#send = form.querySelector("[data-send]");
    this.#next = form.querySelector("[data-next]");
    this.#stop = form.querySelector("[data-stop]");
    this.#draft = new Draft(form.dataset.draft, this.#field, signal);
    this.#attachments = new Attachments(form, () => this.#attachments && this.refresh(), signal);
    this.#error = new ComposerError(form, [this.#draft, this.#attachments]);
    form.addEventListener("submit", (event) => this.#onSubmit(event));
    this.#field.addEventListener("keydown", (event) => this.#onKeydown(event));
    this.#field.addEventListener("input", () => this.#onInput());
    this.#grow = growing(this.#field);
    this.#onInput();
  }

  /** Show Stop while an answer is being written, with Send beside it if there is something to send; else Send. */
  refresh() {
    const active = this.#conversation?.activeAnswer ?? null;
    const hadFocus = document.activeElement === this.#stop;
    this.#send.hidden = active !== null && this.#isEmpty;
    this.#next.hidden = active === null;
    this.#stop.hidden = active === null;
    if (active) this.#stop.formAction = active.article.dataset.stopUrl;
    else if (hadFocus) this.#field.focus();
    this.#stop.setAttribute("aria-disabled", String(active?.isStopping ?? false));
  }

  get #isEmpty() {
    return !this.#field.value.trim() && this.#attachments.isEmpty;
  }

  #onKeydown(event) {
    const isComposing = event.isComposing || event.keyCode === 229; // 229: the last key of an input method, in Safari
    if (event.key !== "Enter" || event.shiftKey || isComposing || touchOnly.matches) return; // there it is a new line
    event.preventDefault();
    this.#form.requestSubmit(this.#send);
  }

  #onInput() {
    this.#grow();
    this.refresh();
  }

  #onSubmit(event) {
    event.preventDefault();
    if (event.submitter === this.#stop) this.#stopAnswer(this.#conversation.activeAnswer);
    else if (!this.#isBusy && !this.#isEmpty) this.#conversation ? this.#sendMessage() : this.#startChat();
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  async #startChat() {
    this.#draft.save(); // until the text has arrived
    const endSending = saySending(this.#form);
    await this.#attempt(async () => {
      const html = await postForHtml(this.#form.action, await this.#attachments.formData());
      if (this.#form.isConnected) this.#onStart(html);
      this.#field.value = "";
      this.#draft.save();
      this.#attachments.clear();
    });
    endSending();
  }

  async #sendMessage() {
    const sent = this.#field.value;
    this.#draft.save(); // until the text has arrived
    this.#field.value = "";
    this.#onInput();
    const endSending = showSending(document.querySelector("[data-transcript]"), sent);
    const hasArrived = await this.#attempt(async () => {
      await this.#conversation.post(this.#form.action, await this.#attachments.formData(sent));
      this.#form.elements.key.value = newIdempotencyKey();
      this.#attachments.clear();
      if (this.#form.isConnected) scrollToBottom();
    });
    endSending();
    if (!hasArrived) this.#field.value = [sent, this.#field.value].filter(Boolean).join("\n");
    this.#draft.save();
    this.#onInput();
    this.#field.focus();
  }

  async #stopAnswer(answer) {
    if (!answer || answer.isStopping) return;
    const previousState = answer.article.dataset.state;
    answer.showState("stopping", "Stopping…");
    this.refresh();
    const succeeded = await this.#attempt(async () => {
      const { state } = await (await post(answer.article.dataset.stopUrl, new FormData(this.#form))).json();
      if (state === "already_final") this.#conversation.reload(answer);
    });
    if (!succeeded) answer.showState(previousState, "Answering…");
    this.refresh();
  }

  /** Show an error beside the field; null hides it. */
  showError(error) {
    this.#error.show(error);
  }

  /** Do `work` and show its error, if any. Returns whether it succeeded. */
  async #attempt(work) {
    this.#isBusy = true;
    try {
      await work();
      this.showError(null);
      return true;
    } catch (error) {
      this.#error.show(error, true);
      return false;
    } finally {
      this.#isBusy = false;
    }
  }
}

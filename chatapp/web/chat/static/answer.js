/* An answer in the transcript that is being written or waits to be: its content, and its state in words. */

import { LiveAnswer } from "./live_answer.js";
import { stickToBottom } from "./stick_to_bottom.js";
import { retryingLabel } from "../shell/retrying.js";
import { FINAL_KINDS } from "../shell/stream_events.js";

const REPORTED_KINDS = new Set(["run.started", "run.retrying"]);

export class Answer {
  #content;
  #isOutOfSync = false; // the page no longer agrees with the log: the server is asked for the message
  #onChange;

  /** `onChange(answer, event)` receives start, retries and end; null where the server has to be asked. */
  constructor(article, onChange) {
    this.article = article;
    this.stream = article.dataset.stream;
    this.seq = Number(article.dataset.seq);
    this.#onChange = onChange;
    this.#content = new LiveAnswer(article, stickToBottom);
  }

  get isStopping() {
    return this.article.dataset.state === "stopping";
  }

  /** Set the state, and the words shown while there is nothing else to see. */
  showState(state, label) {
    this.article.dataset.state = state;
    this.article.querySelector("[data-waiting-word]").textContent = label;
  }

  /** `ahead`: how many answers wait longer for a worker; undefined if that is unknown. */
  showQueuePosition(ahead) {
    if (this.article.dataset.state !== "waiting" || ahead === undefined) return;
    const rank = ahead ? ` ${ahead} answer${ahead === 1 ? "" : "s"} ahead of yours` : "";
    this.showState("waiting", `Waiting to start…${rank}`);
  }

  apply(event) {
    const { kind, data, seq } = event;
    if (this.#isOutOfSync) return;
    if (kind === "snapshot" && this.#isContinuation) return this.refused(); // it lacks what earlier runs wrote
    this.#showStateOf(kind, data);
    this.#content.apply(event);
    this.article.dataset.seq = seq;
    if (FINAL_KINDS.has(kind)) this.#end(kind, data);
    else if (REPORTED_KINDS.has(kind)) this.#onChange(this, { kind, data, isFinal: false });
  }

  reset() {
    if (this.#isContinuation) this.refused();
    else this.#content.replace({ text: "", reasoning: "" });
  }

  refused() {
    this.#isOutOfSync = true;
    this.#onChange(this, null);
  }

  get #isContinuation() {
    return "continued" in this.article.dataset;
  }

  #showStateOf(kind, data) {
    if (kind.endsWith(".delta") && this.article.dataset.state === "retrying") this.showState("answering", "Answering…");
    else if (this.isStopping) return;
    else if (kind === "run.started") this.showState("answering", "Answering…");
    else if (kind === "run.retrying") this.showState("retrying", retryingLabel(data));
  }

  /** It has ended when all of it is drawn: until then the server's version may not build on what stands here. */
  async #end(kind, data) {
    await this.#content.finish();
    this.article.dataset.state = kind.slice("run.".length);
    this.article.querySelector("[data-waiting]").hidden = true;
    this.#onChange(this, { kind, data, isFinal: true });
  }
}

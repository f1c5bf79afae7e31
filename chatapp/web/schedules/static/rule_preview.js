/* The preview in the editor of a schedule: the rule in words and the next five times, updated while the user types. */

import { announce } from "../shell/status.js";

const DELAY = 250; // ms after the last key

class RulePreview {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    this.output = /** @type {HTMLElement} */ (form.querySelector("[data-preview]"));
    form.addEventListener("input", () => this.updateLater());
  }

  updateLater() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.update(), DELAY);
  }

  /** A response that is overtaken by a newer one is dropped; without a connection the last one stays. */
  async update() {
    this.request?.abort();
    const request = (this.request = new AbortController());
    try {
      const response = await fetch(this.url, { signal: request.signal, headers: { "X-Requested-With": "fetch" } });
      if (!response.ok || response.redirected) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      if (request !== this.request) return;
      const before = this.output.innerText;
      this.output.replaceChildren(...page.body.childNodes);
      if (this.output.innerText !== before) announce(this.output.innerText);
    } catch (error) {
      if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error;
    }
  }

  get url() {
    const fields = new FormData(this.form);
    for (const name of ["csrfmiddlewaretoken", "prompt", "name"]) fields.delete(name);
    return `${this.form.dataset.previewUrl}?${new URLSearchParams(/** @type {any} */ (fields))}`;
  }
}

/** Set a new schedule to the browser's time zone, if the form offers it. Returns whether it did. */
function setBrowserZone(form) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const isOffered = [...form.querySelectorAll("#zones option")].some((option) => option.value === zone);
  if (isOffered) form.elements.zone.value = zone;
  return isOffered;
}

/** @type {HTMLFormElement} */
const form = document.querySelector("[data-editor]");
const preview = new RulePreview(form);
if ("new" in form.dataset && setBrowserZone(form)) preview.update();

/* Shows what a schedule's rule means while it is filled in: in words, and the next five times. */

import { announce } from "../shell/status.js";

const PAUSE = 250; // ms after the last key

class Preview {
  constructor(form) {
    this.form = form;
    this.place = form.querySelector("[data-preview]");
    form.addEventListener("input", () => this.later());
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show(), PAUSE);
  }

  /* An answer that is overtaken by a newer one is dropped; without a connection the last one stays. */
  async show() {
    this.request?.abort();
    const request = (this.request = new AbortController());
    try {
      const response = await fetch(this.url, { signal: request.signal, headers: { "X-Requested-With": "fetch" } });
      if (!response.ok || response.redirected) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      if (request !== this.request) return;
      const before = this.place.innerText;
      this.place.replaceChildren(...page.body.childNodes);
      if (this.place.innerText !== before) announce(this.place.innerText);
    } catch (error) {
      if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error;
    }
  }

  get url() {
    const fields = new FormData(this.form);
    for (const name of ["csrfmiddlewaretoken", "prompt", "name"]) fields.delete(name);
    return `${this.form.dataset.previewUrl}?${new URLSearchParams(fields)}`;
  }
}

/* A new schedule is meant in the zone of whoever makes it. */
function guessZone(form) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = [...form.querySelectorAll("#zones option")].some((option) => option.value === zone);
  if (known) form.elements.zone.value = zone;
  return known;
}

const form = document.querySelector("[data-editor]");
const preview = new Preview(form);
if ("new" in form.dataset && guessZone(form)) preview.show();

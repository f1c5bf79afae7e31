/* Says beside the message field that the selected model can't see the images that are attached, and which ones can. */

const NAMED = 5; // models in the advice

export class ImageSight {
  #form;
  #hasImages;
  #isBlind = false;

  /** @param {HTMLFormElement} form @param {() => boolean} hasImages */
  constructor(form, hasImages) {
    this.#form = form;
    this.#hasImages = hasImages;
    form.addEventListener("change", (event) => event.target === this.#modelField && this.check());
  }

  get #modelField() {
    return this.#form.elements.namedItem("model");
  }

  /** Show the notice, or hide it when it is not true any more. */
  check() {
    const field = this.#modelField;
    const model = field instanceof HTMLSelectElement ? field.selectedOptions[0] : field;
    const isBlind = Boolean(model) && this.#hasImages() && !("sees" in model.dataset);
    if (isBlind || this.#isBlind) this.#say(isBlind ? this.#advice(field) : "");
    this.#isBlind = isBlind;
  }

  #advice(field) {
    const options = field instanceof HTMLSelectElement ? [...field.options] : [];
    const seeing = options.filter((option) => "sees" in option.dataset).map((option) => option.label);
    const names = seeing.slice(0, NAMED).join(", ");
    return `This model can’t see images. ${names ? `These can: ${names}.` : "None of the models you can use can."}`;
  }

  #say(sentence) {
    this.#form.dispatchEvent(new CustomEvent("refused", { detail: sentence && { sentence: [sentence] } }));
  }
}

/* The stretches of long code: boxes that are laid out one by one (see plain_text.js), and end where the server's do. */

import { stretchEnd } from "./plain_text.js";

export class CodeStretches {
  /** @type {number[]} */
  ends = []; // of those that are complete
  #boxes = []; // with that of the one that grows
  #code;

  /** @param {Element} code */
  constructor(code) {
    this.#code = code;
  }

  /** The code is `text` now. */
  update(text) {
    for (let end; (end = stretchEnd(text, this.ends.at(-1) ?? 0));) this.ends.push(end);
  }

  /** The box of what stands at this position in the code. */
  boxAt(position) {
    const index = this.ends.filter((end) => end <= position).length;
    while (this.#boxes.length <= index) {
      const box = document.createElement("span");
      box.className = "stretch";
      this.#boxes.push(box);
      this.#code.append(box);
    }
    return this.#boxes[index];
  }
}

/* The parts of code in a box: tokens joined where they have the same colour, and cut where stretches end. */

/** @import { Token } from "./lexer.js" */
/** A place where colouring can begin anew, after so many parts.
 * @typedef {{count: number, position: number, states: string[]}} Anchor */

export class CodeParts {
  /** @type {Token[]} */
  tokens = [];
  /** @type {Anchor[]} */
  anchors = [];
  #ends;
  /** @type {Token | null} */
  #last = null; // the token that may be joined with the next one

  /** @param {number} position of the first one in the code @param {number[]} ends of stretches */
  constructor(position, ends) {
    this.position = position;
    this.#ends = ends.filter((end) => end > position);
  }

  push(css, text) {
    for (let rest = text; rest;) {
      const part = rest.slice(0, (this.#ends[0] ?? Infinity) - this.position);
      this.#add(css, part);
      this.position += part.length;
      rest = rest.slice(part.length);
      if (this.position !== this.#ends[0]) continue;
      this.#ends.shift();
      this.#last = null;
    }
  }

  #add(css, part) {
    if (this.#last?.[0] !== css) {
      this.#last = /** @type {Token} */ ([css, part]);
      this.tokens.push(this.#last);
      return;
    }
    this.#last[1] += part;
    if (this.anchors.at(-1)?.count === this.tokens.length) this.anchors.pop(); // it is within a token
  }

  addAnchor(states) {
    this.anchors.push({ count: this.tokens.length, position: this.position, states: [...states] });
  }
}

/** Whether `drawn` ({css, text, node}) shows this token. */
export function isSame(drawn, token) {
  return drawn?.css === token[0] && drawn.text === token[1];
}

/** Let what was drawn show more plain text, if that is all that `token` has more. */
export function grow(drawn, [css, text]) {
  if (css || drawn?.css !== css || !text.startsWith(drawn.text)) return false;
  drawn.node.appendData(text.slice(drawn.text.length));
  drawn.text = text;
  return true;
}

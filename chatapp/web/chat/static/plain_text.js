/* Text that grows and is shown as it is. It is split into stretches, each a box of its own: what has been laid out is not
laid out again when more arrives, however much there is and wherever its lines end. */

const STRETCH = 5_000; // the weight after which a box ends at the end of its line,
export const LONGEST = 2 * STRETCH; // or anywhere: for some alphabets layout takes the square of a box's length
const MARK = 4; // the weight of an accent; thousands of them on one letter take longest
const PIECE = 500; // UTF-16 units weighed at once
const NODE = 4_000; // units of a text node: appending to one costs as much as it holds

/** What laying out a text costs, in letters.
 * @param {string} text */
export function layoutWeight(text) {
  return text.length + (MARK - 1) * (text.match(/\p{M}/gu)?.length ?? 0);
}

/** @param {string} text */
function endsInsideCharacter(text) {
  const unit = text.charCodeAt(text.length - 1);
  return unit >= 0xd800 && unit < 0xdc00; // a high surrogate
}

/** Append `text` to `element` in as few text nodes as is fast, none of which ends inside a character.
 * @param {Element} element @param {string} text */
export function appendText(element, text) {
  const last = /** @type {Text | null} */ (element.lastChild);
  const isOpen = last?.nodeType === Node.TEXT_NODE && (last.length < NODE || endsInsideCharacter(last.data));
  if (isOpen) last.appendData(text);
  else if (text) element.append(text);
}

/** Where the stretch of `text` that begins at `start` ends, as on the server; 0 if only more text will tell.
 * @param {string} text @param {number} start */
export function stretchEnd(text, start) {
  let position = start;
  for (let weight = 0; weight < LONGEST && !(weight >= STRETCH && text[position - 1] === "\n");) {
    const line = weight >= STRETCH ? text.slice(position, position + PIECE).indexOf("\n") + 1 : 0;
    const end = position + (line || PIECE);
    if (end > text.length) return 0;
    weight += layoutWeight(text.slice(position, end));
    position = end;
  }
  return endsInsideCharacter(text.slice(0, position)) ? position + 1 : position;
}

export class PlainText {
  #element;
  #maxLength;
  #length; // units shown
  #box = null; // the last stretch; null: the next text starts one
  #weight = 0; // of its text

  /** Text already in `element` counts as the beginning; text beyond `maxLength` units is not shown.
   * @param {Element} element */
  constructor(element, maxLength = Infinity) {
    this.#element = element;
    this.#maxLength = maxLength;
    const textSoFar = element.textContent;
    this.clear();
    this.append(textSoFar);
  }

  /** @param {string} text */
  append(text) {
    const shown = text.slice(0, Math.max(this.#maxLength - this.#length, 0));
    this.#length += shown.length;
    for (let rest = shown; rest;) {
      this.#box ??= this.#createBox();
      const piece = this.#nextPiece(rest);
      appendText(this.#box, piece);
      this.#weight += layoutWeight(piece);
      const isFull = this.#weight >= LONGEST || (this.#weight >= STRETCH && piece.endsWith("\n"));
      if (isFull && !endsInsideCharacter(piece)) this.#box = null;
      rest = rest.slice(piece.length);
    }
  }

  clear() {
    this.#element.replaceChildren();
    this.#box = null;
    this.#length = 0;
  }

  /** As much of `text` as is weighed at once; in a box that is nearly full, up to the end of the line. */
  #nextPiece(text) {
    const line = this.#weight >= STRETCH ? text.indexOf("\n") + 1 : 0;
    return text.slice(0, Math.min(line || PIECE, PIECE));
  }

  #createBox() {
    const box = document.createElement("span");
    box.className = "stretch";
    this.#element.append(box);
    this.#weight = 0;
    return box;
  }
}

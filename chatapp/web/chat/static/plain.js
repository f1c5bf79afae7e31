/* Text that grows and is shown as it is. It stands in stretches, each a box of its own: what has been laid out is not
laid out again when more comes, however much there is and however it is cut into lines. */

const STRETCH = 5_000; // the weight after which a box ends with its line,
const LONGEST = 2 * STRETCH; // or wherever it is: to lay out some alphabets takes the square of a box's length
const MARK = 4; // the weight of an accent; thousands of them on one letter take longest
const PIECE = 500; // UTF-16 units weighed at once
const NODE = 4_000; // units of a text node: appending to one costs as much as it holds

/** What a text costs to lay out, in letters. */
export function weightOf(text) {
  return text.length + (MARK - 1) * (text.match(/\p{M}/gu)?.length ?? 0);
}

function endsInside(text) {
  const unit = text.charCodeAt(text.length - 1);
  return unit >= 0xd800 && unit < 0xdc00; // the first half of a character
}

/** Append `text` to `element` in as few text nodes as is quick, and none that ends inside of a character. */
export function appendText(element, text) {
  const last = element.lastChild;
  if (last?.nodeType === Node.TEXT_NODE && (last.length < NODE || endsInside(last.data))) last.appendData(text);
  else if (text) element.append(text);
}

export class PlainText {
  #element;
  #most;
  #length; // of what is shown
  #box = null;
  #weight = 0; // of what is in the box

  /** The text that stands in `element` already is its beginning; what is more than `most` units is not shown. */
  constructor(element, most = Infinity) {
    this.#element = element;
    this.#most = most;
    const soFar = element.textContent;
    this.clear();
    this.append(soFar);
  }

  append(text) {
    const shown = text.slice(0, Math.max(this.#most - this.#length, 0));
    this.#length += shown.length;
    for (let rest = shown; rest; ) {
      this.#box ??= this.#open();
      const piece = this.#first(rest);
      appendText(this.#box, piece);
      this.#weight += weightOf(piece);
      const isFull = this.#weight >= LONGEST || (this.#weight >= STRETCH && piece.endsWith("\n"));
      if (isFull && !endsInside(piece)) this.#box = null;
      rest = rest.slice(piece.length);
    }
  }

  clear() {
    this.#element.replaceChildren();
    this.#box = null;
    this.#length = 0;
  }

  /** As much of `text` as is weighed at once; in a box that is nearly full, up to the end of a line. */
  #first(text) {
    const line = this.#weight >= STRETCH ? text.indexOf("\n") + 1 : 0;
    return text.slice(0, Math.min(line || PIECE, PIECE));
  }

  #open() {
    const box = document.createElement("span");
    box.className = "stretch";
    this.#element.append(box);
    this.#weight = 0;
    return box;
  }
}

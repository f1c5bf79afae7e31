/* Code in a box that grows. Its finished lines have the colours that the server's HTML will give them, for languages
whose lexer the browser can have; with others they come at the end. Long code consists of stretches, as there. */

import { CodeParts, grow, isSame } from "./code_parts.js";
import { CodeStretches } from "./code_stretches.js";
import { layoutWeight, LONGEST } from "./plain_text.js";

/** @import { Anchor } from "./code_parts.js" */
/** @import { Lexer } from "./lexer.js" */

export const MAX_COLOURED = 50_000; // characters of code in an answer, as on the server
const LONG_LINE = /[^\n]{1001}/; // the server colours no code with such a line,
const LONG_SPACE = /\s{201}|(?:\n[^\S\n]*){12}/; // and begins anew after such white space
/** @type {Anchor} */
const START = { count: 0, position: 0, states: ["root"] };
const MARGIN = 1_500; // characters before the end are coloured again: what follows may change them

export class CodeText {
  #code;
  #budget;
  #text = "";
  #weight = 0;
  /** @type {Lexer | null} */
  #lexer = null;
  #isPlain = false; // it can have no colours
  #charged = 0; // characters that it takes from the budget
  #drawn = []; // {css, text, node} of each token
  /** @type {Anchor} */
  #settled = START; // what is drawn before does not change any more
  /** @type {CodeStretches | null} */
  #stretches = null; // if the code is long

  /** `budget.characters` may still be coloured in this answer.
   * @param {Element} code @param {string} language @param {{characters: number}} budget */
  constructor(code, language, budget) {
    this.#code = code;
    this.#budget = budget;
    if (language) this.#load(language);
  }

  async #load(language) {
    try {
      const { loadLexerOf } = await import("./lexer.js");
      this.#lexer = await loadLexerOf(language);
    } catch (error) {
      console.warn("Code could not be coloured", error);
    }
    const isThere = this.#drawn.length && this.#code.contains(this.#drawn[0].node); // else the final HTML is
    if (this.#lexer && isThere) this.#draw();
  }

  /** @param {string} text */
  append(text) {
    const line = this.#text.lastIndexOf("\n") + 1;
    this.#text += text;
    this.#weight += layoutWeight(text);
    if (LONG_LINE.test(this.#text.slice(line)) || LONG_SPACE.test(this.#text.slice(-text.length - 250)))
      this.#makePlain();
    if (text.includes("\n") || !grow(this.#drawn.at(-1), ["", (this.#drawn.at(-1)?.text ?? "") + text])) this.#draw();
  }

  /** It is removed from the page: its characters do not count. */
  discard() {
    this.#lexer = null;
    this.#charge(0);
  }

  #charge(characters) {
    this.#budget.characters += this.#charged - characters;
    this.#charged = characters;
  }

  #makePlain() {
    this.#isPlain = true;
    this.#charge(0);
    this.#settled = START;
  }

  #divide() {
    this.#code.replaceChildren();
    this.#drawn = [];
    this.#settled = START;
    this.#stretches = new CodeStretches(this.#code);
  }

  #draw() {
    if (this.#weight > LONGEST && !this.#stretches) this.#divide();
    this.#stretches?.update(this.#text);
    const { tokens, anchors } = this.#tokens();
    const { count } = this.#settled;
    let same = 0;
    while (same < tokens.length && isSame(this.#drawn[count + same], tokens[same])) same += 1;
    if (tokens[same] && grow(this.#drawn[count + same], tokens[same])) same += 1;
    for (const { node } of this.#drawn.splice(count + same)) node.remove();
    let position = this.#settled.position;
    for (const [index, [css, text]] of tokens.entries()) {
      if (index >= same) this.#drawn.push({ css, text, node: this.#append(css, text, position) });
      position += text.length;
    }
    const anchor = anchors.findLast(({ position: at }) => at <= this.#text.length - MARGIN);
    if (anchor) this.#settled = { ...anchor, count: count + anchor.count };
  }

  #append(css, text, position) {
    const node = css ? document.createElement("span") : document.createTextNode(text);
    if (css) Object.assign(node, { className: `hl-${css}`, textContent: text });
    (this.#stretches?.boxAt(position) ?? this.#code).append(node);
    return node;
  }

  /** The tokens from where it is settled, of which no two in a box that follow each other have the same class. */
  #tokens() {
    const parts = new CodeParts(this.#settled.position, this.#stretches?.ends ?? []);
    const end = this.#endOfColours();
    if (end > parts.position) {
      try {
        const code = this.#text.slice(0, end);
        for (const { token, states } of this.#lexer.tokens(code, parts.position, this.#settled.states)) {
          parts.push(...token);
          if (states && code[parts.position - 1] === "\n") parts.addAnchor(states);
        }
      } catch (error) {
        console.warn("Code could not be coloured", error);
        this.#makePlain();
        return this.#tokens();
      }
    }
    parts.push("", this.#text.slice(parts.position));
    return parts;
  }

  /** The end of the last finished line that may have colours. */
  #endOfColours() {
    if (!this.#lexer || this.#isPlain) return 0;
    const length = Math.min(this.#text.length, this.#budget.characters + this.#charged);
    const end = length > 0 ? this.#text.lastIndexOf("\n", length - 1) + 1 : 0;
    this.#charge(end);
    return end;
  }
}

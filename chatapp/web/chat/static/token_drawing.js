/* Draws the parser's tokens of an answer that grows. What has not changed since the last time stays as it is: elements are
added and removed only from the first token that differs. */

import { blockElements, continueCode, hasBreakAfter, hasBreakBefore, isCode } from "./block_elements.js";
import { MAX_COLOURED } from "./code_text.js";
import { grownNodes, inlineNodes } from "./inline_elements.js";

/** An element that is open, the one around it, and that one's child with it inside.
 * @typedef {{node: Element, up: Level | null, outer: Element | null}} Level */

export class TokenDrawing {
  /** @type {Level} */
  #level;
  /** What stands there of the open blocks: each token, and where it was drawn: in `level`, after the node `last`. */
  #entries = [];
  #budget = { characters: MAX_COLOURED };

  /** @param {Element} element */
  constructor(element) {
    this.#level = { node: element, up: null, outer: null };
  }

  /** The number of tokens that are drawn and not finished. */
  get length() {
    return this.#entries.length;
  }

  /** Characters in the code box that is the first block which is not finished. */
  get codeLength() {
    const token = this.#entries[0]?.token;
    return token && isCode(token) ? token.content.length : 0;
  }

  /** How many tokens, from the first, are drawn already; their contents are handed on to `tokens`.
   * @param {any[]} tokens */
  reuse(tokens) {
    let count = 0;
    for (; count < Math.min(tokens.length, this.#entries.length); count += 1) {
      const { token: drawn, breakAfter } = this.#entries[count];
      const token = tokens[count];
      if (!isSame(drawn, token) || breakAfter !== hasBreakAfter(tokens, count)) break;
      const { children, cost, isTask, missed, nodes, text } = drawn;
      Object.assign(token, { children, cost, isTask, missed, nodes, text });
      this.#entries[count].token = token;
    }
    return count;
  }

  /** Draw `tokens` instead of those that are drawn; the first `from` are the same.
   * @param {any[]} tokens @param {number} from */
  draw(tokens, from) {
    const drawn = this.#entries[from]?.token;
    let start = from;
    if (drawn && from < tokens.length) {
      this.#undo(from + 1);
      if (this.#continue(drawn, tokens[from])) {
        Object.assign(this.#entries[from], { token: tokens[from], breakAfter: hasBreakAfter(tokens, from) });
        start = from + 1;
      }
    }
    this.#undo(start);
    for (let index = start; index < tokens.length; index += 1) this.#add(tokens, index);
  }

  /** The first `count` tokens do not change any more. */
  finish(count) {
    this.#entries.splice(0, count);
  }

  /** Draw the content of a paragraph anew. */
  redraw(token) {
    token.nodes = replaceNodes(token.nodes, inlineNodes(token.children));
  }

  /** Whether `token` could be drawn by changing only the end of what was drawn for `drawn`. */
  #continue(drawn, token) {
    if (drawn.type === "inline" && token.type === "inline" && drawn.nodes.length) {
      token.nodes = replaceNodes(drawn.nodes, ...grownNodes(drawn.nodes, drawn.children, token.children));
      return token.nodes.length > 0;
    }
    return continueCode(drawn, token);
  }

  /** Paragraphs whose open marks are closed for the moment. */
  completedTokens() {
    return this.#entries.map(({ token }) => token).filter(({ isCompleted }) => isCompleted);
  }

  /** Remove what is drawn and not finished. */
  undo() {
    this.#undo(0);
  }

  #undo(index) {
    if (index >= this.#entries.length) return;
    const { level, last } = this.#entries[index];
    removeAfter(level.node, last);
    for (let inner = level; inner.up; inner = inner.up) removeAfter(inner.up.node, inner.outer);
    this.#level = level;
    for (const { token } of this.#entries.splice(index)) token.text?.discard();
  }

  #add(tokens, index) {
    const token = tokens[index];
    const breakAfter = hasBreakAfter(tokens, index);
    this.#entries.push({ token, level: this.#level, last: this.#level.node.lastChild, breakAfter });
    if (hasBreakBefore(tokens, index)) this.#level.node.append("\n");
    if (token.type === "inline") {
      token.nodes = inlineNodes(token.children);
      this.#level.node.append(...token.nodes);
    } else if (!token.hidden) {
      if (token.nesting < 0) this.#level = this.#level.up;
      else this.#open(token);
    }
    if (breakAfter) this.#level.node.append("\n");
  }

  #open(token) {
    const [outer, node] = blockElements(token, this.#budget);
    this.#level.node.append(outer);
    if (token.nesting > 0) this.#level = { node, up: this.#level, outer };
  }
}

function isSame(drawn, token) {
  if (drawn.isStale || drawn.isCompleted || drawn.meta?.label !== token.meta?.label) return false;
  if (["type", "tag", "hidden", "info"].some((name) => drawn[name] !== token[name])) return false;
  return (drawn.source ?? drawn.content) === token.content && String(drawn.attrs) === String(token.attrs);
}

function removeAfter(element, last) {
  while (element.lastChild !== last) element.lastChild.remove();
}

/** Put `fresh` in the place of `current`, of which the first `kept` are the same. Returns what stands there. */
function replaceNodes(current, fresh, kept = 0) {
  const [old, young] = [current[kept], fresh[kept]];
  const isLonger = old?.nodeType === 3 && young?.nodeType === 3 && young.data.startsWith(old.data);
  if (isLonger) old.appendData(young.data.slice(old.data.length));
  const start = kept + Number(isLonger);
  if (start > 0) current[start - 1].after(...fresh.slice(start));
  else current[0].before(...fresh);
  for (const node of current.slice(start)) node.remove();
  return [...current.slice(0, start), ...fresh.slice(start)];
}

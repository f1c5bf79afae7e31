/* The content of a line, built from the parser's tokens as the server renders it. What a model writes is hostile (B58):
links lead only where the server's rendering lets them, and no attribute but those set here gets through. */

const SAFE_URL = /^(https?:\/\/[^/?#\\\s]|mailto:)/i; // where a link may lead, as on the server: never into this site
const BIDI_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/g; // they make text read differently from what it is
const BIDI_OVERRIDES = /[\u202a-\u202e]/g; // prose may have the others, which right-to-left text needs

/** Text in which the order of characters matters, without controls that change it.
 * @param {string} text */
export function marked(text) {
  return text.replace(BIDI_CONTROLS, "\ufffd");
}

/** @param {string} text */
export function withoutOverrides(text) {
  return text.replace(BIDI_OVERRIDES, "\ufffd");
}

/** @param {string} name @param {string} [className] @param {(Node | string)[]} children */
export function createElement(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** The nodes for a paragraph's tokens.
 * @param {any[]} tokens @returns {ChildNode[]} */
export function inlineNodes(tokens) {
  const top = document.createElement("div");
  let element = /** @type {HTMLElement} */ (top);
  let text = "";
  const flush = () => {
    if (text) element.append(text);
    text = "";
  };
  for (const token of tokens) {
    if (token.type === "text" || token.type === "text_special") {
      text += token.content;
      continue;
    }
    flush();
    if (token.nesting < 0) element = element.parentElement;
    else element.append(elementFor(token));
    if (token.nesting > 0) element = /** @type {HTMLElement} */ (element.lastElementChild);
    if (token.tag === "br") text = "\n";
  }
  flush();
  return [...top.childNodes];
}

/** The nodes for `tokens`, of which the first were drawn as `nodes`, for `drawn`: those that stay, and how many they are.
 * @param {ChildNode[]} nodes @param {any[]} drawn @param {any[]} tokens @returns {[ChildNode[], number]} */
export function grownNodes(nodes, drawn, tokens) {
  let [start, kept] = [0, 0];
  let [depth, count, isText] = [0, 0, false];
  for (const [index, token] of tokens.entries()) {
    const isElement = !token.type.startsWith("text");
    const endsText = !isText || !drawn[index]?.type.startsWith("text"); // which was one node with the text after it
    if (depth === 0 && (isElement ? endsText : !isText)) [start, kept] = [index, count + Number(isText)];
    if (!drawn[index] || !isSameToken(drawn[index], token)) break;
    if (depth === 0 && isElement) [count, isText] = [count + Number(isText) + 1, token.type.endsWith("break")];
    else if (depth === 0) isText ||= token.content !== "";
    depth += token.nesting;
  }
  return [[...nodes.slice(0, kept), ...inlineNodes(tokens.slice(start))], kept];
}

function isSameToken(drawn, token) {
  return drawn.type === token.type && drawn.content === token.content && String(drawn.attrs) === String(token.attrs);
}

/** @param {any} token @returns {HTMLElement} */
function elementFor(token) {
  if (token.type === "link_open") return link(Object.fromEntries(token.attrs));
  if (token.type === "task") return taskBox(token.meta.isDone);
  if (token.type === "softbreak" || token.type === "hardbreak") token.tag = "br";
  if (token.type === "formula") return createElement("span", "math", marked(token.content));
  return createElement(token.tag || "span", "", marked(token.content));
}

/** @param {{href?: string, title?: string}} attributes */
function link({ href, title }) {
  const element = createElement("a");
  element.setAttribute("rel", "noopener noreferrer nofollow");
  if (!SAFE_URL.test(href)) return element;
  if (URL.canParse(href)) element.setAttribute("href", href);
  if (/^https?:/i.test(href)) element.setAttribute("target", "_blank");
  if (title) element.setAttribute("title", marked(title));
  return element;
}

function taskBox(isDone) {
  const box = createElement("input");
  box.setAttribute("type", "checkbox");
  box.setAttribute("disabled", "");
  if (isDone) box.setAttribute("checked", "");
  box.setAttribute("aria-label", "Task");
  return box;
}

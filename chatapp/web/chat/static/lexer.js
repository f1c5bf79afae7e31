/* Finds the colours of code as Pygments does, with the tables that deploy/lexers.py makes of its lexers. */

import LANGUAGES from "./lexers/languages.js";

const MAX_EMPTY = 100; // tokens without text in a row: with more a lexer makes no progress
const loading = new Map(); // name of a lexer -> promise of a Lexer

/** @typedef {[string, string]} Token its class, "" for plain text, and its text */

/** The lexer of a language, as Markdown calls it; null if there is none. Rejects if it cannot be loaded.
 * @param {string} language @returns {Promise<Lexer | null>} */
export async function loadLexerOf(language) {
  const isIt = ({ names }) => names.split(" ").includes(language.toLowerCase());
  const name = Object.keys(LANGUAGES).find((each) => isIt(LANGUAGES[each]));
  return name ? loadLexer(name) : null;
}

/** @param {string} name of a lexer @returns {Promise<Lexer>} */
function loadLexer(name) {
  if (!loading.has(name)) loading.set(name, createLexer(name));
  return loading.get(name);
}

async function createLexer(name) {
  const { default: table } = await LANGUAGES[name].load();
  const others = new Map();
  for (const other of table.others) others.set(other, await loadLexer(other));
  return new Lexer(table, others);
}

export class Lexer {
  #expressions;
  #states;
  #types;
  #others;

  constructor(table, others) {
    this.#expressions = table.expressions.map((source) => new RegExp(source, "uy"));
    this.#states = table.states;
    const [before, after, names] = table.names.length ? table.names : ["", "", []];
    this.#types = { before, after, names: new Set(names) };
    this.#others = others;
  }

  /** The tokens of `text` from `position` on; where colouring can begin anew after one, with the states there.
   * @param {string} text @returns {Generator<{token: Token, states: string[] | null}>} */
  *tokens(text, position = 0, initial = ["root"]) {
    let pos = position;
    let states = [...initial];
    for (let empty = 0; empty <= MAX_EMPTY;) {
      const step = this.#step(text, pos, states);
      if (!step) {
        if (pos >= text.length) return;
        const character = String.fromCodePoint(text.codePointAt(pos));
        if (character === "\n") states = ["root"];
        pos += character.length;
        yield { token: [character === "\n" ? "" : "err", character], states };
        continue;
      }
      const { tokens, end } = step;
      let at = pos;
      for (const [index, token] of tokens.entries()) {
        at += token[1].length;
        yield { token, states: index === tokens.length - 1 ? states : null };
      }
      if (at !== end) throw new Error("a lexer left out a part of the code");
      empty = end > pos ? 0 : empty + 1;
      pos = end;
    }
    throw new Error("a lexer makes no progress");
  }

  /** Apply the first rule that matches at `pos`, which may change `states`. Null if none does. */
  #step(text, pos, states) {
    for (const [number, action, following] of this.#states[states.at(-1)]) {
      const expression = this.#expressions[number];
      expression.lastIndex = pos;
      const match = expression.exec(text);
      if (!match) continue;
      const tokens = this.#tokensOf(action, match);
      enter(states, following);
      return { tokens, end: pos + match[0].length };
    }
    return null;
  }

  #tokensOf(action, match) {
    if (action === null) return [];
    if (typeof action === "string") return match[0] ? [this.#named([action, match[0]])] : [];
    if (Array.isArray(action)) return action.flatMap((each, index) => this.#tokensOf(each, [match[index + 1] ?? ""]));
    const lexer = action.using ? this.#others.get(action.using) : this;
    return [...lexer.tokens(match[0], 0, action.stack)].map(({ token }) => token);
  }

  #named(token) {
    const { before, after, names } = this.#types;
    return token[0] === before && names.has(token[1]) ? [after, token[1]] : token;
  }
}

/** Change `states` as a rule says: numbers leave so many of them.
 * @param {string[]} states @param {number | string | (number | string)[] | undefined} following */
function enter(states, following) {
  if (typeof following === "number") states.splice(Math.max(states.length + following, 1));
  else if (following === "#push") states.push(states.at(-1));
  else if (following) for (const each of following) enterState(states, each);
}

function enterState(states, each) {
  if (each === "#pop") states.splice(Math.max(states.length - 1, 1));
  else if (each === "#push") states.push(states.at(-1));
  else states.push(each);
}

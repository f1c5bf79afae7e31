/* Parses the blocks of an answer that are not finished, and finds out which of them are. */

import { addTask } from "./block_rules.js";
import { completed } from "./completed_text.js";
import { LimitExceeded } from "./drawing_limits.js";

/** Tokens of `source`: as many whole blocks as could be parsed.
 * @param {any} parser @param {string} source */
export function parseBlocks(parser, source) {
  const env = { references: Object.create(null), footnotes: Object.create(null) };
  const all = [];
  let isWhole = true;
  try {
    parser.block.parse(source, parser, env, all);
  } catch (error) {
    if (!(error instanceof LimitExceeded)) console.warn("This text could not be drawn as Markdown", error);
    isWhole = false;
    while (all.length && !isEndOfBlock(all.at(-1))) all.pop();
  }
  const tokens = all.filter(({ type }) => type !== "reference_definition");
  for (const token of tokens) if (token.type === "inline") token.content = token.content.trim(); // as markdown-it-py does
  const definitions = all.filter(({ type }) => type === "reference_definition" || type === "footnote_open");
  return { tokens, definitions, env, isWhole };
}

/** Parse the content of the paragraph `tokens[index]`.
 * @param {any} parser @param {any[]} tokens @param {number} index @param {any} env */
export function parseInline(parser, tokens, index, env) {
  const token = tokens[index];
  token.source ??= token.content;
  token.content = token.source;
  token.children = [];
  addTask(tokens, index, parser.constructor.Token);
  parser.inline.parse(token.isCompleted ? completed(token.content) : token.content, parser, env, token.children);
}

function isEndOfBlock({ level, nesting, type }) {
  return level === 0 && nesting <= 0 && type !== "inline";
}

/** Where the line `number` of `source` begins. */
export function offsetOfLine(source, number) {
  let offset = 0;
  for (let line = 0; line < number; line += 1) {
    const end = source.indexOf("\n", offset);
    if (end < 0) return source.length;
    offset = end + 1;
  }
  return offset;
}

/** The line after the blocks that `tokens` are. */
export function lineAfter(tokens) {
  return tokens.findLast(({ level, map }) => level === 0 && map)?.map[1] ?? 0;
}

/** The index of the first token that more text may change: the beginning of a block whose first line is complete, and
 * before which no block can go on. What stands before it is finished.
 * @param {any[]} tokens @param {any[]} definitions @param {string} source */
export function firstOpenToken(tokens, definitions, source) {
  for (let index = tokens.length - 1; index > 0; index -= 1) {
    const token = tokens[index];
    if (token.level !== 0 || token.nesting < 0 || token.type === "inline") continue;
    const offset = offsetOfLine(source, token.map[0]);
    const isComplete = source.indexOf("\n", offset) >= 0;
    if (isComplete && (isAfterBlankLine(source, offset) || endsWhatIsBefore(tokens, index, definitions))) return index;
  }
  return 0;
}

function isAfterBlankLine(source, offset) {
  return /\n[ \t]*\n$/.test(source.slice(Math.max(offset - 100, 0), offset));
}

/** Whether a block without a blank line before it ends all that is before it, whatever follows. */
function endsWhatIsBefore(tokens, index, definitions) {
  const isMarked = ["fence", "hr"].includes(tokens[index].type) || tokens[index].markup.startsWith("#");
  const [line] = tokens[index].map;
  if (!isMarked || definitions.some(({ map }) => map[1] === line)) return false;
  const before = tokens
    .slice(0, index)
    .findLast(({ level, nesting, type }) => level <= 1 && type === "inline" && !nesting);
  return !before?.content.startsWith("$$");
}

/** The code of an open fence that may be cut out of `source`, and the source without it; null if there is little.
 * @param {any[]} tokens @param {string} source @param {number} length of code that stays */
export function cutCode(tokens, source, length) {
  const [fence] = tokens;
  if (tokens.length !== 1 || fence.type !== "fence" || source.length < length) return null;
  const lines = source.split("\n");
  const isClosed = lines.some((line, number) => number > fence.map[0] && isClosing(line, fence.markup));
  if (isClosed) return null;
  const last = fence.content.endsWith("\n") ? fence.content.length : fence.content.lastIndexOf("\n") + 1;
  return { code: fence.content.slice(0, last), source: [lines[fence.map[0]], lines.at(-1)].join("\n") };
}

function isClosing(line, markup) {
  const text = line.trim();
  return text.length >= markup.length && text === markup[0].repeat(text.length);
}

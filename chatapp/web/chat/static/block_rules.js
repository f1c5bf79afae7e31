/* Rules of the Markdown of answers for blocks: formulas and footnotes. The same as in runs/rendering/grammar.py. */

const FOOTNOTE_DEFINITION = /\[\^([^\s[\]]{1,100})\]:[ \t]*/y;
const TASK = /^\[[ xX]\][ \t\n]/;

/** @param {import("../vendor/markdown-it/dist/browser/markdown-it.esm.min.mjs").MarkdownIt} parser */
export function addBlockRules(parser) {
  const interrupts = { alt: ["paragraph", "reference", "blockquote", "list"] };
  parser.block.ruler.before("fence", "formula_block", formulaBlock);
  parser.block.ruler.before("reference", "footnote", footnoteDefinition, interrupts);
}

/** Lines between `$$`. A line that is only `$$` opens a block as a fence does. */
function formulaBlock(state, start, end, _silent) {
  if (isIndented(state, start)) return false;
  const first = lineOf(state, start);
  if (!first.startsWith("$$")) return false;
  const closing = first.indexOf("$$", 2);
  if (closing === 2 || (closing !== -1 && closing !== first.length - 2)) return false;
  const after = closing > 0 ? start + 1 : lineAfterFormula(state, start, end, first === "$$");
  if (after === null) return false;
  const token = state.push("formula_block", "", 0);
  const lines = [];
  for (let line = start; line < after; line += 1) lines.push(lineOf(state, line));
  token.content = lines.join("\n");
  token.map = [start, after];
  state.line = after;
  return true;
}

/** The line after the closing marks, or after a fence that is not closed. Null if this is no formula. */
function lineAfterFormula(state, start, end, isFence) {
  for (let line = start + 1; line < end; line += 1) {
    const isBlank = state.isEmpty(line);
    if (!isBlank && state.sCount[line] < state.blkIndent) return isFence ? line : null; // the end of the item around it
    if (isBlank && !isFence) return null;
    if (lineOf(state, line).endsWith("$$")) return line + 1;
  }
  return isFence ? end : null;
}

function isIndented(state, line) {
  return state.sCount[line] - state.blkIndent >= 4;
}

function lineOf(state, line) {
  return state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]).replace(/[ \t]+$/, "");
}

function footnoteDefinition(state, start, end, silent) {
  if (isIndented(state, start)) return false;
  FOOTNOTE_DEFINITION.lastIndex = state.bMarks[start] + state.tShift[start];
  const match = FOOTNOTE_DEFINITION.exec(state.src);
  if (!match || FOOTNOTE_DEFINITION.lastIndex > state.eMarks[start]) return false;
  if (silent) return true;
  const after = endOfParagraph(state, start, end);
  const [mark, label] = match;
  state.env.footnotes[label] = label;
  const opening = state.push("footnote_open", "div", 1);
  opening.map = [start, after];
  opening.meta = { label };
  const inline = state.push("inline", "", 0);
  const text = state.getLines(start, after, state.blkIndent, false).replace(/^[ \t\n]+|[ \t\n]+$/g, "");
  inline.content = text.slice(mark.trimEnd().length).replace(/^[ \t]+/, "");
  inline.map = [start, after];
  inline.children = [];
  state.push("footnote_close", "div", -1);
  state.line = after;
  return true;
}

function endOfParagraph(state, start, end) {
  const rules = state.md.block.ruler.getRules("paragraph");
  const parent = state.parentType;
  state.parentType = "paragraph";
  let line = start + 1;
  for (; line < end && !state.isEmpty(line); line += 1) {
    const canInterrupt = state.sCount[line] >= 0 && !isIndented(state, line);
    if (canInterrupt && rules.some((rule) => rule(state, line, end, true))) break;
  }
  state.parentType = parent;
  return line;
}

/** Make a box of the mark at the beginning of an item; `inline` is its first line's token.
 * @param {any[]} tokens @param {number} index @param {any} Token */
export function addTask(tokens, index, Token) {
  const inline = tokens[index];
  const isFirst = tokens[index - 1]?.type === "paragraph_open" && tokens[index - 2]?.type === "list_item_open";
  inline.isTask ??= isFirst && TASK.test(inline.content);
  if (!inline.isTask) return;
  const task = new Token("task", "input", 0);
  task.meta = { isDone: inline.content[1] !== " " };
  inline.content = inline.content.slice(3);
  inline.children = [task];
}

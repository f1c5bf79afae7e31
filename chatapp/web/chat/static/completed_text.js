/* The last line of a text that is still arriving, with the marks closed that are open: what is being written is bold, code
or a link from its first letter on, instead of showing its marks until it is closed. */

const HALF_LINK = /!?\[([^[\]]*)\]\([^()\s]*$/;
const CODE_FORMULA_OR_ESCAPE = /(?<!`)(`+)(?!`)[^\n]*?[^`]\1(?!`)|\$[^$\n]+\$|\\[!-/:-@[-`{-~]/g;
const OPEN_CODE = /(?<!`)(`+)(?!`)[^`]*$/;
const MARK = /\*\*|~~|\*|_/g;
const WORD = /[\p{L}\p{N}]/u;

/** Never empty, except for an empty text.
 * @param {string} text */
export function completed(text) {
  const rest = text.replace(HALF_LINK, "[$1]()");
  const marks = rest.replace(CODE_FORMULA_OR_ESCAPE, (found) => "x".repeat(found.length));
  const code = OPEN_CODE.exec(marks);
  if (code) return (code[0] === code[1] ? rest.slice(0, code.index) : rest + code[1]) || text;
  const end = /[*_~]*$/.exec(marks).index; // marks at the end may become anything
  return rest.slice(0, end) + openMarks(marks.slice(0, end)).reverse().join("") || text;
}

/** @param {string} text */
function openMarks(text) {
  const open = [];
  for (const { 0: mark, index } of text.matchAll(MARK)) {
    const before = text[index - 1] ?? " ";
    const after = text[index + mark.length] ?? " ";
    if (open.includes(mark) && before.trim()) open.length = open.indexOf(mark);
    else if (after.trim() && (mark.length > 1 || !WORD.test(before))) open.push(mark);
  }
  return open;
}

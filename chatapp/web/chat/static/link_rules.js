/* Links in the Markdown of answers that are written without brackets. The same rules as in runs/rendering/grammar.py. */

const SCHEME = /(?:^|[^a-zA-Z0-9+.-])(https?)$/i;
const TEXT_END = /[\n!#$%&*+\-:<=>@[\\\]^_`{}~]|(?<=[ \t(])www\./g;
const BARE_LINK =
  /(?::\/\/|www\.)[^\x00-\x20<>"`\x7f-\xa0\xab\xbb\u1680\u2000-\u206f\u3000-\u303f\ufe30-\ufe6f\ufeff\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+/y; // eslint-disable-line no-control-regex
const LINK_END = /(?:&[a-zA-Z0-9]+;|[?!.,:;*_~'|])+$/;
const BEFORE_LINK = /^[ \t\n*_~(]?$/;
const HOST = /[\p{L}\p{N}_.-]*/u;
const EMAIL_HOST = /@[a-zA-Z0-9_-]+(?:\.[a-zA-Z0-9_-]+)+/g;
const EMAIL_NAME = /[a-zA-Z0-9._+-]/;

/** @param {any} parser */
export function addLinkRules(parser) {
  parser.inline.ruler.before("escape", "bare_link", bareLink);
  parser.inline.ruler.before("text", "www_link", wwwLink);
  parser.inline.ruler.at("text", text);
  parser.inline.ruler2.after("fragments_join", "email_link", emailLinks);
}

/** What `pattern`, which is sticky, matches at the position of `state`. */
export function matchAt(state, pattern, position = state.pos) {
  pattern.lastIndex = position;
  const match = pattern.exec(state.src);
  return match && pattern.lastIndex <= state.posMax ? match : null;
}

/** A bare address, up to its trailing punctuation and a bracket that it does not open. */
function bareLink(state, silent) {
  if (state.src[state.pos] !== ":" || state.linkLevel > 0 || silent) return false;
  const scheme = SCHEME.exec(state.pending.slice(-6))?.[1];
  const match = matchAt(state, BARE_LINK);
  if (!scheme || !match) return false;
  const rest = trimmedLink(match[0]);
  if (rest.length <= "://".length) return false;
  state.pending = state.pending.slice(0, -scheme.length);
  pushLink(state, scheme + rest, scheme + rest);
  state.pos += rest.length;
  return true;
}

/** An address that begins with `www.`, with a dot in its host and no `_` in the last two parts of it. */
function wwwLink(state, silent) {
  if (state.src[state.pos] !== "w" || state.linkLevel > 0 || silent) return false;
  if (!BEFORE_LINK.test(state.src[state.pos - 1] ?? "")) return false;
  const match = matchAt(state, BARE_LINK);
  if (!match || /_[^.]*(\.[^.]*)?$/.test(HOST.exec(match[0])[0])) return false;
  const link = trimmedLink(match[0]);
  if (link.length <= "www.".length) return false;
  pushLink(state, link, `http://${link}`);
  state.pos += link.length;
  return true;
}

function pushLink(state, content, url) {
  state.push("link_open", "a", 1).attrs = [["href", state.md.normalizeLink(url)]];
  state.push("text", "", 0).content = content;
  state.push("link_close", "a", -1);
}

/** As the parser's own rule, which does not stop at `www.` */
function text(state, silent) {
  const { src, pos, posMax, pending } = state;
  TEXT_END.lastIndex = pos;
  if (TEXT_END.exec(src)?.index === pos && src[pos] !== "w") return false;
  TEXT_END.lastIndex = pos + 1;
  const end = Math.min(TEXT_END.exec(src)?.index ?? posMax, posMax);
  if (!silent) state.pending = pending + src.slice(pos, end);
  state.pos = end;
  return true;
}

/** After all other rules: addresses of e-mail become links. `_` in them is no emphasis within a word. */
function emailLinks(state) {
  if (!state.src.includes("@")) return;
  let depth = 0;
  for (const token of state.tokens.splice(0)) {
    if (token.type === "link_open" || token.type === "link_close") depth += token.nesting;
    if (token.type === "text" && depth === 0) state.tokens.push(...withEmailLinks(token, state));
    else state.tokens.push(token);
  }
}

function withEmailLinks(token, state) {
  const { content, level } = token;
  const tokens = [];
  let end = 0; // of what is in `tokens`
  const push = (type, tag, nesting, fields) => tokens.push(Object.assign(new state.Token(type, tag, nesting), fields));
  for (const { 0: host, index } of content.matchAll(EMAIL_HOST)) {
    let start = index;
    while (start > end && EMAIL_NAME.test(content[start - 1])) start -= 1;
    if (start === index || /[-_]$/.test(host)) continue;
    const address = content.slice(start, index) + host;
    if (start > end) push("text", "", 0, { content: content.slice(end, start), level });
    push("link_open", "a", 1, { attrs: [["href", state.md.normalizeLink(`mailto:${address}`)]], level });
    push("text", "", 0, { content: address, level: level + 1 });
    push("link_close", "a", -1, { level });
    end = index + host.length;
  }
  if (!end) return [token];
  if (end < content.length) push("text", "", 0, { content: content.slice(end), level });
  return tokens;
}

function trimmedLink(link) {
  for (let rest = link; ;) {
    let trimmed = rest.replace(LINK_END, "");
    for (const [opening, closing] of ["()", "[]"]) {
      const isUnopened = trimmed.split(closing).length > trimmed.split(opening).length;
      if (trimmed.endsWith(closing) && isUnopened) trimmed = trimmed.slice(0, -1);
    }
    if (trimmed === rest) return rest;
    rest = trimmed;
  }
}

/* The links and footnotes that an answer defines. They are used from when the block that defines them is finished; text
that came before is then drawn anew, if it mentions them. */

const MAX_REDRAWN = 2_000; // paragraphs of an answer; the server's HTML has the others right

export class Definitions {
  #kinds = { references: new Map(), footnotes: new Map() };
  #waiting = new Map(); // what is not defined -> the finished paragraphs that mention it
  #redrawn = 0;

  /** markdown-it's environment for the content of a paragraph: remembers in `missed` what is not defined.
   * @param {Set<string>} missed */
  environment(missed) {
    const env = {};
    for (const [kind, defined] of Object.entries(this.#kinds)) {
      const get = (_target, label) => {
        if (!defined.has(label)) missed.add(`${kind} ${label}`);
        return defined.get(label);
      };
      env[kind] = new Proxy({}, { get });
    }
    return env;
  }

  /** Paragraphs are finished: they may have to be drawn anew when what they mention is defined.
   * @param {any[]} tokens */
  watch(tokens) {
    for (const token of tokens) {
      for (const label of token.missed ?? []) {
        if (!this.#waiting.has(label)) this.#waiting.set(label, []);
        this.#waiting.get(label).push(token);
      }
    }
  }

  /** Add what the finished blocks before `line` define. Returns the finished paragraphs that mention it.
   * @param {any[]} definitions @param {any} env of the parser's blocks */
  add(definitions, env) {
    const tokens = new Set();
    for (const { type, meta } of definitions) {
      const kind = type === "footnote_open" ? "footnotes" : "references";
      const defined = this.#kinds[kind];
      if (defined.has(meta.label)) continue;
      defined.set(meta.label, env[kind][meta.label]);
      for (const token of this.#waiting.get(`${kind} ${meta.label}`) ?? []) tokens.add(token);
      this.#waiting.delete(`${kind} ${meta.label}`);
    }
    const allowed = [...tokens].slice(0, Math.max(MAX_REDRAWN - this.#redrawn, 0));
    this.#redrawn += allowed.length;
    return allowed;
  }
}

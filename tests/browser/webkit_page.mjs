// What webkit_bridge.py puts into each page: `window.__bidi` calls functions, keeps what they return, and says what
// became of the page. Everything goes out as JSON: WebDriver would make references of nodes.
(() => {
  const page = Math.random().toString(36).slice(2);
  const kept = new Map();
  const pending = new Map();
  const entries = [];
  const compiled = new Map();
  let last = 0;

  // Playwright's functions evaluate text, which a page's security policy forbids. The text comes compiled beside it.
  const evaluate = window.eval;
  window.eval = (text) => (compiled.has(text) ? compiled.get(text)() : evaluate(text));

  const keep = (value) => {
    const handle = `${page}.${++last}`;
    kept.set(handle, value);
    return handle;
  };

  const number = (value) =>
    Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? "-0" : String(value);

  /** A value as BiDi's RemoteValue; with a handle if it is to be used again. */
  const write = (value, isKept, depth = 10) => {
    if (value === undefined) return { type: "undefined" };
    if (value === null) return { type: "null" };
    if (typeof value === "string" || typeof value === "boolean") return { type: typeof value, value };
    if (typeof value === "number") return { type: "number", value: number(value) };
    if (typeof value === "bigint") return { type: "bigint", value: String(value) };
    const handle = isKept ? { handle: keep(value) } : {};
    if (typeof value === "function" || typeof value === "symbol") return { type: typeof value, ...handle };
    if (value instanceof Node) {
      const sharedId = handle.handle ?? keep(value);
      return { type: "node", sharedId, ...handle, value: { nodeType: value.nodeType, localName: value.localName } };
    }
    if (value === window) return { type: "window", ...handle };
    if (value instanceof Error) return { type: "error", ...handle };
    if (value instanceof Promise) return { type: "promise", ...handle };
    if (value instanceof Date) return { type: "date", value: value.toISOString(), ...handle };
    if (value instanceof RegExp)
      return { type: "regexp", value: { pattern: value.source, flags: value.flags }, ...handle };
    if (isKept || depth === 0) return { type: Array.isArray(value) ? "array" : "object", ...handle };
    if (Array.isArray(value)) return { type: "array", value: value.map((each) => write(each, false, depth - 1)) };
    return {
      type: "object",
      value: Object.entries(value).map(([name, each]) => [name, write(each, false, depth - 1)]),
    };
  };

  const read = (value) => {
    const handle = value.handle ?? value.sharedId;
    if (handle !== undefined) {
      if (!kept.has(handle)) throw new ReferenceError("no such handle");
      return kept.get(handle);
    }
    if (value.type === "null") return null;
    if (value.type === "number") return Number(value.value);
    if (value.type === "bigint") return BigInt(value.value);
    if (value.type === "array") return value.value.map(read);
    if (value.type === "date") return new Date(value.value);
    if (value.type === "regexp") return new RegExp(value.value.pattern, value.value.flags);
    if (value.type === "object")
      return Object.fromEntries(
        value.value.map(([name, each]) => [typeof name === "string" ? name : read(name), read(each)]),
      );
    return value.value;
  };

  const exception = (error) => {
    const name = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const stack = error instanceof Error ? `\n${error.stack}` : "";
    return { type: "exception", exceptionDetails: { text: name + stack } };
  };

  const settle = (promise, isKept) => {
    const id = String(++last);
    pending.set(id, { pending: id });
    promise.then(
      (value) => pending.set(id, { type: "success", result: write(value, isKept) }),
      (error) => pending.set(id, exception(error)),
    );
    return id;
  };

  const state = () => ({ page, url: location.href, ready: document.readyState, entries: entries.splice(0) });

  window.__bidi = {
    kept,
    state: () => JSON.stringify({ state: state() }),

    /** `code` is what the function may evaluate: pairs of a text and a function that returns what the text is. */
    call(declared, values, isKept, isAwaited, code) {
      let result;
      try {
        for (const [text, value] of code) compiled.set(text, value);
        const value = declared(...values.map(read));
        if (isAwaited && typeof value?.then === "function") result = { pending: settle(value, isKept) };
        else result = { type: "success", result: write(value, isKept) };
      } catch (error) {
        result = exception(error);
      }
      return JSON.stringify({ result, state: state() });
    },

    poll(id) {
      const result = pending.get(id) ?? exception(new ReferenceError("no such handle"));
      if (!result.pending) pending.delete(id);
      return JSON.stringify({ result, state: state() });
    },
  };

  for (const [method, level] of [
    ["error", "error"],
    ["warn", "warn"],
  ]) {
    const write = console[method];
    console[method] = (...args) => {
      entries.push({ type: "console", level, method, text: args.map(String).join(" ") });
      write.apply(console, args);
    };
  }
  addEventListener("error", ({ error, message }) => {
    if (message) entries.push({ type: "javascript", level: "error", text: error ? String(error) : message });
  });
  addEventListener("unhandledrejection", ({ reason }) => {
    entries.push({ type: "javascript", level: "error", text: String(reason) });
  });
})();

// EventSources of the npm package, as tests tell them what to do: one command a line, one answer a line.
import { EventSource } from "eventsource";
import { createInterface } from "node:readline";

const sources = {};

const commands = {
  open({ name, url, token }) {
    const headers = { Authorization: `Bearer ${token}` };
    const it = new EventSource(url, {
      fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...headers } }),
    });
    const heard = { events: [], errors: [] };
    it.onmessage = (event) => heard.events.push([event.lastEventId, event.data]);
    it.onerror = (event) => heard.errors.push([it.readyState, event.code ?? null]);
    sources[name] = { it, heard };
  },
  state({ name }) {
    return { readyState: sources[name].it.readyState, ...sources[name].heard };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  try {
    const command = JSON.parse(line);
    console.log(JSON.stringify({ value: commands[command.do](command) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ failure: String(error.stack) }));
  }
}
